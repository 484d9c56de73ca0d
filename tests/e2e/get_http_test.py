# SPDX-License-Identifier: GPL-3.0-or-later
"""get_http_test.py: HTTP as servers speak it: framings, interim answers, redirects, uploads."""

import base64
import hashlib
import json
import threading

import harness
from web import Web


class HttpCase(harness.Case):
    def get(self, *args, exit=0, **options):
        """(bodies on stdout, the records by n)"""
        file = self.path("records")
        run = self.ringfetch("get", "-s", "--output", "stdout", "--output", "jsonl:" + file, *args, exit=exit, **options)
        records = [json.loads(line) for line in self.read("records").splitlines()]
        return run.out, sorted(records, key=lambda record: record["n"])

    def answer_with(self, text, repeat=1):
        """A server that sends `text` for each request and closes after `repeat` of them."""

        def behave(connection):
            for _ in range(repeat):
                if connection.read_head():
                    connection.send(text)

        return self.start(harness.Liar(behave))


class FramingTest(HttpCase):
    def check(self, text, body, **expected):
        liar = self.answer_with(text)
        out, (record,) = self.get("--retry", 0, liar.url())
        self.assertEqual(out, body)
        self.assertEqual(record["body_bytes"], len(body))
        for name, value in expected.items():
            self.assertEqual(record[name], value)

    def test_content_length(self):
        self.check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", http="1.1")

    def test_chunked(self):
        chunks = "5;ext=\"a;b\"\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
        self.check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, "hello world")

    def test_chunked_a_byte_at_a_time(self):
        def behave(connection):
            connection.read_head()
            for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n":
                connection.send(bytes([byte]))

        liar = self.start(harness.Liar(behave))
        self.assertEqual(self.get(liar.url())[0], "hello0123456789")

    def test_until_close(self):
        self.check("HTTP/1.1 200 OK\r\n\r\nhello", "hello")

    def test_http_1_0(self):
        self.check("HTTP/1.0 200 OK\r\n\r\nhello", "hello", http="1.0")

    def test_http_1_0_keep_alive(self):
        liar = self.answer_with("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", repeat=5)
        out, records = self.get("-j", 1, liar.url("/[1-5]"))
        self.assertEqual((out, liar.count), ("xxxxx", 1))

    def test_http_1_0_closes(self):
        liar = self.answer_with("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx")
        out, records = self.get("-j", 1, liar.url("/[1-5]"))
        self.assertEqual((out, liar.count), ("xxxxx", 5))
        self.assertEqual([record["attempts"] for record in records], [1] * 5)

    def test_no_content(self):
        self.check("HTTP/1.1 204 No Content\r\n\r\n", "", status=204)

    def test_length_zero(self):
        self.check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", status=200)

    def test_not_modified_has_no_body(self):
        liar = self.answer_with("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n")
        out, (record,) = self.get("-H", 'If-None-Match: "x"', liar.url(), exit=None)
        self.assertEqual((out, record["status"], record["body_bytes"]), ("", 304, 0))

    def test_bare_line_feeds(self):
        self.check("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello")

    def test_chunked_wins_over_length(self):
        text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        liar = self.answer_with(text)
        out, (record,) = self.get("--retry", 0, liar.url(), exit=None)
        self.assertIn((out, record["ok"]), [("hello", True), ("", False)])

    def test_interim_answers(self):
        interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        self.check(interim + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", status=200)

    def test_head(self):
        web = self.start(Web(lambda request: "x" * 500))
        run = self.ringfetch("get", "-I", "-j", 1, web.url("/[1-3]"))
        self.assertEqual([record["method"] for record in run.records], ["HEAD"] * 3)
        self.assertEqual([record["body_bytes"] for record in run.records], [0] * 3)
        self.assertEqual(web.count, 1)

    def test_empty_url_path_and_host(self):
        web = self.start(Web())
        self.get(f"http://127.0.0.1:{web.port}?q")
        self.assertEqual((web.targets[0], web.requests[0].fields["host"]), ("/?q", f"127.0.0.1:{web.port}"))


class RequestTest(HttpCase):
    def request(self, *args, **options):
        web = self.start(Web())
        self.get(*args, web.url("/x"), **options)
        return web.requests[0]

    def test_defaults(self):
        request = self.request()
        self.assertEqual((request.method, request.version), ("GET", "HTTP/1.1"))
        self.assertRegex(request.fields["user-agent"], r"^ringfetch/\d")
        self.assertNotIn("content-length", request.fields)

    def test_fields(self):
        args = ["-H", "X-A: 1", "-H", "X-Empty;", "-H", "Accept:", "-A", "agent", "-e", "http://ref/", "-r", "0-4"]
        fields = self.request(*args, "-u", "me:secret").fields
        self.assertEqual((fields["x-a"], fields["x-empty"], fields["user-agent"]), ("1", "", "agent"))
        self.assertEqual((fields["referer"], fields["range"]), ("http://ref/", "bytes=0-4"))
        self.assertEqual(fields["authorization"], "Basic " + base64.b64encode(b"me:secret").decode())
        self.assertNotIn("accept", fields)

    def test_no_user_agent(self):
        self.assertNotIn("user-agent", self.request("-A", "").fields)

    def test_fields_from_a_file(self):
        fields = self.request("-H", "@" + self.write("fields", "X-A: 1\r\n\nX-B: 2\n")).fields
        self.assertEqual((fields["x-a"], fields["x-b"]), ("1", "2"))

    def test_credentials_in_the_url(self):
        web = self.start(Web())
        self.get(f"http://me:s%40crt@127.0.0.1:{web.port}/")
        expected = "Basic " + base64.b64encode(b"me:s@crt").decode()
        self.assertEqual(web.requests[0].fields["authorization"], expected)

    def test_method(self):
        self.assertEqual(self.request("-X", "OPTIONS").method, "OPTIONS")


class RedirectTest(HttpCase):
    def hop(self, status, *args, exit=0):
        def respond(request):
            return (f"{status} x", ["Location: /end"], "moved") if request.target == "/start" else "end"

        web = self.start(Web(respond))
        out, (record,) = self.get(*args, web.url("/start"), exit=exit)
        return web.requests, record, out

    def test_methods_and_bodies(self):
        expected = {(301, "GET"): "GET", (302, "GET"): "GET", (303, "GET"): "GET", (307, "GET"): "GET", (308, "GET"): "GET"}
        expected |= {(301, "POST"): "GET", (302, "POST"): "GET", (303, "POST"): "GET", (307, "POST"): "POST"}
        expected |= {(308, "POST"): "POST", (303, "PUT"): "GET", (301, "PUT"): "PUT", (307, "PUT"): "PUT"}
        for (status, method), then in expected.items():
            with self.subTest(status=status, method=method):
                args = [] if method == "GET" else ["-X", method, "-d", "the body"]
                requests, record, out = self.hop(status, *args)
                self.assertEqual([request.method for request in requests], [method, then])
                self.assertEqual((out, record["status"]), ("end", 200))
                self.assertEqual(requests[1].body, b"the body" if then != "GET" else b"")
                if then == "GET":
                    self.assertNotIn("content-length", requests[1].fields)
                    self.assertNotIn("content-type", requests[1].fields)

    def test_none_followed(self):
        requests, record, out = self.hop(302, "--max-redirs", 0)
        self.assertEqual((len(requests), record["status"], record["ok"], out), (1, 302, True, "moved"))

    def test_loop_ends(self):
        web = self.start(Web(lambda request: ("302 x", ["Location: " + request.target], "")))
        _, (record,) = self.get(web.url("/a"), exit=1)
        self.assertEqual(record["error"]["kind"], "too-many-redirects")
        self.assertEqual((len(web.requests), len(record["redirects"])), (11, 10))

    def test_relative_and_strange_locations(self):
        places = {"/a/b": "../c?d#e", "/c?d": "//127.0.0.1:{port}/f", "/f": "/sp ace", "/sp%20ace": "?g", "/sp%20ace?g": "h"}

        def respond(request):
            place = places.get(request.target)
            return ("302 x", ["Location: " + place.replace("{port}", str(web.port))], "") if place else "end"

        web = self.start(Web(respond))
        self.get(web.url("/a/b"))
        self.assertEqual(web.targets, ["/a/b", "/c?d", "/f", "/sp%20ace", "/sp%20ace?g", "/h"])

    def test_places_that_lead_nowhere(self):
        cases = {"ftp://h/": "redirect-scheme", "file:///etc/passwd": "redirect-scheme", "http://[": "bad-redirect"}
        cases |= {"javascript:alert(1)": "redirect-scheme"}
        web = self.start(Web(lambda request: ("302 x", ["Location: " + list(cases)[int(request.target[1:])]], "")))
        _, records = self.get(web.url(f"/[0-{len(cases) - 1}]"), exit=1)
        self.assertEqual([record["error"]["kind"] for record in records], list(cases.values()))

    def test_a_redirect_without_location_is_an_answer(self):
        web = self.start(Web(lambda request: ("302 x", [], "here")))
        out, (record,) = self.get(web.url())
        self.assertEqual((out, record["status"]), ("here", 302))

    def test_secrets_stay_with_their_origin(self):
        other = self.start(Web())
        paths = {"/same": "/end", "/other": other.url("/there")}

        def respond(request):
            return ("307 x", ["Location: " + paths[request.target]], "") if request.target in paths else "end"

        web = self.start(Web(respond))
        secrets = ["-u", "me:secret", "-H", "Cookie: c=secret", "-H", "Authorization: Bearer secret", "-H", "X-Fine: yes"]
        self.get(*secrets, web.url("/{same,other}"))
        for request in web.requests:
            self.assertIn("secret", request.fields["cookie"])
        (leaked,) = other.requests
        self.assertNotIn("secret", leaked.head)
        self.assertNotIn("authorization", leaked.fields)
        self.assertNotIn(base64.b64encode(b"me:secret").decode(), leaked.head)
        self.assertEqual(leaked.fields["x-fine"], "yes")

    def test_url_credentials_stay_with_their_origin(self):
        other = self.start(Web())
        web = self.start(Web(lambda request: ("302 x", ["Location: " + other.url("/there")], "")))
        self.get(f"http://me:secret@127.0.0.1:{web.port}/")
        self.assertNotIn("authorization", other.requests[0].fields)


class UploadTest(HttpCase):
    def test_data(self):
        web = self.start(Web())
        file = self.write("file", "line\r\nbreaks\n")
        self.get("-d", "a=1", "-d", "@" + file, "--data-binary", "@" + file, web.url())
        (request,) = web.requests
        self.assertEqual((request.method, request.body), ("POST", b"a=1&linebreaks&line\r\nbreaks\n"))
        self.assertEqual(request.fields["content-type"], "application/x-www-form-urlencoded")

    def test_data_from_stdin(self):
        web = self.start(Web())
        self.get("--data-binary", "@-", web.url("/[1-2]"), input=b"\0\1in")
        self.assertEqual([request.body for request in web.requests], [b"\0\1in"] * 2)

    def test_empty_data(self):
        web = self.start(Web())
        self.get("-d", "", web.url())
        self.assertEqual((web.requests[0].method, web.requests[0].fields["content-length"]), ("POST", "0"))

    def test_large_body(self):
        def behave(connection):
            head = connection.read_head()
            left, digest = int(head.lower().split("content-length: ")[1].split()[0]), hashlib.sha256()
            while left and (piece := connection.read_body(min(left, 1 << 16))):
                left -= len(piece)
                digest.update(piece)
            connection.answer(digest.hexdigest())

        liar = self.start(harness.Liar(behave))
        body = bytes(range(256)) * (50 << 12)
        out, _ = self.get("--data-binary", "@" + self.write("big", body), liar.url())
        self.assertEqual(out, hashlib.sha256(body).hexdigest())

    def test_early_answer_that_closes(self):
        def behave(connection):
            connection.read_head()
            connection.answer("too much", "413 Content Too Large", ["Connection: close"])
            connection.socket.shutdown(1)
            while connection.socket.recv(1 << 16):
                pass

        liar = self.start(harness.Liar(behave))
        _, (record,) = self.get("--data-binary", "@" + self.write("big", bytes(20 << 20)), liar.url(), exit=1)
        self.assertEqual((record["status"], record["error"]["kind"]), (413, "http-status"))
        self.assertEqual(liar.count, 1)

    def test_early_answer_while_nobody_reads(self):
        over = threading.Event()

        def behave(connection):
            connection.read_head()
            connection.answer("enough", "200 OK")
            over.wait(30)

        liar = self.start(harness.Liar(behave))
        self.addCleanup(over.set)
        args = ["--stall-time", 5, "--data-binary", "@" + self.write("big", bytes(20 << 20))]
        out, (record,) = self.get(*args, liar.url(), exit=None)
        self.assertEqual((record["ok"], record["status"], out), (True, 200, "enough"), record)

    def test_answer_and_reset_in_the_middle(self):
        def behave(connection):
            connection.read_head()
            connection.reset()

        liar = self.start(harness.Liar(behave))
        _, (record,) = self.get("--data-binary", "@" + self.write("big", bytes(20 << 20)), liar.url(), exit=1)
        self.assertEqual(record["attempts"], 1, "a POST must not be repeated by itself")
        self.assertEqual((liar.count, record["error"]["fault"]), (1, "target"))


if __name__ == "__main__":
    harness.main()
