# SPDX-License-Identifier: GPL-3.0-or-later
"""get_liar_test.py: servers that lie, stall, drip, truncate and reset: every request ends, in time, with the right name."""

import fcntl
import struct
import termios
import time

import harness

OK = "HTTP/1.1 200 OK\r\n"


class LiarCase(harness.Case):
    def liar(self, answer):
        """A server that reads a head and then sends `answer`, or calls it with the connection."""

        def behave(connection):
            connection.read_head()
            if callable(answer):
                answer(connection)
            else:
                connection.send(answer)

        return self.start(harness.Liar(behave))

    def fail(self, answer, stage, *kinds, args=(), fault="target"):
        """The one request fails with this stage and one of these kinds; returns its record."""
        liar = self.liar(answer)
        out = self.path("out")
        run = self.ringfetch("get", "-s", "--retry", 0, "--output", "jsonl:-", "-P", out, *args, liar.url(), exit=1)
        (record,) = run.records
        self.assertIn(record["error"]["kind"], kinds, record)
        self.assertEqual((record["error"]["stage"], record["error"]["fault"]), (stage, fault), record)
        self.assertEqual(self.files("out"), [])
        return record


class HeadTest(LiarCase):
    def test_garbage(self):
        self.fail("\x00\x01\x02\xff" * 100, "head", "http-0.9", "bad-status-line")

    def test_http_0_9(self):
        self.fail("<html>hello</html>", "head", "http-0.9")

    def test_another_protocol(self):
        self.fail("SSH-2.0-OpenSSH_9.2\r\n", "head", "http-0.9")

    def test_status_lines(self):
        for line in ("HTTP/1.1 abc OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/2.0 200 OK", "HTTP/1.1200 OK"):
            with self.subTest(line):
                self.fail(line + "\r\nContent-Length: 0\r\n\r\n", "head", "bad-status-line", "http-0.9")

    def test_fields(self):
        for field in ("no colon", "A : b", ": b", "A\0B: c", "A: b\0c"):
            with self.subTest(field):
                self.fail(OK + field + "\r\nContent-Length: 0\r\n\r\n", "head", "bad-field")

    def test_huge_head(self):
        fields = "".join(f"X-{i}: {'y' * 1000}\r\n" for i in range(1000))
        self.fail(OK + fields + "\r\n", "head", "head-too-large")

    def test_many_small_fields(self):
        self.fail(OK + "A: b\r\n" * 20000 + "\r\n", "head", "head-too-large")

    def test_endless_head(self):
        def endless(connection):
            connection.send(OK)
            while True:
                connection.send("X: " + "y" * 8000 + "\r\n")

        self.fail(endless, "head", "head-too-large")

    def test_endless_status_line(self):
        def endless(connection):
            while True:
                connection.send("HTTP/1.1 200 " + "y" * 8000)

        self.fail(endless, "head", "head-too-large", "bad-status-line")

    def test_endless_interim_answers(self):
        def endless(connection):
            while True:
                connection.send("HTTP/1.1 100 Continue\r\n\r\n" * 10)

        self.fail(endless, "head", "too-many-interim")

    def test_switching_protocols(self):
        self.fail("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "head", "bad-upgrade")

    def test_lengths(self):
        lengths = ["5\r\nContent-Length: 6", "abc", "-1", "5, 6", "99999999999999999999999", "0x5", "", "+5"]
        for length in lengths:
            with self.subTest(length):
                self.fail(f"{OK}Content-Length: {length}\r\n\r\nhello!", "head", "bad-length")

    def test_transfer_encodings(self):
        for coding in ("gzip", "chunked, gzip", "chunked, chunked", "xchunked"):
            with self.subTest(coding):
                text = f"{OK}Transfer-Encoding: {coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
                self.fail(text, "head", "bad-transfer-encoding")


class BodyTest(LiarCase):
    @staticmethod
    def wait_for_arrival(connection):
        """Waits until the client's kernel has all that was sent: a reset throws away the rest."""
        unsent = lambda: struct.unpack("i", fcntl.ioctl(connection.socket, termios.TIOCOUTQ, bytes(4)))[0]
        harness.wait_until(lambda: unsent() == 0, what="the arrival of what was sent")

    def test_chunks(self):
        chunked = OK + "Transfer-Encoding: chunked\r\n\r\n"
        for chunk in ("x\r\n", "-5\r\nhello\r\n", "5\r\nhelloX", "fffffffffffffffff\r\n", "5 \0\r\nhello", "\r\n", "0x5\r\nhello"):
            with self.subTest(chunk):
                self.fail(chunked + chunk, "body", "bad-chunk")

    def test_endless_chunk_extension(self):
        def endless(connection):
            connection.send(OK + "Transfer-Encoding: chunked\r\n\r\n5;")
            while True:
                connection.send("x" * 8000)

        self.fail(endless, "body", "bad-chunk")

    def test_endless_trailers(self):
        def endless(connection):
            connection.send(OK + "Transfer-Encoding: chunked\r\n\r\n0\r\n")
            while True:
                connection.send("X: " + "x" * 8000 + "\r\n")

        self.fail(endless, "body", "bad-chunk", "head-too-large")

    def test_many_tiny_chunks_with_extensions(self):
        liar = self.liar(OK + "Transfer-Encoding: chunked\r\n\r\n" + "1;e=xxxxxxxxxxxxxxx\r\na\r\n" * 50000 + "0\r\n\r\n")
        run = self.ringfetch("get", "-s", "--output", "null", "--output", "jsonl:-", "--retry", 0, liar.url(), exit=None)
        record = run.records[0]
        self.assertTrue(record["ok"] and record["body_bytes"] == 50000 or record["error"]["kind"] == "bad-chunk", record)

    def test_truncated(self):
        record = self.fail(OK + "Content-Length: 10\r\n\r\nhello", "body", "truncated")
        self.assertEqual((record["status"], record["body_bytes"]), (200, 5))

    def test_truncated_in_a_chunk(self):
        self.fail(OK + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "body", "truncated")

    def test_truncated_before_the_last_chunk(self):
        self.fail(OK + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "body", "truncated")

    def test_truncated_head(self):
        self.fail(OK + "Content-Le", "head", "truncated")

    def test_closed_without_a_byte(self):
        self.fail("", "head", "closed")

    def test_reset_before_the_answer(self):
        self.fail(lambda connection: connection.reset(), "head", "reset")

    def test_reset_in_the_body(self):
        def reset(connection):
            connection.send(OK + "Content-Length: 100000\r\n\r\n" + "x" * 50000)
            self.wait_for_arrival(connection)
            connection.reset()

        self.fail(reset, "body", "reset", "truncated")

    def test_reset_of_a_body_without_length(self):
        def reset(connection):
            connection.send(OK + "\r\n" + "x" * 50000)
            self.wait_for_arrival(connection)
            connection.reset()

        self.fail(reset, "body", "reset")


class PatienceTest(LiarCase):
    def timed(self, answer, stage, kind, option, value="0.4"):
        """The request ends when the option says so."""
        began = time.monotonic()
        record = self.fail(answer, stage, kind, args=[option, value])
        took = time.monotonic() - began
        self.assertGreaterEqual(record["ms"]["total"], float(value) * 1000 - 20)
        self.assertLess(took, 5 * harness.SLOW)
        return record

    @staticmethod
    def silent(connection):
        connection.wait_for_close()

    @staticmethod
    def half(connection):
        connection.send(OK + "Content-Length: 10\r\n\r\nhello")
        connection.wait_for_close()

    @staticmethod
    def drip(connection):
        connection.send(OK + "Content-Length: 1000000\r\n\r\n")
        while True:
            connection.send("x")
            time.sleep(0.02)

    @staticmethod
    def drip_head(connection):
        connection.send(OK)
        while True:
            connection.send("X: y\r\n")
            time.sleep(0.02)

    def test_stall_before_the_answer(self):
        self.timed(self.silent, "head", "stalled", "--stall-time")

    def test_stall_in_the_body(self):
        self.timed(self.half, "body", "stalled", "--stall-time")

    def test_max_time_before_the_answer(self):
        self.timed(self.silent, "head", "timed-out", "--max-time")

    def test_max_time_in_the_body(self):
        self.timed(self.half, "body", "timed-out", "-m")

    def test_a_drip_does_not_outlast_max_time(self):
        self.timed(self.drip, "body", "timed-out", "--max-time")

    def test_a_drip_does_not_outlast_total_time(self):
        self.timed(self.drip, "body", "timed-out", "--total-time")

    def test_a_dripping_head_does_not_outlast_max_time(self):
        self.timed(self.drip_head, "head", "timed-out", "--max-time")

    def test_a_drip_is_no_stall(self):
        liar = self.liar(lambda connection: [connection.send(OK + "Content-Length: 60\r\n\r\n"),
                                             *[(connection.send("x"), time.sleep(0.01)) for _ in range(60)]])
        run = self.ringfetch("get", "--output", "stdout", "--retry", 0, "--stall-time", "0.3", liar.url())
        self.assertEqual(run.out, "x" * 60)

    def test_total_time_bounds_all_attempts(self):
        liar = self.liar(self.silent)
        args = ["--retry", 50, "--retry-delay", "0.05", "--max-time", "0.2", "--total-time", "1"]
        run = self.ringfetch("get", "-s", "--output", "jsonl:-", *args, liar.url(), exit=1)
        (record,) = run.records
        self.assertLess(record["ms"]["total"], 1500 * harness.SLOW)
        self.assertIn(record["attempts"], range(2, 8))

    def test_no_upload_outlasts_a_server_that_does_not_read(self):
        liar = self.start(harness.Liar(lambda connection: time.sleep(3)))
        body = self.write("body", bytes(30 << 20))
        args = ["--retry", 0, "--stall-time", "0.5", "--data-binary", "@" + body]
        run = self.ringfetch("get", "-s", "--output", "jsonl:-", *args, liar.url(), exit=1)
        (record,) = run.records
        self.assertEqual(record["error"]["kind"], "stalled")
        self.assertLess(record["ms"]["total"], 2500 * harness.SLOW)

    def test_one_slow_server_holds_up_nobody_else(self):
        slow = self.liar(self.silent)
        fast = self.start(harness.Nginx("location / { return 200 ok; }"))
        lines = [slow.url(f"/{i}") for i in range(20)] + [fast.url(f"/{i}") for i in range(200)]
        args = ["--retry", 0, "--max-time", 2, "-j", 64, "-i", "-", "--output", "jsonl:-"]
        run = self.ringfetch("get", "-s", *args, input="\n".join(lines), exit=1)
        times = [record["ms"]["queue"] + record["ms"]["total"] for record in run.records if record["ok"]]
        self.assertEqual(len(times), 200)
        self.assertLess(max(times), 1500 * harness.SLOW)


if __name__ == "__main__":
    harness.main()
