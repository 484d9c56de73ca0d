# SPDX-License-Identifier: GPL-3.0-or-later
"""get_retry_test.py: second chances: retries, Retry-After, dropped keep-alive connections, answers that are another's."""

import collections
import email.utils
import threading
import time

import harness
from web import Web


class RetryCase(harness.Case):
    def get(self, *args, exit=0):
        run = self.ringfetch("get", "-s", "--output", "null", "--output", "jsonl:-", *args, exit=exit)
        return sorted(run.records, key=lambda record: record["n"])

    def flaky(self, *statuses):
        """Answers each target with these statuses one after another, then with 200."""
        counts = collections.Counter()

        def respond(request):
            counts[request.target] += 1
            so_far = counts[request.target]
            return (f"{statuses[so_far - 1]} x", [], "no") if so_far <= len(statuses) else "yes"

        return self.start(Web(respond))


class StatusTest(RetryCase):
    def test_statuses_that_are_retried(self):
        for status in (408, 425, 429, 500, 502, 503, 504):
            with self.subTest(status):
                web = self.flaky(status, status)
                (record,) = self.get("--retry-delay", "0.01", web.url())
                self.assertEqual((record["attempts"], record["status"], len(web.requests)), (3, 200, 3))

    def test_statuses_that_are_not(self):
        for status in (400, 401, 403, 404, 410, 501, 505):
            with self.subTest(status):
                web = self.flaky(status, status)
                (record,) = self.get("--retry-delay", "0.01", web.url(), exit=1)
                self.assertEqual((record["attempts"], record["status"], len(web.requests)), (1, status, 1))

    def test_attempts_end(self):
        web = self.flaky(*[503] * 10)
        (record,) = self.get("--retry", 4, "--retry-delay", "0.01", web.url(), exit=1)
        self.assertEqual((record["attempts"], len(web.requests)), (5, 5))
        self.assertEqual((record["error"]["kind"], record["status"]), ("http-status", 503))

    def test_two_retries_by_default(self):
        web = self.flaky(*[503] * 10)
        (record,) = self.get("--retry-delay", "0.01", web.url(), exit=1)
        self.assertEqual(record["attempts"], 3)

    def test_back_off_grows(self):
        web = self.flaky(503)
        (record,) = self.get(web.url())
        first, second = web.requests
        self.assertGreater(second.time - first.time, 0.45)
        self.assertLess(second.time - first.time, 1.5 * harness.SLOW)

    def test_retry_max_time(self):
        web = self.flaky(*[503] * 100)
        (record,) = self.get("--retry", 100, "--retry-delay", "0.1", "--retry-max-time", "0.55", web.url(), exit=1)
        self.assertIn(record["attempts"], range(2, 7))

    def test_only_idempotent_methods(self):
        for method, again in (("POST", 1), ("PATCH", 1), ("PUT", 2), ("DELETE", 2), ("HEAD", 2)):
            with self.subTest(method):
                web = self.flaky(503)
                (record,) = self.get("--retry-delay", "0.01", "-X", method, web.url(), exit=None)
                self.assertEqual(len(web.requests), again)

    def test_retry_all(self):
        web = self.flaky(503)
        (record,) = self.get("--retry-delay", "0.01", "--retry-all", "-d", "body", web.url())
        self.assertEqual([request.body for request in web.requests], [b"body", b"body"])


class RetryAfterTest(RetryCase):
    def test_holds_the_whole_host(self):
        over = threading.Event()

        def respond(request):
            if not over.is_set():
                over.set()
                return "429 Too Many Requests", ["Retry-After: 1"], ""
            return "yes"

        web = self.start(Web(respond))
        records = self.get("-j", 1, web.url("/[1-20]"))
        first, *rest = web.requests
        self.assertEqual(len(rest), 20)
        self.assertGreaterEqual(rest[0].time - first.time, 0.95)
        self.assertEqual(sum(record["attempts"] for record in records), 21)

    def test_other_hosts_go_on(self):
        held = self.start(Web(lambda request: ("503 x", ["Retry-After: 1"], "")))
        free = self.start(Web())
        records = self.get("--retry", 1, "-j", 4, held.url("/[1-4]"), free.url("/[1-40]"), exit=1)
        self.assertEqual(sum(record["ok"] for record in records), 40)
        self.assertLess(max(request.time for request in free.requests) - held.requests[0].time, 0.9 * harness.SLOW)

    def test_as_a_date(self):
        web = self.start(Web())
        moment = lambda: email.utils.formatdate(time.time() + 2, usegmt=True)
        web.respond = lambda request: "yes" if len(web.requests) > 1 else ("503 x", ["Retry-After: " + moment()], "")
        self.get(web.url())
        first, second = web.requests
        self.assertIn(int((second.time - first.time) * 10), range(9, int(30 * harness.SLOW)))

    def test_longer_than_we_may_wait(self):
        web = self.start(Web(lambda request: ("503 x", ["Retry-After: 86400"], "")))
        began = time.monotonic()
        (record,) = self.get("--total-time", 5, web.url(), exit=1)
        self.assertEqual((record["status"], record["attempts"]), (503, 1))
        self.assertLess(time.monotonic() - began, 4 * harness.SLOW)


class FaultTest(RetryCase):
    def test_faults_are_retried(self):
        def behave(connection):
            connection.read_head()
            if connection.number == 0:
                connection.reset()
            elif connection.number == 1:
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
            elif connection.number == 2:
                return
            else:
                connection.answer("whole")

        liar = self.start(harness.Liar(behave))
        args = ["--retry", 3, "--retry-delay", "0.01", "--output", "stdout"]
        run = self.ringfetch("get", *args, liar.url())
        self.assertEqual((run.out, liar.count), ("whole", 4))

    def test_a_body_is_delivered_once(self):
        def behave(connection):
            connection.read_head()
            body = "0123456789" * 10000
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.send(head + body[: 10000 * connection.number])
            if connection.number == 10:
                connection.wait_for_close()

        liar = self.start(harness.Liar(behave))
        args = ["--retry", 10, "--retry-delay", "0.01", "--output", "stdout", "-P", self.path("out")]
        run = self.ringfetch("get", *args, liar.url("/x"))
        self.assertEqual(run.out, "0123456789" * 10000)
        self.assertEqual(self.read("out", "x").decode(), run.out)
        self.assertEqual(self.files("out"), ["x"])


class KeepAliveTest(RetryCase):
    def test_a_connection_dropped_between_requests_is_no_failure(self):
        """The server closes after every third answer without saying so."""

        def behave(connection):
            for _ in range(3):
                if not connection.read_head():
                    return
                connection.answer("x")

        liar = self.start(harness.Liar(behave))
        records = self.get("--retry", 0, "-j", 2, liar.url("/[1-60]"))
        self.assertEqual({record["status"] for record in records}, {200})

    def test_a_reset_between_requests_is_no_failure(self):
        def behave(connection):
            if connection.read_head():
                connection.answer("x")
            connection.read_head()
            connection.reset()

        liar = self.start(harness.Liar(behave))
        records = self.get("--retry", 0, "-j", 1, liar.url("/[1-10]"))
        self.assertEqual([record["ok"] for record in records], [True] * 10)

    def test_a_post_on_a_dropped_connection_is_not_repeated(self):
        seen = collections.Counter()

        def behave(connection):
            head = connection.read_head()
            seen[head.split()[1]] += 1
            connection.read_body(1)
            connection.answer("x")
            if head := connection.read_head():
                seen[head.split()[1]] += 1

        liar = self.start(harness.Liar(behave))
        records = self.get("--retry", 2, "--retry-delay", "0.01", "-j", 1, "-d", "b", liar.url("/[1-2]"), exit=None)
        self.assertEqual(max(seen.values()), 1, seen)
        self.assertEqual(records[0]["ok"], True)

    def test_idle_connections_that_speak_are_given_up(self):
        """What comes between two answers is not the next one's."""

        def behave(connection):
            while head := connection.read_head():
                connection.answer("right " + head.split()[1])
                time.sleep(0.02)  # well before --rate allows the next request
                connection.answer("planted")

        liar = self.start(harness.Liar(behave))
        args = ["--output", "stdout", "--ordered", "--rate", 3, liar.url("/[1-4]")]
        run = self.ringfetch("get", "-s", "--retry", 0, *args)
        self.assertEqual(run.out, "right /1right /2right /3right /4")
        self.assertEqual(liar.count, 4)

    def test_misattributed_answers_are_fetched_again(self):
        """The first connection answers its second request twice over: one of the two may be the third's."""

        def behave(connection):
            number = 0
            while head := connection.read_head():
                number += 1
                answer = f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{head.split()[1]}"
                connection.send(answer if connection.number or number != 2 else answer + answer)

        liar = self.start(harness.Liar(behave))
        args = ["--output", "stdout", "--ordered", "-j", 1, liar.url("/[1-6]")]
        run = self.ringfetch("get", "-s", *args)
        self.assertEqual(run.out, "/1/2/3/4/5/6")
        self.assertEqual(liar.count, 2)

    def test_surplus_on_every_connection(self):
        """The first answer of a connection can only be its own, whatever follows."""

        def behave(connection):
            while connection.read_head():
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + "surplus")

        liar = self.start(harness.Liar(behave))
        records = self.get("--retry", 0, "-j", 3, liar.url("/[1-9]"))
        self.assertEqual([record["body_bytes"] for record in records], [2] * 9)

    def test_connection_close_is_obeyed(self):
        web = self.start(Web(lambda request: ("200 OK", ["Connection: close"], "x")))
        self.get("-j", 1, web.url("/[1-5]"))
        self.assertEqual(web.count, 5)


if __name__ == "__main__":
    harness.main()
