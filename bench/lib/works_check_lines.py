# SPDX-License-Identifier: GPL-3.0-or-later
"""works_check_lines.py: a million URLs of ten thousand hosts, each host asked over and over on a connection that is kept.

Two runs: one from a file, for the speed, and one from stdin that is made to rest twice, for the memory (memory.py says why).
Nobody is pinned: both sides share all cores, as they do wherever the origin is on the same machine.
"""

import json
import os
import tempfile
import time

from lib import memory, place, programs
from lib.measure import ALL_CORES, Failed, finish, spawn
from lib.result import Result, Target
from lib.works_million import Everywhere

COUNT, COUNT_QUICK = 1_000_000, 300_000
PER_SECOND = 60_000
# One connection a host. The workers' shares of what may be kept idle add up to the concurrency, and hosts fall unevenly to workers.
LIMITS = ["-j", str(place.HOSTS * 5 // 4), "--per-host", "1"]


def _url(server, addresses, number):
    return f"http://{addresses[number % len(addresses)]}:{server.port}/s?{number // len(addresses)}\n"


def _write_list(context, server, addresses, count):
    path = os.path.join(context.memory.top, "check-lines")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(_url(server, addresses, number) for number in range(count))
    return path


def _connections(server):
    """How many it has accepted, this question's included."""
    return server.stats()["accepted"]


def _run(program, count):
    """One run, unpinned; raises Failed unless every URL was well."""
    with tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        pid = spawn([*program.command, "--progress", "json"], ALL_CORES, stderr=errors.fileno())
        code, sample = finish(pid, began)
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip().splitlines()
    seen = json.loads(said[-1]) if said and said[-1].startswith("{") else {}
    if code != 0 or seen.get("ok") != count:
        raise Failed(f"exit status {code}, {seen.get('ok')} of {count} succeeded")
    sample.figures = {"URLs/s": count / sample.wall}
    return sample


def _speed(context, result, server, urls_file, count):
    us = programs.ringfetch(
        context, *("-i", urls_file, "--output", "null", *LIMITS), count=count, body_bytes=0, command="check"
    )
    result.programs.append(us)
    before = _connections(server)
    try:
        for number in range(context.runs):
            context.say(f"{result.name}: run {number + 1} of {context.runs}")
            us.samples.append(_run(us, count))
    except Failed as why:
        us.fault = str(why)
        us.samples.clear()
        return us
    made = (_connections(server) - before - 1) / context.runs
    result.notes.append(f"{made:,.0f} connections in a run for {place.HOSTS:,} hosts")
    return us


def check_lines(context):
    count = COUNT_QUICK if context.quick else COUNT
    title = f"{count:,} URLs of {place.HOSTS:,} hosts, HEAD on connections that are kept; ringfetch serve on the same cores"
    result = Result("check-lines", title, figures=("URLs/s",))
    addresses = place.host_addresses(place.HOSTS)
    with context.running(Everywhere(context.ringfetch)) as server:
        urls_file = _write_list(context, server, addresses, count)
        us = _speed(context, result, server, urls_file, count)
        speed = us.median("URLs/s") if us.samples else None
        os.remove(urls_file)
        line = lambda number: _url(server, addresses, number)
        rested = memory.run_watched(context, result, count, "check", LIMITS, line, ALL_CORES)
        rested.name = "from stdin, with rests"
        for sample in rested.samples:
            sample.figures = {"URLs/s": count / sample.wall}
    result.targets.append(Target("URLs a second", speed, PER_SECOND, unit="/s", at_least=True))
    return result
