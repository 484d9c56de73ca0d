# SPDX-License-Identifier: GPL-3.0-or-later
"""works_tls_live.py: what is seen of ringfetch only while it runs: the memory of idle https connections, and what other
requests feel of a thousand handshakes.

Peers are left out: none tells these things about itself, and none mixes such work in one thread.
"""

import json
import os
import re
import signal
import statistics
import threading
import time

from lib import place
from lib.measure import ALL_CORES, Failed, Program, cores, finish, spawn
from lib.result import Result, Target

IDLE_COUNTS = (2_000, 4_000)
REST_SECONDS, REST_LIMIT_SECONDS = 0.3, 60
IDLE_KIB = 12

VISITS = 1_000
STEADY_SECONDS, BURST_AFTER_SECONDS, PACE_SECONDS = 2, 0.5, 0.002
RUN_LIMIT_SECONDS = 60
ADDED_MS = 20


# ---- memory of idle connections ------------------------------------------------------------------------------------


def _private_bytes(pid):
    """What the process has touched of memory of its own; files and shared pages left out."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(re.search(r"^RssAnon:\s+(\d+) kB", file.read(), re.M)[1]) * 1024


def _until(what, server, count):
    end = time.monotonic() + REST_LIMIT_SECONDS
    while server.in_progress() != count:
        if time.monotonic() > end:
            raise Failed(f"{what}: the server has {server.in_progress():,} requests in hand, not {count:,}")
        time.sleep(0.05)


def _at_rest(context, server, url, count):
    """Resident bytes of a ringfetch whose `count` connections all wait for their answers, and nothing else goes on."""
    at_once = str(count)
    options = ["--cacert", server.cacert, "--output", "null", "-j", at_once, "--per-host", at_once, "--progress", "none"]
    pid = spawn([context.ringfetch, "get", *options, f"{url}?[1-{count}]"], cores())
    try:
        _until("waiting", server, count)
        time.sleep(REST_SECONDS)
        return _private_bytes(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
        finish(pid, 0)
        _until("after a run", server, 0)


def _per_connection(context, server, url):
    few, many = (_at_rest(context, server, url, count) for count in IDLE_COUNTS)
    return (many - few) / (IDLE_COUNTS[1] - IDLE_COUNTS[0]) / 1024


def tls_idle_memory(context):
    few, many = IDLE_COUNTS
    title = f"what each further connection adds to resident memory, {many:,} idle in wait beside {few:,}, its request included"
    result, found = Result("tls-idle-memory", title), {"https": [], "http": []}
    server, path = context.tls, f"/delay/{REST_LIMIT_SECONDS}"
    urls = {"https": server.url(path), "http": server.plain_url(path)}
    try:
        for number in range(context.runs):
            for scheme, url in urls.items():
                context.say(f"tls-idle-memory: {scheme}, run {number + 1} of {context.runs}")
                found[scheme].append(_per_connection(context, server, url))
    except Failed as why:
        result.fault = str(why)
    medians = {scheme: statistics.median(runs) for scheme, runs in found.items() if runs}
    result.notes += [f"{scheme}: {kib:.1f} KiB a connection" for scheme, kib in medians.items()]
    text = f"an idle https connection holds at most {IDLE_KIB} KiB, all told"
    result.targets.append(Target(text, None if result.fault else medians["https"], IDLE_KIB, unit=" KiB"))
    return result


# ---- latency of others ---------------------------------------------------------------------------------------------


class _Stream:
    """One run of ringfetch get -i - that is given a line every two milliseconds, and perhaps many lines at once."""

    def __init__(self, context, cacert):
        self.records = os.path.join(context.memory.top, "latency")
        self.command = [context.ringfetch, "get", "-i", "-", "--cacert", cacert, "-t", "1", "-j", str(VISITS + 100)]
        self.command += ["--output", "null", "--output", f"jsonl:{self.records}", "--progress", "none"]

    def run(self, steady_url, burst):
        """The records of the steady requests and of the others."""
        if os.path.exists(self.records):
            os.unlink(self.records)
        reading, lines = os.pipe()
        began = time.monotonic()
        pid = spawn(self.command, cores(), stdin=reading)
        os.close(reading)
        killer = threading.Timer(RUN_LIMIT_SECONDS, os.kill, (pid, signal.SIGKILL))
        killer.start()
        try:
            with open(lines, "wb", buffering=0) as file:
                self._feed(file, steady_url, burst)
        except BrokenPipeError:
            pass  # it ended early: its exit status tells more
        finally:
            killer.cancel()
            code, self.sample = finish(pid, began, RUN_LIMIT_SECONDS)
        if code:
            raise Failed(f"exit status {code}")
        with open(self.records, encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        steady = [record for record in records if record["url"].startswith(steady_url)]
        return steady, [record for record in records if not record["url"].startswith(steady_url)]

    @staticmethod
    def _feed(file, steady_url, burst):
        text = place.lines(burst).encode()
        start = time.monotonic()
        for number in range(int(STEADY_SECONDS / PACE_SECONDS)):
            if text and number * PACE_SECONDS >= BURST_AFTER_SECONDS:
                while text:
                    text = text[file.write(text) :]
            file.write(f"{steady_url}{number}\n".encode())
            time.sleep(max(0, start + (number + 1) * PACE_SECONDS - time.monotonic()))


def _ended(record):
    """Milliseconds into the hour, which no run crosses but by bad luck."""
    _, minutes, seconds = record["time"].rstrip("Z").split(":")
    return (int(minutes) * 60 + float(seconds)) * 1000


def _figures(steady, others):
    """Of requests on connections that were there already, from the request to its answer's last byte; beside handshakes only of
    what ended while they ran. New connections wait in line for their connect, as those of the thousand do."""
    figures = {"handshakes ms": 0.0}
    steady = [record for record in steady if record["reused"]]
    if others:
        end = max(map(_ended, others))
        begin = min(_ended(record) - record["ms"]["total"] for record in others)
        steady = [record for record in steady if begin <= _ended(record) <= end + 5]
        figures["handshakes ms"] = end - begin
    if not steady:
        raise Failed("no steady request ended while the handshakes ran")
    taken = sorted(record["ms"]["wait"] + record["ms"]["body"] for record in steady)
    at = lambda share: taken[min(len(taken) - 1, int(len(taken) * share))]
    return {"p50 ms": at(0.5), "p99 ms": at(0.99), "max ms": taken[-1], **figures}


def tls_latency(context):
    title = f"http requests every {PACE_SECONDS * 1000:g} ms on open connections, alone and while the same thread does {VISITS:,} https handshakes"
    result = Result("tls-latency", title, timed=False)
    result.figures = ("p50 ms", "p99 ms", "max ms", "handshakes ms")
    with context.tls_hosts(tickets=False, count=VISITS) as server:
        # The steady requests' own server must not wait for the core behind the other one's handshakes.
        server.give_way()
        stream, steady_url = _Stream(context, server.cacert), context.origin.url("/s?")
        alone = Program("alone", stream.command)
        beside = Program("beside handshakes", stream.command, role="us")
        result.programs = [beside, alone]
        os.sched_setaffinity(0, cores(server=True))
        try:
            # The first round warms up.
            for number in range(-1, context.runs):
                for program, burst in ((alone, []), (beside, server.urls("/s"))):
                    context.say(f"tls-latency: {program.name}, run {number + 1} of {context.runs}")
                    figures = _figures(*stream.run(steady_url, burst))
                    stream.sample.figures = figures
                    if number >= 0:
                        program.samples.append(stream.sample)
        except Failed as why:
            result.fault = str(why)
        finally:
            os.sched_setaffinity(0, ALL_CORES)
    added = None
    if not result.fault:
        added = beside.median("max ms") - alone.median("p50 ms")
    text = f"the slowest of them at most {ADDED_MS} ms above the usual (a limit of our own)"
    result.targets.append(Target(text, added, ADDED_MS, unit=" ms"))
    return result
