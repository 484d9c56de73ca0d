# SPDX-License-Identifier: GPL-3.0-or-later
"""bench_fault_test.py: servers that stall, err, close and lie in the middle of a run of bench: a wrong answer is an error of the
right kind and never a fast success, counts add up, and the run ends in time."""

import contextlib
import json
import os
import random
import signal
import socket
import threading
import time

import harness
from bench_case import AT_ONCE, WELL, BenchCase

def port_for_servers():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest = int(file.read().split()[0])
    for port in random.sample(range(lowest // 2, lowest), 50):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free below those of clients")


OK = "HTTP/1.1 200 OK\r\n"
BODY = "an honest answer"
EVERY, COUNT = 5, 100


class Wrong(harness.Liar):
    """Answers as it should, but each fifth request, which lie(connection) answers; then that connection is closed."""

    def __init__(self, lie, stays=False):
        super().__init__(self._converse)
        self.lie, self.stays, self.asked, self.lies = lie, stays, 0, 0
        self._lock = threading.Lock()

    def _converse(self, connection):
        while connection.read_head():
            with self._lock:
                self.asked += 1
                lies = self.asked % EVERY == 0
                self.lies += lies
            if not lies:
                connection.answer(BODY)
            elif callable(self.lie):
                self.lie(connection)
            else:
                connection.send(self.lie)
            if lies and not self.stays:
                return


class LieTest(BenchCase):
    def lies(self, lie, kinds, *args, stays=False):
        """All are errors of one of `kinds`, and nothing else is one."""
        liar = self.start(Wrong(lie, stays))
        said = self.bench(*AT_ONCE, "-n", COUNT, "-c", 2, "-t", 1, *args, liar.url(), exit=1)
        self.assertEqual((liar.asked, said["requests"]), (COUNT, COUNT))
        self.assertEqual(said["errors"], liar.lies, said["errors_by_kind"])
        self.assertEqual(sum(said["errors_by_kind"].values()), said["errors"])
        self.assertLessEqual(set(said["errors_by_kind"]), set(kinds))
        self.assertTrue(said["first_error"])
        self.assertEqual(said["status"]["200"] >= COUNT - liar.lies, True)
        return said

    def test_answers_that_are_none(self):
        for lie, *kinds in (
            ("\0\1\2\xff" * 50, "http-0.9", "bad-status-line"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "http-0.9"),
            ("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", "bad-status-line"),
            (OK + "no colon\r\nContent-Length: 0\r\n\r\n", "bad-field"),
            (OK + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", "bad-length"),
            (OK + "Content-Length: -1\r\n\r\n", "bad-length"),
            (OK + "Transfer-Encoding: magic\r\n\r\n", "bad-transfer-encoding"),
            (OK + "Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n", "bad-chunk"),
        ):
            with self.subTest(kinds=kinds, lie=lie[:40]):
                self.lies(lie, kinds)

    def test_answers_that_end_too_soon(self):
        for lie, *kinds in (
            ("HTTP/1.1 20", "truncated", "closed"),
            (OK + "Content-Le", "truncated", "closed"),
            (OK + "Content-Length: 100\r\n\r\n" + "x" * 99, "truncated"),
            (OK + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "truncated"),
        ):
            with self.subTest(kinds=kinds, lie=lie):
                self.lies(lie, kinds)

    def test_no_answer_at_all(self):
        """Each is an error, on a kept connection too: with one request after another there is no idle connection whose end a
        request could have crossed with."""
        for lie in ("", lambda connection: connection.reset()):
            for more in ([], ["--no-keepalive"]):
                with self.subTest(lie=lie, more=more):
                    self.lies(lie, ["closed", "reset"], *more)

    def test_a_request_that_crosses_with_the_end_of_an_idle_connection(self):
        """Any client asks again: the server has seen it twice, and nobody is to blame. After a short pause, or where asking
        twice may do more than asking once, it shows."""

        def behave(connection):
            if connection.read_head():
                connection.answer(BODY)
            if connection.read_head():
                with lock:
                    ends.append(1)

        lock, count = threading.Lock(), 4
        for rate, method, repeated in (("1.2", "GET", True), ("1.2", "POST", False), ("5", "GET", False)):
            with self.subTest(rate=rate, method=method):
                ends = []
                liar = self.start(harness.Liar(behave))
                args = [*AT_ONCE, "-n", count, "-c", 1, "-R", rate, "-X", method, liar.url()]
                said = self.bench(*args, exit=WELL if repeated else 1)
                self.assertEqual(said["requests"], count)
                self.assertGreaterEqual(len(ends), 2)
                self.assertEqual(said["errors"], 0 if repeated else len(ends), said["errors_by_kind"])

    def test_answers_of_another_kind(self):
        body = "\r\n\r\n" + BODY
        length = f"Content-Length: {len(BODY)}"
        said = self.lies(f"HTTP/1.1 503 x\r\n{length}{body}", ["http-status"], stays=True)
        self.assertEqual(said["status"], {"200": 80, "503": 20})
        self.assertEqual(said["connections"]["connects"], 2)
        lie = f"{OK}Content-Length: 5\r\n\r\nwrong"
        said = self.lies(lie, ["expectation"], "--expect", "body contains honest", stays=True)
        self.assertEqual(said["status"], {"200": 100})
        self.assertEqual(said["connections"]["connects"], 2)
        said = self.lies(f"{OK}{length}\r\nX-Turn: b{body}", ["expectation"], "--expect", "header x-turn absent", stays=True)
        self.assertEqual(said["errors"], 20)

    def test_more_than_was_asked_for(self):
        """What follows an answer answers nothing, and is not the next one's. It is an error of its own."""
        liar = self.start(Wrong(f"{OK}Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", stays=True))
        said = self.bench(*AT_ONCE, "-n", COUNT, "-c", 1, liar.url(), exit=1)
        self.assertEqual(said["errors_by_kind"], {"unsolicited": liar.lies})
        self.assertEqual((said["requests"], said["status"]), (COUNT + liar.lies, {"200": COUNT}))
        self.assertIn("answer no request", said["first_error"])
        # A second answer taken for the next request's would leave the server with one request fewer for each.
        self.assertGreaterEqual(liar.asked, COUNT)

    def test_a_connection_that_is_closed_after_an_announced_last_answer(self):
        def behave(connection):
            connection.read_head()
            connection.answer(BODY, headers=["Connection: close"])

        liar = self.start(harness.Liar(behave))
        said = self.bench(*AT_ONCE, "-n", 50, "-c", 2, liar.url())
        self.assertEqual((said["requests"], said["errors"]), (50, 0))
        self.assertIn(liar.count, (50, 51, 52))  # those that were open for requests that were not to be

    def test_a_connection_that_is_closed_unannounced(self):
        """Requests that had left by then are lost and show; none that was answered is asked twice."""

        def behave(connection):
            for _ in range(5):
                if connection.read_head():
                    with lock:
                        asked.append(1)
                    connection.answer(BODY)

        asked, lock = [], threading.Lock()
        liar = self.start(harness.Liar(behave))
        said = self.bench(*AT_ONCE, "-n", 100, "-c", 2, liar.url(), exit=(*WELL, 1))
        self.assertEqual(said["requests"], 100)
        self.assertLessEqual(set(said["errors_by_kind"]), {"closed", "reset"})
        self.assertEqual(said["status"], {"200": len(asked)})
        self.assertEqual(said["errors"], 100 - len(asked))

    def test_one_of_a_pipeline(self):
        """An answer that ends the connection fails those behind it, and no answer goes to another request."""

        def behave(connection):
            for number in range(10):
                head = connection.read_head()
                if not head:
                    return
                connection.answer("for " + head.split()[1])
            connection.send("HTTP/1.1 999999\r\n\r\n")

        liar = self.start(harness.Liar(behave))
        said = self.bench(*AT_ONCE, "-n", 300, "-c", 1, "--pipeline", 4, "-m", 5, liar.url("/"), exit=1)
        # What the server says when nothing is outstanding answers nobody.
        self.assertEqual(said["requests"], 300 + said["errors_by_kind"].get("unsolicited", 0))
        self.assertLessEqual(set(said["errors_by_kind"]), {"bad-status-line", "closed", "reset", "unsolicited"})
        self.assertEqual(said["status"], {"200": said["requests"] - said["errors"]})


class StallTest(BenchCase):
    def test_servers_that_never_answer(self):
        for answer in ("", "HTTP/1.1 200", OK + "Content-Length: 5\r\n\r\nhel"):
            with self.subTest(answer):
                behave = lambda connection: [connection.read_head(), connection.send(answer), connection.wait_for_close()]
                liar = self.start(harness.Liar(behave))
                said = self.bench(*AT_ONCE, "-n", 4, "-c", 2, "-m", "0.2", liar.url(), exit=1)
                self.assertEqual((said["requests"], said["errors_by_kind"]), (4, {"timed-out": 4}))
                self.assertIsNone(said["latency_us"]["p50"])
                self.assertLess(self.last.seconds, 3 * harness.SLOW)

    def test_one_that_stalls_now_and_then(self):
        liar = self.start(Wrong(lambda connection: connection.wait_for_close()))
        said = self.bench(*AT_ONCE, "-d", "1s", "-c", 4, "-m", "0.2", liar.url(), exit=1)
        self.assertEqual(set(said["errors_by_kind"]), {"timed-out"})
        self.assertEqual((said["requests"], said["errors"]), (liar.asked, liar.lies))
        self.assertLess(self.last.seconds, 4 * harness.SLOW)

    def test_one_that_drips(self):
        def behave(connection):
            connection.read_head()
            connection.send(OK + "Content-Length: 1000\r\n\r\n")
            while True:
                connection.send("x")
                time.sleep(0.02)

        said = self.bench(*AT_ONCE, "-n", 2, "-c", 2, "-m", "0.3", self.start(harness.Liar(behave)).url(), exit=1)
        self.assertEqual(said["errors_by_kind"], {"timed-out": 2})

    def test_one_that_stands_still_for_a_while(self):
        """Half a second of two: a quarter of all requests were due then. That only two may be outstanding hides it from those
        who look at the clock when a request leaves."""
        origin = self.start(harness.Origin("--threads", 1))
        for more in ([], ["--max-outstanding", 2]):
            with self.subTest(more):
                before = self.paths(origin).get("/s", 0)
                seen = lambda: self._requests_in_log(log) > 40
                log = self.path("log")
                args = [*AT_ONCE, "-d", "2s", "-R", 200, "-c", 2, "-t", 1, *more]
                args += ["--progress", "json", "--json", self.path("said")]
                with contextlib.ExitStack() as stack:
                    err, out = (stack.enter_context(open(path, "wb")) for path in (log, os.devnull))
                    run = harness.ringfetch_start("bench", *args, origin.url("/s"), stderr=err, stdout=out)
                    stack.enter_context(run)
                    harness.wait_until(seen, what="forty requests")
                    origin.process.send_signal(signal.SIGSTOP)
                    try:
                        time.sleep(0.5)
                    finally:
                        origin.process.send_signal(signal.SIGCONT)
                    self.assertIn(run.wait(20 * harness.SLOW), WELL)
                said = self.sound(json.loads(self.read("said")))
                self.assertEqual((said["errors"], self.paths(origin)["/s"] - before), (0, said["requests"]))
                self.assertGreater(said["latency_us"]["p90"], 150_000)
                self.assertGreater(said["latency_us"]["max"], 450_000)
                if more:
                    self.assertLess(said["raw_latency_us"]["p99"], 150_000)
                else:
                    self.assertGreater(said["raw_latency_us"]["p90"], 150_000)

    def _requests_in_log(self, log):
        with open(log, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file.read().splitlines() if line.startswith("{") and line.endswith("}")]
        return lines[-1].get("requests", 0) if lines else 0


class DeathTest(BenchCase):
    def origin(self, *args):
        """One that may be killed."""
        origin = harness.Origin("--threads", 1, *args)
        origin.start()

        def bury():
            origin.process.kill()
            origin.process.wait()
            origin._listener.join()
            origin.process.stderr.close()

        self.addCleanup(bury)
        return origin

    def try_origin(self, port):
        try:
            return self.origin("--port", port)
        except AssertionError:
            return None

    def start_bench(self, *args):
        return harness.ringfetch_start("bench", *AT_ONCE, "-c", 4, "--progress", "none", "--json", self.path("said"), *args)

    def end(self, run):
        killer = threading.Timer(20 * harness.SLOW, run.kill)
        killer.start()
        _, err = run.communicate()
        killer.cancel()
        harness.check_sanitizers(err.decode())
        return self.sound(json.loads(self.read("said")))

    def under_load(self, origin):
        harness.wait_until(lambda: self.paths(origin).get("/s", 0) > 100, what="a hundred requests")

    def test_the_server_dies(self):
        origin = self.origin()
        with self.start_bench("-d", "1500ms", origin.url("/s")) as run:
            self.under_load(origin)
            origin.process.kill()
            said = self.end(run)
            self.assertEqual(run.returncode, 1)
        self.assertGreater(said["requests"], said["errors"])
        self.assertLessEqual(set(said["errors_by_kind"]), {"refused", "reset", "closed", "truncated"})
        self.assertIn("refused", said["errors_by_kind"])
        self.assertTrue(1.4 < said["duration_s"] < 3 * harness.SLOW)

    def test_the_server_is_started_again(self):
        # A port that no connection gets for its own end, whoever looks for one meanwhile.
        origin = self.origin("--port", port_for_servers())
        with self.start_bench("-d", "60s", origin.url("/s")) as run:
            self.under_load(origin)
            origin.process.kill()
            origin.process.wait()
            # The kernel may still be taking the dead one's ring apart, which holds its listener.
            again = harness.wait_until(lambda: self.try_origin(origin.port), what="the port to be free again")
            self.under_load(again)
            run.send_signal(signal.SIGINT)
            said = self.end(run)
            self.assertEqual(run.returncode, 130)
        self.assertGreater(said["requests"] - said["errors"], 200)

    def test_no_handshake(self):
        """Who takes connections and ends them gets no requests: that is an error, and the run ends."""
        liar = self.start(harness.Liar(lambda connection: connection.socket.recv(10)))
        run = self.ringfetch("bench", *AT_ONCE, "-n", 4, "-c", 2, f"https://127.0.0.1:{liar.port}/", exit=1)
        self.assertLess(run.seconds, 5 * harness.SLOW)


if __name__ == "__main__":
    harness.main()
