# SPDX-License-Identifier: GPL-3.0-or-later
"""origin_test.py: `ringfetch serve`, endpoint by endpoint, asked by clients that are not ours.

One origin serves a whole class; raw sockets are used wherever http.client would hide what came. origin_tls_test.py runs the
same tests over TLS.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import ssl
import tempfile
import time
import unittest

import harness

LIMIT = 10 * harness.SLOW


def pattern(count, seed=0, first=0):
    """What /bytes/N?seed=S documents."""
    positions = ((i + seed) % 65521 for i in range(first, first + count))
    return bytes((131 * j + 17 * (j // 256)) % 256 for j in positions)


class Raw:
    """A connection that shows every byte; over TLS if there is a context."""

    def __init__(self, origin, address=None, context=None):
        self.socket = socket.create_connection((address or origin.host, origin.port), timeout=LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.ahead = b""

    def send(self, text):
        self.socket.sendall(text.encode("latin-1") if isinstance(text, str) else text)
        return self

    def get(self, path, version="1.1", *fields):
        lines = [f"GET {path} HTTP/{version}", "Host: test", *fields, "", ""]
        return self.send("\r\n".join(lines))

    def until(self, mark):
        while mark not in self.ahead:
            more = self.socket.recv(65536)
            if not more:
                raise AssertionError(f"closed before {mark}: {self.ahead[-300:]}")
            self.ahead += more
        found, _, self.ahead = self.ahead.partition(mark)
        return found + mark

    def take(self, count):
        while len(self.ahead) < count:
            more = self.socket.recv(65536)
            if not more:
                raise AssertionError(f"closed after {len(self.ahead)} of {count} bytes")
            self.ahead += more
        taken, self.ahead = self.ahead[:count], self.ahead[count:]
        return taken

    def head(self):
        """(status, fields in lower case) of the next response."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in fields}

    def response(self):
        status, fields = self.head()
        return status, fields, self.take(int(fields.get("content-length", 0)))

    def rest(self):
        """All that comes until the end."""
        got, self.ahead = self.ahead, b""
        while more := self.socket.recv(65536):
            got += more
        return got

    def close(self):
        self.socket.close()


def authority(origin):
    """The file that the origin says to trust it with."""
    told = lambda: [line for line in origin.lines if "trust it with --cacert " in line]
    harness.wait_until(told, 10, "the line about --cacert")
    return told()[0].split("--cacert ", 1)[1].rstrip("\n")


class OriginCase(unittest.TestCase):
    transport = options = ()
    context = None  # over TLS: Python's own settings

    @classmethod
    def setUpClass(cls):
        cls.origin = harness.Origin(*cls.transport, *cls.options)
        cls.origin.start()
        cls.addClassCleanup(cls.origin.stop)

    def raw(self, address=None):
        raw = Raw(self.origin, address, self.context)
        self.addCleanup(raw.close)
        return raw

    def ask(self, path, method="GET", body=None, headers=None):
        """(status, fields, body) by http.client, on a connection of its own."""
        where = self.origin.host, self.origin.port
        if self.context:
            client = http.client.HTTPSConnection(*where, timeout=LIMIT, context=self.context)
        else:
            client = http.client.HTTPConnection(*where, timeout=LIMIT)
        with contextlib.closing(client):
            client.request(method, path, body, headers or {})
            answer = client.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, fields, answer.read()

    def json(self, path):
        return json.loads(self.ask(path)[2])


class SizesTest(OriginCase):
    def test_help_page(self):
        status, _, body = self.ask("/")
        self.assertEqual(status, 200)
        self.assertIn(b"/bytes/N", body)

    def test_bytes(self):
        for count in (0, 1, 100, 3071, 3072, 3073, 65521, 262144, 262145, 700001):
            with self.subTest(count):
                status, fields, body = self.ask(f"/bytes/{count}")
                self.assertEqual((status, int(fields["content-length"])), (200, count))
                self.assertTrue(body == pattern(count))
        self.assertEqual(self.ask("/bytes/2k")[2], pattern(2048))
        self.assertEqual(self.ask("/bytes/500?seed=65000")[2], pattern(500, 65000))
        self.assertEqual(self.ask("/s")[2], pattern(100))
        for bad in ("/bytes/", "/bytes/x", "/bytes/-1", "/bytes/5?seed=a"):
            self.assertEqual(self.ask(bad)[0], 400, bad)

    def test_head_has_no_body(self):
        raw = self.raw()
        for path in ("/bytes/100000", "/bytes/10", "/headers", "/chunked/10", "/status/404", "/echo"):
            raw.send(f"HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n")
            raw.head()
        raw.get("/s")
        self.assertEqual(raw.response()[2], pattern(100))

    def test_ranges(self):
        status, fields, body = self.ask("/bytes/100000?seed=5", headers={"Range": "bytes=66000-99998"})
        self.assertEqual((status, fields["content-range"]), (206, "bytes 66000-99998/100000"))
        self.assertTrue(body == pattern(33999, 5, 66000))
        status, fields, body = self.ask("/bytes/100", headers={"Range": "bytes=100-"})
        self.assertEqual((status, fields["content-range"], body), (416, "bytes */100", b""))
        tag = self.ask("/bytes/100")[1]["etag"]
        for condition, expected in ((tag, 206), ('"other"', 200)):
            status, _, _ = self.ask("/bytes/100", headers={"Range": "bytes=1-2", "If-Range": condition})
            self.assertEqual(status, expected)
        self.assertEqual(self.ask("/bytes/100", headers={"If-None-Match": tag})[0], 304)
        self.assertNotEqual(self.ask("/bytes/100?seed=1")[1]["etag"], tag)

    def test_chunked(self):
        for count, chunk in ((0, 1), (1, 1), (5000, 1), (5000, 7), (9999, 3072), (10000, 4096), (300000, 262144)):
            with self.subTest(count=count, chunk=chunk):
                _, fields, body = self.ask(f"/chunked/{count}?chunk={chunk}")
                self.assertEqual(fields["transfer-encoding"], "chunked")
                self.assertTrue(body == pattern(count))
        raw = self.raw().get("/chunked/3?trailers=1")
        self.assertEqual(raw.head()[1]["trailer"], "X-Body-Bytes")
        self.assertEqual(raw.until(b"\r\n\r\n"), b"3\r\n" + pattern(3) + b"\r\n0\r\nX-Body-Bytes: 3\r\n\r\n")

    def test_close(self):
        for count in (0, 10, 300000):
            raw = self.raw().get(f"/close/{count}")
            fields = raw.head()[1]
            self.assertNotIn("content-length", fields)
            self.assertEqual(fields["connection"], "close")
            self.assertTrue(raw.rest() == pattern(count))

    def test_truncate(self):
        for count in (0, 10, 100000):
            raw = self.raw().get(f"/truncate/{count}")
            self.assertEqual(int(raw.head()[1]["content-length"]), 2 * count or 1)
            self.assertTrue(raw.rest() == pattern(count))

    def test_surplus(self):
        for count in (0, 10, 50000):
            raw = self.raw().get(f"/surplus/{count}")
            _, fields, body = raw.response()
            self.assertNotIn("connection", fields)
            self.assertTrue(body == pattern(count))
            self.assertEqual(raw.until(b"\n"), b"these bytes belong to no response\r\n")

    def test_drip(self):
        began = time.monotonic()
        status, _, body = self.ask("/drip?duration=0.2&bytes=20&delay=0.1&code=201")
        self.assertEqual((status, body), (201, pattern(20)))
        self.assertGreaterEqual(time.monotonic() - began, 0.28)
        self.assertTrue(self.ask("/drip?duration=0.05&bytes=200k&delay=0")[2] == pattern(204800))


class StatusTest(OriginCase):
    def test_status(self):
        for status in (200, 204, 301, 304, 404, 429, 500, 503, 599):
            self.assertEqual(self.ask(f"/status/{status}")[0], status)
        self.assertIn("www-authenticate", self.ask("/status/401")[1])
        self.assertEqual(self.ask("/status/100")[0], 400)
        self.assertEqual(self.ask("/nothing")[0], 404)
        self.assertEqual(self.ask("/bytes/1", "POST", b"x")[0], 405)

    def test_redirect(self):
        status, fields, _ = self.ask("/redirect/2?code=308")
        self.assertEqual((status, fields["location"]), (308, "/redirect/1?code=308"))
        self.assertEqual(self.ask("/redirect/1")[1]["location"], "/bytes/2")
        self.assertEqual(self.ask("/redirect/0")[2], pattern(2))
        self.assertEqual(self.ask("/redirect/1?to=http%3A%2F%2Fa%2F%3Fb")[1]["location"], "http://a/?b")
        self.assertEqual(self.ask("/redirect/1?to=/a%0d%0aX:y")[0], 400)

    def test_retry_after(self):
        answers = [self.ask("/retry-after/7?times=2&key=a") for _ in range(3)]
        self.assertEqual([answer[0] for answer in answers], [503, 503, 200])
        self.assertEqual(answers[0][1]["retry-after"], "7")
        self.assertEqual(self.ask("/retry-after/7?key=b&status=429")[0], 429)
        self.assertIn("GMT", self.ask("/retry-after/7?key=c&date=1")[1]["retry-after"])

    def test_flaky(self):
        path = "/flaky?fail=2&key=x&status=502"
        self.assertEqual([self.ask(path)[0] for _ in range(3)], [502, 502, 200])
        with self.assertRaises(ConnectionResetError):
            self.ask("/flaky?key=y&status=0")
        self.assertEqual(self.ask("/flaky?key=y&status=0")[0], 200)

    def test_name(self):
        cases = {"a.txt": 'filename="a.txt"', "..%2F..%2Fetc": 'filename="../../etc"', "a%22b": 'filename="a\\"b"'}
        for path, expected in cases.items():
            self.assertIn(expected, self.ask("/name/" + path)[1]["content-disposition"])
        self.assertIn("filename*=UTF-8''%C3%A9", self.ask("/name/%C3%A9")[1]["content-disposition"])
        self.assertEqual(self.ask("/name/a%0d%0ab")[0], 400)

    def test_headers(self):
        raw = self.raw().get("/headers", "1.1", "X-A: 1", 'x-a: "2"', "X-B: \xe9")
        seen = json.loads(raw.response()[2])["headers"]
        self.assertEqual(seen, {"Host": "test", "X-A": '1, "2"', "X-B": "\xe9"})
        raw.get("/headers", "1.1", *(f"X-{i}: {'v' * 300}" for i in range(90)))
        self.assertEqual(len(json.loads(raw.response()[2])["headers"]), 91)

    def test_stats(self):
        self.ask("/stats/reset")
        self.ask("/status/200")
        self.ask("/status/404")
        held = [self.raw().get("/delay/5") for _ in range(3)]
        both = lambda: self.json("/stats")["in_flight"]["now"] >= 4
        harness.wait_until(both, 5, "three delays in flight")
        stats = self.json("/stats")
        self.assertGreaterEqual(stats["connections"]["most"], 4)
        self.assertEqual(stats["paths"]["/status"], 2)
        self.assertEqual(stats["paths"]["/delay"], 3)
        for raw in held:
            raw.close()
        harness.wait_until(lambda: self.json("/stats")["in_flight"]["now"] == 1, 5, "the delays' end")


class FaultsTest(OriginCase):
    def test_delay(self):
        began = time.monotonic()
        raw = self.raw().get("/delay/0.15").get("/s")
        self.assertEqual(raw.response()[0], 200)
        self.assertGreaterEqual(time.monotonic() - began, 0.14)
        self.assertEqual(raw.response()[2], pattern(100))

    def test_reset(self):
        with self.assertRaises(ConnectionResetError):
            self.raw().get("/reset").rest()
        raw = self.raw().get("/reset/1000")
        self.assertEqual(int(raw.head()[1]["content-length"]), 2001)
        self.assertEqual(raw.take(1000), pattern(1000))
        with self.assertRaises(ConnectionResetError):
            raw.rest()

    def test_no_response(self):
        self.assertEqual(self.raw().get("/no-response").rest(), b"")

    def test_hang(self):
        raw = self.raw().get("/hang")
        raw.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            raw.socket.recv(1)

    def test_slow_head(self):
        raw = self.raw().get("/slow-head?delay=0.002")
        self.assertEqual(raw.response()[2], b"done\n")
        raw.send("HEAD /slow-head?delay=0.001 HTTP/1.1\r\nHost: a\r\n\r\n").head()
        raw.get("/s")
        self.assertEqual(raw.response()[2], pattern(100))

    def test_unsolicited(self):
        raw = self.raw().get("/unsolicited")
        self.assertEqual(raw.response()[0], 200)
        self.assertEqual(raw.response()[0], 408)

    def test_interim(self):
        raw = self.raw().get("/interim/100")
        self.assertEqual([raw.head()[0] for _ in range(100)], [103] * 100)
        self.assertEqual(raw.response()[0], 200)


class ProtocolTest(OriginCase):
    def test_pipelining(self):
        raw = self.raw()
        count = 500
        text = "".join(f"GET /bytes/{i} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(count))
        raw.send(text)
        for i in range(count):
            self.assertEqual(raw.response()[2], pattern(i))

    def test_every_cut(self):
        text = "POST /echo/body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n"
        for cut in range(1, len(text)):
            raw = self.raw()
            raw.send(text[:cut])
            raw.send(text[cut:] + "GET /s HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(raw.response()[2], b"abc")
            self.assertEqual(raw.response()[2], pattern(100))
            raw.close()

    def test_echo(self):
        body = random.Random(1).randbytes(300000)
        _, fields, got = self.ask("/echo/body", "PUT", body, {"Content-Type": "image/x"})
        self.assertTrue(got == body)
        self.assertEqual(fields["content-type"], "image/x")
        _, _, got = self.ask("/echo?q", "PATCH", b"the body", {"X-A": "b"})
        self.assertTrue(got.startswith(b"PATCH /echo?q HTTP/1.1\r\n"))
        self.assertTrue(got.endswith(b"\r\n\r\nthe body"))
        self.assertIn(b"X-A: b\r\n", got)
        raw = self.raw().send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(raw.response()[0], 404)

    def test_expect_continue(self):
        raw = self.raw().send("POST /echo/body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(raw.head()[0], 100)
        self.assertEqual(raw.send("abc").response()[2], b"abc")

    def test_bodies_nobody_wants(self):
        raw = self.raw().send("POST /status/200 HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
        raw.send(b"x" * 200000).get("/s")
        self.assertEqual(raw.response()[0], 200)
        self.assertEqual(raw.response()[2], pattern(100))

    def test_http_1_0(self):
        raw = self.raw().send("GET /bytes/5 HTTP/1.0\r\n\r\n")
        self.assertEqual(raw.head()[1]["connection"], "close")
        self.assertEqual(raw.rest(), pattern(5))
        raw = self.raw().get("/bytes/5", "1.0", "Connection: keep-alive")
        self.assertEqual(raw.response()[1]["connection"], "keep-alive")
        raw.get("/chunked/5", "1.0")
        self.assertNotIn("transfer-encoding", raw.head()[1])
        self.assertEqual(raw.rest(), pattern(5))

    def test_connection_close(self):
        raw = self.raw().get("/s", "1.1", "Connection: close")
        self.assertEqual(raw.head()[1]["connection"], "close")
        self.assertEqual(raw.rest(), pattern(100))

    def test_half_closed_client_is_answered(self):
        raw = self.raw().get("/bytes/500000").get("/s", "1.1")
        raw.head()
        # Python's own shutdown would drop TLS, too.
        socket.socket.shutdown(raw.socket, socket.SHUT_WR)
        self.assertTrue(raw.take(500000) == pattern(500000))
        self.assertTrue(raw.rest().endswith(pattern(100)))

    def test_malformed(self):
        chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        cases = {
            "GET / HTTP/1.1\r\n\r\n": 400,
            "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n": 400,
            "\x16\x03\x01\x02\x00": 400,
            "GET / HTTP/3.0\r\nHost: a\r\n\r\n": 505,
            "GET / HTTP/1.1\r\nHost: a\r\nX: " + "y" * 40000: 431,
            "GET /" + "y" * 40000: 414,
            chunked + "zz\r\n": 400,
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n": 413,
        }
        for text, status in cases.items():
            with self.subTest(text[:60]):
                raw = self.raw().send(text)
                got, fields, _ = raw.response()
                self.assertEqual((got, fields["connection"]), (status, "close"))
                self.assertEqual(raw.rest(), b"")

    def test_client_that_never_reads_is_held_back(self):
        raw = self.raw()
        raw.socket.settimeout(1)
        request = b"GET /bytes/100k HTTP/1.1\r\nHost: a\r\n\r\n" * 1000
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 64 << 20:
                sent += raw.socket.send(request)
        self.assertEqual(self.ask("/s")[0], 200)

    def test_many_at_once(self):
        raws = [self.raw().get("/delay/0.3") for _ in range(300)]
        self.assertEqual({raw.response()[0] for raw in raws}, {200})


class FileTest(OriginCase):
    @classmethod
    def setUpClass(cls):
        top = tempfile.TemporaryDirectory(prefix="rf-origin-")
        cls.addClassCleanup(top.cleanup)
        cls.dir = os.path.join(top.name, "served")
        os.makedirs(os.path.join(cls.dir, "sub"))
        files = {"a.txt": b"text", "sub/p q.png": b"picture", "empty": b"", "big": random.Random(2).randbytes(1 << 20)}
        for name, content in files.items():
            with open(os.path.join(cls.dir, name), "wb") as file:
                file.write(content)
        with open(os.path.join(top.name, "secret"), "wb") as file:
            file.write(b"secret")
        os.symlink("../secret", os.path.join(cls.dir, "out"))
        os.symlink("a.txt", os.path.join(cls.dir, "in"))
        os.mkfifo(os.path.join(cls.dir, "fifo"))
        cls.big = files["big"]
        cls.options = ("--dir", cls.dir)
        super().setUpClass()

    def test_files(self):
        status, fields, body = self.ask("/file/a.txt")
        self.assertEqual((status, fields["content-type"], body), (200, "text/plain", b"text"))
        self.assertEqual(self.ask("/file/sub/p%20q.png")[2], b"picture")
        self.assertEqual(self.ask("/file/in")[2], b"text")
        self.assertEqual(self.ask("/file/empty")[2], b"")
        self.assertTrue(self.ask("/file/big")[2] == self.big)
        raw = self.raw().send("HEAD /file/big HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(int(raw.head()[1]["content-length"]), 1 << 20)

    def test_nothing_outside(self):
        for path in ("out", "../secret", "%2e%2e/secret", "%2Fetc/passwd", "sub", "", "fifo", "no", "a.txt%00"):
            self.assertEqual(self.raw().get("/file/" + path).response()[0], 404, path)

    def test_no_descriptor_stays_open(self):
        with open(os.path.join(self.dir, "huge"), "wb") as file:
            file.truncate(1 << 30)
        open_files = lambda: len(os.listdir(f"/proc/{self.origin.process.pid}/fd"))
        before = open_files()
        raws = [self.raw().get("/file/huge") for _ in range(5)]
        for raw in raws:
            raw.head()
        self.assertEqual(open_files(), before + 5)
        for raw in raws:
            raw.close()
        harness.wait_until(lambda: open_files() == before, 5, "closed files")

    def test_ranges(self):
        status, fields, body = self.ask("/file/big", headers={"Range": "bytes=200000-999999"})
        self.assertEqual((status, fields["content-range"]), (206, "bytes 200000-999999/1048576"))
        self.assertTrue(body == self.big[200000:1000000])
        self.assertEqual(self.ask("/file/big", headers={"If-None-Match": fields["etag"]})[0], 304)
        self.assertEqual(self.ask("/file/big", headers={"If-Modified-Since": fields["last-modified"]})[0], 304)


class CommandTest(harness.Case):
    def test_refusals(self):
        for args, part in (
            (("--port", "99999"), "--port"),
            (("--tls-name", "a.test"), "--tls-name needs --tls"),
            (("--cert", "a.pem"), "--cert needs --tls"),
            (("--tls", "--key", "a.pem"), "--key needs --cert"),
            (("--tls", "--cert", "a.pem", "--tls-ca", "b.pem"), "--tls-ca"),
            (("--address", "nowhere"), "--address nowhere"),
            (("--nonsense",), "--nonsense"),
        ):
            run = self.ringfetch("serve", *args, exit=2)
            self.assertEqual(len(run.err.splitlines()), 1, run)
            self.assertIn(part, run.err)
        self.ringfetch("serve", "--dir", self.path("none"), exit=4)
        run = self.ringfetch("serve", "--tls", "--cert", self.path("none.pem"), exit=4)
        self.assertIn("none.pem", run.err)
        run = self.ringfetch("serve", "--tls", "--tls-ca", self.path("none", "ca.pem"), exit=4)
        self.assertIn("--tls-ca", run.err)

    def test_port_in_use(self):
        origin = self.start(harness.Origin())
        run = self.ringfetch("serve", "--port", origin.port, exit=4)
        self.assertIn(str(origin.port), run.err)

    def test_help_fits_a_screen(self):
        lines = self.ringfetch("serve", "--help").out.splitlines()
        self.assertLessEqual(len(lines), 50)
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_default_is_loopback_only_and_any_loopback_address_on_request(self):
        origin = self.start(harness.Origin())
        with self.assertRaises(ConnectionRefusedError):
            Raw(origin, "127.0.0.2")
        origin = self.start(harness.Origin("--address", "0.0.0.0"))
        raw = Raw(origin, "127.77.1.2").get("/s")
        self.addCleanup(raw.close)
        self.assertEqual(raw.response()[0], 200)

    def test_log(self):
        log = self.path("log")
        origin = self.start(harness.Origin("--log", log))
        raw = Raw(origin).get("/status/404").get("/s?\xe9")
        self.addCleanup(raw.close)
        raw.response(), raw.response()
        lines = self.read("log").decode().splitlines()
        self.assertEqual([line.split(" ", 1)[1] for line in lines], ["GET /status/404 404", "GET /s?\\xe9 200"])

    def test_work(self):
        origin = self.start(harness.Origin("--work-us", 50000))
        raw = Raw(origin).get("/s")
        self.addCleanup(raw.close)
        began = time.monotonic()
        raw.response()
        self.assertGreater(time.monotonic() - began, 0.03)

    def test_ends_cleanly_with_a_summary(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            origin = harness.Origin("--threads", 3)
            origin.start()
            held = [Raw(origin).get(path) for path in ("/delay/60", "/hang", "/bytes/1G", "/s", "/drip?delay=0")]
            asker = Raw(origin)
            stats = lambda: json.loads(asker.get("/stats").response()[2])
            harness.wait_until(lambda: stats()["requests"] > 5, 5, "all requests")
            origin.process.send_signal(how)
            code = origin.process.wait(LIMIT)
            origin.stop()
            for raw in (asker, *held):
                raw.close()
            self.assertEqual(code, 0)
            self.assertRegex(origin.lines[-1], r"serve: 6 connections, \d+ requests, at once at most 6 connections")

    def test_threads_share_the_work(self):
        origin = self.start(harness.Origin("--threads", 4))
        raws = [Raw(origin).get("/bytes/1000") for _ in range(64)]
        for raw in raws:
            self.assertEqual(raw.response()[2], pattern(1000))
            raw.close()


if __name__ == "__main__":
    harness.main()
