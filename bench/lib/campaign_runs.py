# SPDX-License-Identifier: GPL-3.0-or-later
"""campaign_runs.py: the servers of a campaign, how much slower one is than the other, and one run between them."""

import hashlib
import json
import math
import os
import platform
import random
import re
import shlex
import signal
import statistics
import subprocess
import sys
import time

from lib import noise, programs
from lib.measure import ALL_CORES, Failed, Launcher, finish, spawn
from lib.servers import Origin

# A request takes about so long in all: few enough of them that the client's core is never the limit, and enough in a block.
REQUEST_US = 40
WARMUP_SECONDS, WARMUP_SECONDS_SHORT, SHORT_LIMIT = 1, 0.5, 10
MARGIN_SECONDS = 0.3  # of a run's limit, for its start and its end
TRY_PAIRS, FINAL_PAIRS, PAIR_SECONDS = 6, 20, 1
CLOSE_ENOUGH, TRIES = 0.0015, 4
REGRESSED_STATUS = 5


class Working(Origin):
    """`ringfetch serve` that computes for so long at each request."""

    def __init__(self, ringfetch, work_us):
        super().__init__(ringfetch)
        self.THREADS = (*Origin.THREADS, "--work-us", str(work_us))


class Pair:
    """Both servers of a run."""

    def __init__(self, ringfetch, work_us):
        self.ringfetch, self.servers = ringfetch, [Working(ringfetch, us) for us in work_us]

    def __enter__(self):
        try:
            for server in self.servers:
                server.open()
        except Failed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *why):
        for server in self.servers:
            server.close()

    @property
    def urls(self):
        return [server.url("/s") for server in self.servers]


class Neighbour:
    """noise.py beside a run, if wanted; `seconds` is the CPU time that it took."""

    seconds = 0

    def __init__(self, wanted, seed):
        self.wanted, self.seed = wanted, seed

    def __enter__(self):
        if self.wanted:
            command = [sys.executable, noise.__file__, str(self.seed), ",".join(map(str, sorted(ALL_CORES)))]
            self.pid = spawn(command, ALL_CORES)
        return self

    def __exit__(self, *why):
        if self.wanted:
            os.kill(self.pid, signal.SIGKILL)
            self.seconds = finish(self.pid, 0)[1].cpu


def machine(ringfetch):
    said = subprocess.run([ringfetch, "--version"], stdout=subprocess.PIPE, check=False).stdout.decode()
    return {"kernel": platform.release(), "cores": len(ALL_CORES), "ringfetch": said.strip()}


def build_id(ringfetch):
    with open(ringfetch, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


# ---- how much slower ------------------------------------------------------------------------------------------------


def _on_cpu(pid):
    """Seconds that a process's threads have run."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def _load(server, connections):
    """(requests a second, CPU microseconds a request) of a server under a second of wrk: a program that has no part in the
    verdicts."""
    program = programs.wrk(server.url("/s"), connections, PAIR_SECONDS)
    if program.fault:
        raise Failed(f"wrk is {program.fault}")
    before = _on_cpu(server.pid)
    printed = Launcher.run(program.command, listen=True)[2]
    spent = _on_cpu(server.pid) - before
    count, rate = re.search(r"(\d+) requests in", printed), re.search(r"Requests/sec:\s+([0-9.]+)", printed)
    if not count or not rate or "errors" in printed:
        raise Failed(f"wrk: {' '.join(printed.split())[-200:]}")
    return float(rate[1]), spent / int(count[1]) * 1e6


def _fewer(logs):
    """The median of ratios as a percentage that is missing, and its 95% interval by order statistics: a second that a
    neighbour spoiled says nothing."""
    logs = sorted(logs)
    aside = max(0, math.floor(len(logs) / 2 - 0.98 * math.sqrt(len(logs))) - 1)
    percent = lambda log: 100 * (1 - math.exp(log))
    return {"percent": percent(statistics.median(logs)), "low": percent(logs[-1 - aside]), "high": percent(logs[aside])}


def _difference(ringfetch, work_us, connections, pairs):
    """How many fewer requests B answers than A, by the clock and by its CPU time; in turns, whose turn is first by a coin. CPU
    time is what others on the machine disturb least."""
    by_clock, by_cpu = [], []
    with Pair(ringfetch, work_us) as both:
        for _ in range(pairs):
            found = {side: _load(both.servers[side], connections) for side in random.sample((0, 1), 2)}
            by_clock.append(math.log(found[1][0] / found[0][0]))
            by_cpu.append(math.log(found[0][1] / found[1][1]))
    return {**_fewer(by_clock), "cpu": _fewer(by_cpu), "pairs": pairs, "seconds": PAIR_SECONDS}


def calibrate(ringfetch, share, connections):
    """The work of both servers in whole microseconds, such that B answers `share` fewer requests; and the difference, measured
    again after the choice: one that decided it would be too good."""
    more = max(1, round(REQUEST_US * share / (1 - share)))
    wanted = more * (1 - share) / share  # of A, in all
    first = round(wanted)
    with Pair(ringfetch, [first, first]) as both:
        overhead = statistics.median(_load(both.servers[0], connections)[1] for _ in range(3)) - first
    work = max(0, round(wanted - overhead))
    for _ in range(TRIES):
        found = _difference(ringfetch, [work, work + more], connections, TRY_PAIRS)["cpu"]["percent"] / 100
        # How the share moves with a microsecond of A's.
        step = round((found - share) * wanted / share)
        if abs(found - share) <= CLOSE_ENOUGH or step == 0 or work + step < 0:
            break
        work += step
    work_us = [work, work + more]
    return {"work_us": work_us, "difference": _difference(ringfetch, work_us, connections, FINAL_PAIRS)}


# ---- one run --------------------------------------------------------------------------------------------------------


def _times():
    """Of the whole machine: seconds that somebody used, and that the host gave to others."""
    with open("/proc/stat", encoding="ascii") as file:
        words = [int(word) / os.sysconf("SC_CLK_TCK") for word in file.readline().split()[1:9]]
    return sum(words) - words[3] - words[4] - words[7], words[7]


def _command(pair, campaign, seed):
    warmup = WARMUP_SECONDS_SHORT if campaign.limit < SHORT_LIMIT else WARMUP_SECONDS
    most = campaign.limit - warmup - MARGIN_SECONDS
    few = ["-t", "1", "-c", str(campaign.connections), "--seed", str(seed), "--warmup", f"{warmup * 1000:.0f}ms"]
    few += ["--max-duration", f"{most * 1000:.0f}ms", "--progress", "none", "--json", "-"]
    return [pair.ringfetch, "bench", *few, *shlex.split(campaign.options), *pair.urls]


def _verdict(code, printed, said):
    """What it said, and what it rests on; "failed" where it said nothing, or not the same thing twice."""
    try:
        result = json.loads(printed)
        verdict = result["verdict"]
    except (ValueError, KeyError):
        return {"verdict": "failed", "metrics": None, "why": f"exit status {code}: {' '.join(said.split())[-300:]}"}
    why = result["comparison"].get("reason")
    # A CI job sees the status only.
    if (verdict == "regressed") != (code == REGRESSED_STATUS):
        verdict, why = "failed", f"{verdict}, but exit status {code}"
    metrics = {
        name: {what: metric[what] for what in ("change", "low", "high", "verdict", "samples")}
        for name, metric in result["comparison"]["metrics"].items()
    }
    machine_said = {name: result.get(name) for name in ("limits", "generator")}
    return {"verdict": verdict, "metrics": metrics, "why": why, **machine_said}


def _run(command, limit):
    """(seconds, exit status, stdout, stderr); -1 where it had to be killed."""
    try:
        sample, said, printed = Launcher.run(command, limit, listen=True, statuses=range(256))
        return sample.wall, sample.status, printed, said
    except Failed as why:
        return limit, -1, "", str(why)


def one_run(pair, campaign, number):
    """A line of the log."""
    seed, began, before = campaign.seed + number, time.time(), _times()
    with Neighbour(campaign.noise, seed) as neighbour:
        seconds, code, printed, said = _run(_command(pair, campaign, seed), campaign.limit * 2 + 30)
    used, stolen = (round(now - then, 2) for now, then in zip(_times(), before))
    return {
        "n": number,
        "seed": seed,
        **_verdict(code, printed, said),
        "exit": code,
        "seconds": round(seconds, 3),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "machine": {"load": os.getloadavg()[0], "used_s": used, "stolen_s": stolen, "noise_s": round(neighbour.seconds, 2)},
    }
