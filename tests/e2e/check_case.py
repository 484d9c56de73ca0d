# SPDX-License-Identifier: GPL-3.0-or-later
"""check_case.py: what the tests of `ringfetch check` share: runs that are held against what every record promises, lying servers.

A failure is confirmed a second or more after it came, so that a run with one in it takes as long; therefore these tests ask
for many things in one run rather than for one thing in many.
"""

import collections
import json
import socket
import threading
import time

import harness
from web import Web

def records_of(run):
    """The records in stdout. Text in them may have what Python takes for a line's end, as JSON allows: only LF is one."""
    return [json.loads(line) for line in run.bytes.split(b"\n") if line]


FAULTS = {"ok": None, "skipped": None, "flaky": None, "dead": ("target", "policy"), "blocked": ("target",)}


class CheckCase(harness.Case):
    def run_check(self, *args, lines=None, exit=0, retry=0, **options):
        """One run, over arguments or over the lines of a list (text or members of a JSON line), held against the rules."""
        args = ["check", "-s", "--retry", retry, *args]
        if lines is not None:
            args += ["-i", "-"]
            options["input"] = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        if "--output" not in args:
            args += ["--output", "jsonl:-"]
        return self.ringfetch(*args, exit=exit, **options)

    def check(self, *args, **options):
        """The records of run_check() by n."""
        return self.sound(records_of(self.run_check(*args, **options)))

    def sound(self, records):
        """The same records by n: each number once, and no record contradicts itself."""
        records = sorted(records, key=lambda record: record["n"])
        self.assertEqual([record["n"] for record in records], list(range(1, len(records) + 1)))
        for record in records:
            self.check_record(record)
        return records

    def check_record(self, record):
        verdict, error = record["verdict"], record["error"]
        self.assertEqual(record["ok"], verdict in ("ok", "skipped", "flaky"), record)
        self.assertEqual(record["ok"], error is None, record)
        if error and verdict in FAULTS:
            self.assertIn(error["fault"], FAULTS[verdict], record)
        self.assertEqual(record["first"] is None, record["passes"] == 0, record)
        if record["first"]:
            self.assertEqual(list(record["first"]), ["status", "stage", "kind", "fault"])
        if verdict == "flaky":
            self.assertGreater(record["passes"], 0, record)

    def verdicts(self, records):
        return [(record["verdict"], record["error"] and record["error"]["kind"]) for record in records]

    def said(self, record, *members):
        return tuple(record[member] for member in members)


class Paths(harness.Liar):
    """A server that breaks the protocol in a way of its own at each path: `answers` maps "/path" to text, or to a function of
    the connection and the head. Each connection serves one request. Other paths get an honest answer."""

    def __init__(self, answers, **options):
        super().__init__(self._behave, **options)
        self.answers = answers
        self.heads = collections.defaultdict(list)

    def _behave(self, connection):
        while head := connection.read_head():
            method, target, _ = head.split("\r\n")[0].split(" ")
            self.heads[target].append(method)
            answer = self.answers.get(target.partition("?")[0])
            if answer is None:
                connection.answer("" if method == "HEAD" else "well")
                continue
            if callable(answer):
                answer(connection, head)
            else:
                connection.send(answer)
            return


class Counted(Web):
    """Answers each target with these one after another, the last one for ever: {"/a": ["503 x", "200 OK"]}. What is a function
    is called with the request. The methods of each target's requests are in `asked`."""

    def __init__(self, answers, **options):
        super().__init__(self._respond, **options)
        self.answers, self.asked, self.times = answers, collections.defaultdict(list), collections.defaultdict(list)
        self._counting = threading.Lock()

    def _respond(self, request):
        with self._counting:
            self.asked[request.target].append(request.method)
            self.times[request.target].append(request.time)
            number = len(self.asked[request.target])
        answers = self.answers.get(request.path, ["200 OK"])
        answer = answers[min(number, len(answers)) - 1]
        if callable(answer):
            return answer(request)
        return answer if isinstance(answer, tuple) else (answer, [], "body of " + request.path)


def wait_for_close(connection, *_):
    connection.wait_for_close()


def reset(connection, *_):
    connection.reset()


class Dns:
    """A DNS server on UDP; `answer` makes an answer of a query, or None."""

    REFUSED, SERVFAIL = 5, 2

    @staticmethod
    def saying(code):
        return Dns(lambda query: query[:2] + bytes([0x81, code]) + query[4:6] + bytes(6) + query[12:])

    def __init__(self, answer):
        self.answer = answer

    def start(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.server = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            if query == b"stop":
                return
            if answer := self.answer(query):
                self.socket.sendto(answer, client)

    def stop(self):
        self.socket.sendto(b"stop", self.socket.getsockname())
        self.thread.join()
        self.socket.close()
