# SPDX-License-Identifier: GPL-3.0-or-later
"""get_tls_liar_test.py: servers that break TLS: alerts, garbage, half handshakes, stalls, closes of every kind, odd records.

The handshakes are cut by a proxy in front of a real server; what is inside TLS is Python's.
"""

import random
import signal
import socket
import ssl
import struct
import time

import harness
from tls_servers import Cutter, Https, SServer, TlsCase
from web import Web

HANDSHAKE, ALERT, DATA = 22, 21, 23
FATAL = 2


def record(kind, content, version=0x0303):
    return struct.pack("!BHH", kind, version, len(content)) + content


def hello(connection):
    """Reads the ClientHello: a server that closes with something unread resets the connection."""
    head = b""
    while len(head) < 5 or len(head) < 5 + struct.unpack("!H", head[3:5])[0]:
        more = connection.socket.recv(65536)
        if not more:
            break
        head += more
    return head


class HandshakeTest(TlsCase):
    def ask(self, behave, *args, **options):
        liar = self.start(harness.Liar(behave))
        (one,) = self.get(*args, liar.url().replace("http:", "https:"), exit=1, **options)
        self.assertIsNone(one["status"])
        return one

    def after_hello(self, *parts):
        def behave(connection):
            hello(connection)
            for part in parts:
                connection.send(part)

        return behave

    def test_alerts(self):
        alerts = {40: "handshake_failure", 80: "internal_error", 49: "access_denied", 112: "unrecognized_name"}
        for number, name in alerts.items():
            with self.subTest(name):
                one = self.ask(self.after_hello(record(ALERT, bytes([FATAL, number]))))
                # No common cipher is what a handshake_failure in place of a ServerHello means.
                self.fails(one, "tls", "protocol-mismatch" if number == 40 else "tls-alert")
                if number != 40:
                    self.assertIn(name, one["error"]["detail"])

    def test_a_goodbye_in_place_of_a_hello(self):
        one = self.ask(self.after_hello(record(ALERT, b"\x01\0")))
        self.fails(one, "tls", "handshake-cut")

    def test_alerts_after_the_hello(self):
        """A server that looks at the certificate of the client, finds none, and says so: in 1.3 after the client's Finished."""
        for version, name in (("-tls1_2", "handshake_failure"), ("-tls1_3", "certificate_required")):
            server = self.start(SServer("-www", version, "-Verify", 1, "-verify_return_error"))
            (one,) = self.get(*self.to(server), "https://good.test/", exit=1)
            self.fails(one, "tls", "tls-alert")
            self.assertIn(name, one["error"]["detail"])

    def test_a_client_certificate_that_is_refused(self):
        client, root = self.pki["strange-client"], self.pki["root"]
        for version in ("-tls1_2", "-tls1_3"):
            server = self.start(SServer("-www", version, "-Verify", 3, "-verify_return_error", "-CAfile", root.cert))
            (one,) = self.get("--cert", client.chain, "--key", client.key, *self.to(server), "https://good.test/", exit=1)
            self.fails(one, "tls", "tls-alert")
            self.assertIn("unknown_ca", one["error"]["detail"])

    def test_an_alert_about_the_version(self):
        one = self.ask(self.after_hello(record(ALERT, bytes([FATAL, 70]))))
        self.fails(one, "tls", "protocol-mismatch")

    def test_an_unknown_alert(self):
        one = self.ask(self.after_hello(record(ALERT, bytes([FATAL, 213]))))
        self.fails(one, "tls", "tls-alert", "bad-tls")

    def test_plain_http(self):
        one = self.ask(self.after_hello("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
        self.fails(one, "tls", "bad-tls")
        nginx = self.start(harness.Nginx())
        (one,) = self.get(nginx.url().replace("http:", "https:"), exit=1)
        self.fails(one, "tls", "bad-tls")

    def test_garbage(self):
        for seed in range(8):
            noise = random.Random(seed).randbytes(500)
            one = self.ask(self.after_hello(noise))
            self.fails(one, "tls", "bad-tls", "tls-alert", "protocol-mismatch", "handshake-cut")

    def test_garbage_in_a_record(self):
        for seed in range(8):
            noise = random.Random(seed).randbytes(200)
            one = self.ask(self.after_hello(record(HANDSHAKE, b"\x02\0\0\xc4" + noise[4:])))
            self.fails(one, "tls", "bad-tls", "protocol-mismatch", "handshake-cut")

    def test_records_too_long(self):
        one = self.ask(self.after_hello(struct.pack("!BHH", HANDSHAKE, 0x0303, 65535) + bytes(65535)))
        self.fails(one, "tls", "bad-tls")

    def test_data_before_the_handshake(self):
        one = self.ask(self.after_hello(record(DATA, b"HTTP/1.1 200 OK\r\n\r\nhello")))
        self.fails(one, "tls", "bad-tls")

    def test_a_message_too_long(self):
        """A certificate message of 16 MB is announced; nothing may be kept for it."""
        body = record(HANDSHAKE, b"\x0b\xff\xff\xff" + bytes(16000))
        one = self.ask(self.after_hello(body, *[record(HANDSHAKE, bytes(16000))] * 20))
        self.fails(one, "tls", "bad-tls")

    def test_closed_at_once(self):
        one = self.ask(lambda connection: None, "--retry", 0)
        self.assertEqual(one["error"]["stage"], "tls", one)
        self.assertIn(one["error"]["kind"], ("handshake-cut", "reset"), one)

    def test_closed_after_the_hello(self):
        self.fails(self.ask(self.after_hello()), "tls", "handshake-cut")

    def test_reset(self):
        def behave(connection):
            hello(connection)
            connection.reset()

        self.fails(self.ask(behave), "tls", "reset")

    def test_a_cut_is_tried_again(self):
        web = self.start(Web(tls=self.pki.context("good")))

        def behave(connection):
            hello(connection) if connection.number == 0 else proxy.behave_well(connection)

        proxy = self.start(Cutter(web.port, sizes=(4000, 9000)))
        proxy.behave_well, proxy.behave = proxy.behave, behave
        (one,) = self.get(*self.to(proxy), "--retry", 1, "--retry-delay", "0.01", "https://good.test/")
        self.assertEqual((one["ok"], one["attempts"]), (True, 2))

    def test_cut_anywhere(self):
        """However much of the handshake came: it is cut short, not something else."""
        for version in ("1.2", "1.3"):
            nginx = self.start(Https("good", server=f"ssl_protocols TLSv{version};"))
            # The last bytes of a handshake in 1.2 are the server's; in 1.3 the client's, so the cut may come to be in the head.
            for limit in (1, 4, 5, 6, 40, 100, 130, 500, 900):
                cutter = self.start(Cutter(nginx.port, (5000, 9000), limit))
                (one,) = self.get(*self.to(cutter), "https://good.test/", exit=1)
                with self.subTest(version=version, limit=limit):
                    self.fails(one, "tls", "handshake-cut")

    def test_reset_anywhere(self):
        nginx = self.start(Https("good"))
        for limit in (1, 5, 100, 500):
            cutter = self.start(Cutter(nginx.port, (5000, 9000), limit, "reset"))
            (one,) = self.get(*self.to(cutter), "https://good.test/", exit=1)
            with self.subTest(limit=limit):
                self.fails(one, "tls", "reset", "handshake-cut")

    def test_bytes_turned(self):
        """One bit of the server's first flight is wrong: never an answer, and always stage tls."""
        nginx = self.start(Https("good"))

        class Turner(Cutter):
            def _pump(self, source, sink, random_sizes, limit):
                if limit is None:
                    return super()._pump(source, sink, random_sizes, None)
                data = bytearray(source.recv(65536))
                data[min(limit, len(data) - 1)] ^= 0x10
                sink.sendall(data)
                return super()._pump(source, sink, random_sizes, None)

        for place in (0, 3, 5, 9, 20, 44, 60, 100, 135, 200, 600, 10000):
            turner = self.start(Turner(nginx.port, (5000, 9000), place))
            (one,) = self.get("--max-time", 2, *self.to(turner), "https://good.test/show", exit=1)
            with self.subTest(place=place):
                kinds = ("bad-tls", "protocol-mismatch", "tls-alert", "handshake-cut", "timed-out", "bad-certificate")
                self.fails(one, "tls", *kinds)


class StallTest(TlsCase):
    """A handshake counts against the time limits."""

    def check(self, kind, *args):
        nginx = self.start(Https("good"))
        for limit in (0, 3, 200):
            began = time.monotonic()
            cutter = self.start(Cutter(nginx.port, (5000, 9000), limit, "stall"))
            if limit == 0:
                cutter.behave = harness.Connection.wait_for_close
            (one,) = self.get(*args, *self.to(cutter), "https://good.test/", exit=1)
            with self.subTest(limit=limit):
                self.fails(one, "tls", *kind)
                self.assertLess(time.monotonic() - began, 5 * harness.SLOW)

    def test_connect_timeout(self):
        self.check(["timed-out"], "--connect-timeout", "0.3")

    def test_max_time(self):
        self.check(["timed-out"], "--max-time", "0.3")

    def test_stall_time(self):
        self.check(["stalled"], "--stall-time", "0.3")

    def test_dripping(self):
        """A byte now and then is no stall, yet the connection takes too long."""

        def behave(connection):
            hello(connection)
            for byte in record(HANDSHAKE, bytes(16000)):
                connection.send(bytes([byte]))
                time.sleep(0.02)

        liar = self.start(harness.Liar(behave))
        began = time.monotonic()
        args = ["--connect-timeout", "0.4", "--stall-time", 10, liar.url().replace("http:", "https:")]
        (one,) = self.get(*args, exit=1)
        self.assertIn(one["error"]["kind"], ("timed-out", "bad-tls"), one)
        self.assertLess(time.monotonic() - began, 5 * harness.SLOW)

    def test_others_go_on(self):
        """Handshakes that stand still hold up nobody else in the same worker."""
        stuck = self.start(harness.Liar(harness.Connection.wait_for_close))
        nginx = self.start(Https("good"))
        to = ["--connect-to", f"stuck.test:443:127.0.0.1:{stuck.port}", "--connect-to", f"good.test:443:127.0.0.1:{nginx.port}"]
        urls = ["https://stuck.test/[1-20]", "https://good.test/show?[1-20]"]
        records = self.get("-t", 1, "-j", 40, "--connect-timeout", 1, *to, *urls, exit=1)
        self.assertEqual([one["ok"] for one in records], [False] * 20 + [True] * 20)
        self.assertLess(max(one["ms"]["total"] for one in records[20:]), 900 * harness.SLOW)

    def test_a_body_that_stalls(self):
        def behave(connection):
            connection.read_head()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            connection.wait_for_close()

        liar = self.start(harness.Liar(behave, tls=self.pki.context()))
        (one,) = self.get("--stall-time", "0.3", liar.url(), exit=1)
        self.fails(one, "body", "stalled")

    def test_interrupted(self):
        """Ctrl-C in the middle of 200 handshakes: all of them are recorded."""
        liar = self.start(harness.Liar(harness.Connection.wait_for_close))
        args = ["get", "-s", "--output", "jsonl:-", "--output", "null", "-k", "-j", 200, "--per-host", 200]
        with harness.ringfetch_start(*args, liar.url("/[1-200]").replace("http:", "https:")) as process:
            harness.wait_until(lambda: liar.count == 200, 10, "200 connections")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10 * harness.SLOW)
        run = harness.Result(args, process.returncode, out, err, 0)
        self.assertEqual(run.code, 130, run)
        self.assertEqual(sorted(one["n"] for one in run.records), list(range(1, 201)))
        self.assertEqual({one["error"]["kind"] for one in run.records}, {"interrupted"})


class EndTest(TlsCase):
    """How the server ends the connection, with and without close_notify."""

    def serve(self, behave, **members):
        return self.start(harness.Liar(behave, tls=self.pki.context("good", **members)))

    def answer(self, text, goodbye):
        def behave(connection):
            connection.read_head()
            connection.send(text)
            if goodbye:
                connection.say_goodbye()
            connection.socket.close() if goodbye is not None else connection.reset()

        return self.serve(behave)

    WITH_LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    UNTIL_CLOSE = "HTTP/1.1 200 OK\r\n\r\nhello"

    def check(self, text, goodbye, stage="", *kinds):
        for version in ("1.2", "1.3"):
            with self.subTest(version=version):
                liar = self.answer(text, goodbye)
                args = ["--tls-min", version, "--tls-max", version, liar.url()]
                out, (one,) = self.body(*args, exit=1 if kinds else 0)
                if kinds:
                    self.fails(one, stage, *kinds)
                else:
                    self.assertEqual((out, one["body_bytes"]), ("hello", 5))
                self.assertEqual(one["tls"]["verify"], "ok")

    def test_a_known_length_needs_no_goodbye(self):
        self.check(self.WITH_LENGTH, False)
        self.check(self.CHUNKED, False)

    def test_with_goodbye(self):
        for text in (self.WITH_LENGTH, self.CHUNKED, self.UNTIL_CLOSE):
            self.check(text, True)

    def test_until_close_needs_one(self):
        self.check(self.UNTIL_CLOSE, False, "body", "truncated")

    def test_a_body_cut_short(self):
        for text in (self.WITH_LENGTH[:-1], self.CHUNKED[:-3], self.CHUNKED[:-5]):
            for goodbye in (False, True):
                self.check(text, goodbye, "body", "truncated")

    def test_a_head_cut_short(self):
        for goodbye in (False, True):
            self.check("HTTP/1.1 200 OK\r\nContent-Le", goodbye, "head", "truncated", "closed")
            self.check("", goodbye, "head", "closed")

    def test_reset_in_the_body(self):
        # What came before a reset may be lost with it.
        liar = self.answer(self.WITH_LENGTH[:-1], None)
        (one,) = self.get(liar.url(), exit=1)
        self.assertIn(one["error"]["stage"], ("head", "body"), one)
        self.assertEqual(one["error"]["kind"], "reset", one)

    def test_an_alert_in_the_body(self):
        """The proxy turns a bit of a record, so that the client ends it: what it delivered so far was genuine."""
        web = self.start(Web(lambda request: bytes(100000), tls=self.pki.context("good")))

        class Turner(Cutter):
            def _pump(self, source, sink, random_sizes, limit):
                passed = 0
                while data := bytearray(source.recv(16384)):
                    if limit is not None and passed <= 40000 < passed + len(data):
                        data[40000 - passed] ^= 1
                    passed += len(data)
                    sink.sendall(data)
                return False

        turner = self.start(Turner(web.port, limit=1))
        (one,) = self.get(*self.to(turner), "https://good.test/", exit=1)
        self.fails(one, "tls", "bad-tls")

    def test_goodbye_on_a_kept_connection(self):
        """The next request goes out on another connection, at the first attempt."""

        def behave(connection):
            connection.read_head()
            connection.answer("hello")
            connection.say_goodbye()
            connection.wait_for_close()

        liar = self.serve(behave)
        records = self.get("-j", 1, "-t", 1, liar.url("/[1-4]"))
        self.assertEqual([(one["ok"], one["attempts"]) for one in records], [(True, 1)] * 4)
        self.assertEqual(liar.count, 4)

    def test_closed_while_idle(self):
        def behave(connection):
            connection.read_head()
            connection.answer("hello")

        liar = self.serve(behave)
        records = self.get("-j", 1, "-t", 1, liar.url("/[1-4]"))
        self.assertEqual([(one["ok"], one["body_bytes"]) for one in records], [(True, 5)] * 4)

    def test_an_answer_nobody_asked_for(self):
        """It comes with the first answer, in the same record or in one of its own: it never is the next request's."""
        extra = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
        for texts in (lambda mine: [mine + extra], lambda mine: [mine, extra]):

            def behave(connection):
                while head := connection.read_head():
                    # The cork keeps both in one segment: later, it could not be told from an answer to the next request.
                    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    for text in texts(f"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{head.split()[1][1:]:>5}"):
                        connection.send(text)
                    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

            liar = self.serve(behave)
            out, records = self.body("-j", 1, "-t", 1, "--ordered", liar.url("/[1-4]"))
            self.assertEqual(out.split(), ["1", "2", "3", "4"])
            self.assertEqual([one["attempts"] for one in records], [1] * 4)

    def test_a_request_while_the_server_says_goodbye(self):
        """A client whose close_notify is never answered waits for nobody."""

        def behave(connection):
            connection.read_head()
            connection.answer("hello", headers=["Connection: close"])
            connection.wait_for_close()

        liar = self.serve(behave)
        began = time.monotonic()
        self.get(liar.url())
        self.assertLess(time.monotonic() - began, 3 * harness.SLOW)


class RecordTest(TlsCase):
    """Records and segments of every size."""

    def check(self, sizes, body, cut=None, **members):
        def behave(connection):
            while connection.read_head():
                text = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
                for size in sizes(text):
                    connection.send(text[:size])
                    text = text[size:]

        server = self.start(harness.Liar(behave, tls=self.pki.context("good", **members)))
        if cut:
            server = self.start(Cutter(server.port, cut))
        run = self.ringfetch("get", "-s", "--output", "stdout", "--cacert", self.pki["root"].cert, *self.to(server), "https://good.test/")
        self.assertEqual(run.bytes, body)

    BODY = bytes(range(256)) * 20

    def test_a_byte_a_record(self):
        self.check(lambda text: [1] * len(text), self.BODY)

    def test_whole_records(self):
        self.check(lambda text: [len(text)], self.BODY * 400)

    def test_odd_records(self):
        dice = random.Random(1)
        self.check(lambda text: [dice.choice((1, 2, 13, 255, 1400, 16383, 16384)) for _ in text], self.BODY * 40)

    def test_segments_of_a_few_bytes(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.check(lambda text: [len(text)], self.BODY, (1, 7), maximum_version=version)

    def test_segments_a_byte_each(self):
        self.check(lambda text: [100] * len(text), self.BODY[:500], (1, 1))

    def test_segments_about_a_record(self):
        self.check(lambda text: [len(text)], self.BODY * 100, (16300, 16500))

    def test_empty_records(self):
        """Records without content are allowed in TLS, a flood of them is not waited out."""

        def behave(connection):
            connection.read_head()
            for part in ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "", "h", "", "i"):
                connection.send(part)
            connection.wait_for_close()

        liar = self.start(harness.Liar(behave, tls=self.pki.context()))
        self.assertEqual(self.body(liar.url())[0], "hi")


if __name__ == "__main__":
    harness.main()
