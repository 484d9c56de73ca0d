# SPDX-License-Identifier: GPL-3.0-or-later
"""memory.py: does a list of ten million lines cost more memory than one of a hundred thousand? And a check of many hosts?

The list is generated into ringfetch's stdin. Resident memory is read at rest: after the first 100,000 lines, and again
before the last line, the generator holds still until everything written has been answered (ringfetch's own progress objects
say so). Sampling while requests are in flight was rejected: it would measure how many happened to be.
"""

import json
import os
import re
import signal
import threading
import time

from lib.measure import ALL_CORES, Failed, Program, cores, finish, spawn
from lib.result import Result, Target

FIRST = 100_000
LINES, LINES_QUICK = 10_000_000, 1_000_000
BLOCK = 5_000  # lines written at once
LIMIT_SECONDS = 1200
STALL_SECONDS = 60  # without one more answer


class _Watched:
    """One run of ringfetch and what it says about itself; `line` gives the line of a number, from 0."""

    def __init__(self, context, command, options, line, core):
        self.line = line
        reading, self.lines = os.pipe()
        self.errors, writing = os.pipe()
        fixed = ["-i", "-", "--output", "null", "--progress", "json"]
        self.command = [context.ringfetch, command, *fixed, *options]
        self.began = time.monotonic()
        self.pid = spawn(self.command, core, stdin=reading, stderr=writing)
        # Writing to a program that no longer reads would last for ever.
        self.killer = threading.Timer(LIMIT_SECONDS, self.kill)
        self.killer.start()
        os.close(reading)
        os.close(writing)
        self.progress, self.said, self.written = {"done": 0}, "", 0
        self.changed = threading.Condition()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self):
        with open(self.errors, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with self.changed:
                    if line.startswith("{"):
                        self.progress = json.loads(line)
                    else:
                        self.said = line.strip()
                    self.changed.notify()
        with self.changed:
            self.errors = None
            self.changed.notify()

    def write_until(self, count):
        """Writes lines up to the count-th in all."""
        while self.written < count:
            upto = min(self.written + BLOCK, count)
            text = "".join(map(self.line, range(self.written, upto))).encode()
            while text:
                text = text[os.write(self.lines, text) :]
            self.written = upto

    def rest(self):
        """Waits until everything written is answered; fails where nothing moves any more."""
        with self.changed:
            while self.progress["done"] < self.written:
                before = self.progress["done"]
                if not self.changed.wait(STALL_SECONDS) or self.errors is None:
                    raise Failed(f"stuck at {before:,} of {self.written:,} lines {self.said}")

    def status(self, field):
        """A size from /proc/PID/status in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
            return int(re.search(rf"^{field}:\s+(\d+) kB", file.read(), re.M)[1]) * 1024

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def end(self):
        os.close(self.lines)
        code, sample = finish(self.pid, self.began, LIMIT_SECONDS)
        self.killer.cancel()
        self.listener.join()
        return code, sample


def _feed(context, name, watched, count):
    """(resident bytes at FIRST lines, and at the end), both at rest."""
    found = []
    for upto in (FIRST, count - 1):
        context.say(f"{name}: up to {upto:,} lines")
        watched.write_until(upto)
        watched.rest()
        found.append(watched.status("VmRSS"))
    watched.write_until(count)
    return found


def run_watched(context, result, count, command, options, line, core):
    """Adds the run to `result`, with its note and its target. What the server saw is for the caller to compare."""
    watched = _Watched(context, command, options, line, core)
    us = Program("ringfetch", watched.command, role="us")
    result.programs.append(us)
    resident = None
    try:
        resident = _feed(context, result.name, watched, count)
    except (Failed, OSError) as why:
        us.fault = str(why)
        watched.kill()
    code, sample = watched.end()
    ok = watched.progress.get("ok")
    if not us.fault and (code != 0 or ok != count):
        us.fault = f"exit status {code}, {ok} of {count} succeeded {watched.said}"
    if us.fault:
        resident = None
    else:
        us.samples.append(sample)
        first, last = (f"{size / 2**20:.1f} MiB" for size in resident)
        result.notes.append(f"resident at rest: {first} after {FIRST:,} lines, {last} after {count - 1:,}")
    text = f"memory at the end at most 1.1x that at {FIRST:,} lines"
    result.targets.append(Target(text, resident[1] / resident[0] if resident else None, 1.1))
    return us


def lines_10m(context):
    count = LINES_QUICK if context.quick else LINES
    result = Result("lines-10m", f"a list of {count:,} lines from stdin, bodies of 2 bytes from nginx, dropped")
    url, before = context.nginx.url("/s?"), context.nginx.requests()
    # Generator and listener keep off ringfetch's core.
    os.sched_setaffinity(0, cores(server=True))
    try:
        us = run_watched(context, result, count, "get", ["--per-host", "256"], lambda n: f"{url}{n}\n", cores())
    finally:
        os.sched_setaffinity(0, ALL_CORES)
    asked = context.nginx.requests() - before - 1
    if not us.fault and asked < count:
        raise Failed(f"the server saw {asked} requests of {count}")
    return result
