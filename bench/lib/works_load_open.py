# SPDX-License-Identifier: GPL-3.0-or-later
"""works_load_open.py: what is measured of `ringfetch bench` in an open loop, and over a long time: whether requests leave when
they are due, whether a server that stands still is seen to, and whether memory grows.

Peers are left out: wrk and hey have no open loop, and h2load's says nothing of its schedule. These works rest on what ringfetch
reports, as no one else knows when a request was due. Whether it could have left then is another matter: a kernel thread that
takes the core for some milliseconds makes whoever is due wait, so the floor keeps the same schedule beside ringfetch.
"""

import json
import os
import re
import signal
import statistics
import threading
import time

from lib import programs
from lib.measure import Failed, Launcher, cores, finish, rounds, spawn
from lib.others import Others
from lib.result import Result, Target
from lib.servers import Origin
from lib.servers_tls import make_bodies
from lib.works import CONNECTIONS
from lib.works_load import FULL, capacity

SHARE = 0.5  # of the server's capacity
SECONDS, SECONDS_QUICK = 10, 4
SLIP_US = 200
# Open before the schedule begins, by the floor too: a tenth of a second's worth. Whenever a server is held up for some milliseconds as
# many more are needed as were due meanwhile, and ringfetch, which would open them then, would be late because of that.
AHEAD = 4_000
STALL_SECONDS, STALL_RATE, STALL_OUTSTANDING = 1, 2_000, 20
STALL_MS = 100
REST_SECONDS, MEMORY_SECONDS, MEMORY_SECONDS_QUICK = 10, 600, 20
MEMORY_GROWTH = 1.05


def _open_loop(context, url, rate, seconds, *options, connections=CONNECTIONS):
    return programs.ringfetch_bench(context, url, connections, seconds, "-R", f"{rate:.0f}", *options)


def _run(program):
    """What one run says of itself."""
    sample, _, printed = Launcher.run(program.command, listen=True, statuses=program.statuses)
    sample.figures = program.figures(sample, printed)
    return sample, json.loads(printed)


# ---- on schedule ---------------------------------------------------------------------------------------------------


def _scheduled(context, arrivals, *how):
    """ringfetch with requests that arrive so, and with what it says of its schedule among its figures."""
    program = _open_loop(context, *how, "--arrivals", arrivals, connections=AHEAD)
    program.name, counted = arrivals, program.figures

    def figures(sample, printed):
        said = json.loads(printed)
        late = {"slip p99 us": said["slip_us"]["p99"], "p99 us": said["latency_us"]["p99"]}
        return counted(sample, printed) | late

    program.figures = figures
    return program


def _aim_on_schedule(result, programs_of_ours):
    for program in programs_of_ours:
        text = f"{program.name}: 99% of requests leave within {SLIP_US} us of schedule"
        result.targets.append(Target(text, program.median("slip p99 us"), SLIP_US, unit=" us"))
    late = result.floor.median("slip p99 us")
    if late is not None and late > SLIP_US and not all(target.is_met for target in result.targets):
        # A core that the least client fills was asked for too much: nobody took it away.
        share = result.floor.median("cpu") / result.floor.median("wall")
        why = "the machine's doing" if share < FULL else f"the rate is too much for it, with {share:.0%} of its core used"
        result.notes.append(f"the floor's own p99 is {late:,.0f} us: {why}")
        times = [f"{program.name} {program.median('slip p99 us') / late:.1f}x" for program in programs_of_ours if program.samples]
        if times:
            result.notes.append(f"against the floor's: {', '.join(times)}; what is much above 1 is not explained by that")


def _load_open(context, name, server, server_name, path):
    seconds = SECONDS_QUICK if context.quick else SECONDS
    url = server.url(path)
    rate = SHARE * capacity(context, url)
    title = f"{rate:,.0f} requests/s on schedule, half of what {server_name} can answer, {AHEAD:,} connections"
    result = Result(name, title, figures=("us/request", "requests/s", "slip p99 us"), timed=False)
    ours = [_scheduled(context, arrivals, url, rate, seconds) for arrivals in ("constant", "poisson")]
    floor = programs.floor_load(context, server, AHEAD, seconds, path, rate)
    floor.name = "floor"
    result.programs = [*ours, floor]
    others = Others(server)
    say = lambda text: context.say(f"{name}: {text}")
    rounds(result.programs, context.runs, context.memory, others.verify, others.settle, warm=False, say=say)
    waits = [f"{program.name} {program.median('p99 us'):,.0f} us" for program in ours if program.samples]
    if waits:
        result.notes.append(f"p99 from when a request was due to its answer: {', '.join(waits)}")
    result.notes.append(others.note())
    _aim_on_schedule(result, ours)
    return result


def load_open(context):
    make_bodies(context.html)
    return _load_open(context, "load-open", context.nginx, "nginx", "/100")


def load_open_serve(context):
    return _load_open(context, "load-open-serve", context.origin, "ringfetch serve", "/s")


# ---- a server that stalls --------------------------------------------------------------------------------------------


class _Stall:
    """Stops a server for a second in the middle of a run."""

    def __init__(self, server, after):
        self.server = server
        self.stop = threading.Timer(after, self._stop)

    def _stop(self):
        os.kill(self.server.pid, signal.SIGSTOP)
        time.sleep(STALL_SECONDS)
        os.kill(self.server.pid, signal.SIGCONT)

    def __enter__(self):
        self.stop.start()

    def __exit__(self, *why):
        self.stop.cancel()
        self.stop.join()


def load_stall(context):
    """With as many outstanding as it takes, every request of that second is sent and waits. With few allowed, most can't even
    leave: only a clock that starts when a request was due tells that they waited."""
    title = f"{STALL_RATE:,} requests/s for {SECONDS} s to a ringfetch serve that stands still for {STALL_SECONDS} s of them"
    result = Result("load-stall", title, figures=("p99 ms", "raw p99 ms"), timed=False)
    with context.running(Origin(context.ringfetch)) as server:
        url = server.url("/s")
        free, held = _open_loop(context, url, STALL_RATE, SECONDS), _open_loop(
            context, url, STALL_RATE, SECONDS, "--max-outstanding", str(STALL_OUTSTANDING)
        )
        free.name, held.name = "ringfetch", f"{STALL_OUTSTANDING} outstanding"
        result.programs = [free, held]
        for number in range(context.runs):
            for program in result.programs:
                context.say(f"load-stall: {program.name}, run {number + 1} of {context.runs}")
                try:
                    with _Stall(server, SECONDS / 2):
                        sample, said = _run(program)
                    p99, raw = (said[name]["p99"] / 1e3 for name in ("latency_us", "raw_latency_us"))
                    sample.figures = {"p99 ms": p99, "raw p99 ms": raw}
                    program.samples.append(sample)
                except Failed as why:
                    program.fault = str(why)
    for program in result.programs:
        text = f"{program.name}: p99 from the scheduled start at least {STALL_MS} ms"
        result.targets.append(Target(text, program.median("p99 ms"), STALL_MS, unit=" ms", at_least=True))
    text = f"{held.name}: p99 from when they left, which hides it, under {STALL_MS} ms"
    result.targets.append(Target(text, held.median("raw p99 ms"), STALL_MS, unit=" ms"))
    return result


# ---- memory over time ------------------------------------------------------------------------------------------------


def _resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", file.read(), re.M)[1]) * 1024


def _watch(pid, seconds):
    """Resident bytes after REST_SECONDS and so on to the end, once a second."""
    found, began = [], time.monotonic()
    for second in range(REST_SECONDS, seconds):
        time.sleep(max(0, began + second - time.monotonic()))
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            raise Failed(f"it ended by itself after {second} s")
        found.append(_resident_bytes(pid))
    return found


def load_memory(context):
    seconds = context.memory_seconds or (MEMORY_SECONDS_QUICK if context.quick else MEMORY_SECONDS)
    title = f"{seconds} s of GETs of 100 bytes from ringfetch serve, {CONNECTIONS} kept connections"
    result = Result("load-memory", title, timed=False)
    us = programs.ringfetch_bench(context, context.origin.url("/s"), CONNECTIONS, seconds)
    # Whatever it reports at the end is built by then: what is read here is the run's.
    us.command[us.command.index("--json") + 1] = os.devnull
    result.programs = [us]
    context.say(f"load-memory: {seconds} s")
    began = time.monotonic()
    pid = spawn(us.command, cores())
    try:
        found = _watch(pid, seconds)
    except Failed as why:
        us.fault, found = str(why), []
    code, sample = finish(pid, began, 60)
    if not us.fault and code not in us.statuses:
        us.fault = f"exit status {code}"
    growth = None
    if not us.fault:
        us.samples.append(sample)
        growth = found[-1] / found[0]
        first, last, most = (f"{size / 2**20:.1f} MiB" for size in (found[0], found[-1], max(found)))
        middle = statistics.median(found) / 2**20
        rest = f"{middle:.1f} MiB in the median, {last} at the end, {most} at most"
        result.notes.append(f"resident: {first} after {REST_SECONDS} s, {rest}")
    text = f"memory at the end at most {MEMORY_GROWTH}x that after {REST_SECONDS} s"
    result.targets.append(Target(text, growth, MEMORY_GROWTH))
    return result
