# SPDX-License-Identifier: GPL-3.0-or-later
"""works_check_lines.py: a million URLs of ten thousand hosts, each host asked over and over on a connection that is kept.

Two runs: one from a file, for the speed, and one from stdin that is made to rest twice, for the memory (memory.py says why).
Nobody is pinned: both sides share all cores, as they do wherever the origin is on the same machine. nginx stands beside, with one
worker.
"""

import os

from lib import memory, place, programs
from lib.measure import ALL_CORES, Failed
from lib.result import Result, Target
from lib.servers import Nginx
from lib.works_million import Everywhere

COUNT, COUNT_QUICK = 1_000_000, 300_000
RUNS_MAX = 3  # each takes a while, and what happens by chance is small in a million
PER_SECOND = 60_000
# One connection a host. What may be kept idle is the concurrency, shared out among the workers; hosts fall to them unevenly.
LIMITS = ["-j", str(place.HOSTS * 5 // 4), "--per-host", "1"]


class _NginxMany(Nginx):
    """On all cores, and with a connection for every host. Open files it has none."""

    CONNECTIONS, CORES = 15_000, ALL_CORES

    def open(self):
        os.makedirs(self.top)
        super().open()


def _url(server, addresses, number):
    return f"http://{addresses[number % len(addresses)]}:{server.port}/s?{number // len(addresses)}\n"


def _write_list(context, server, addresses, count):
    path = os.path.join(context.memory.top, "check-lines")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(_url(server, addresses, number) for number in range(count))
    return path


def _speed(context, result, name, server, addresses, count):
    urls_file, runs = _write_list(context, server, addresses, count), min(context.runs, RUNS_MAX)
    options = ["-i", urls_file, "--output", "null", *LIMITS]
    us = programs.ringfetch(context, *options, count=count, body_bytes=0, command="check", name=name)
    result.programs.append(us)
    try:
        for number in range(runs):
            context.say(f"{result.name}, {name}: run {number + 1} of {runs}")
            us.samples.append(programs.run_unpinned(us, count))
    except Failed as why:
        us.fault = str(why)
        us.samples.clear()
    os.remove(urls_file)
    return us


def check_lines(context):
    count = COUNT_QUICK if context.quick else COUNT
    title = f"{count:,} URLs of {place.HOSTS:,} hosts, HEAD on connections that are kept; the origin on the same cores"
    result = Result("check-lines", title, figures=("URLs/s",))
    addresses = place.host_addresses(place.HOSTS)
    with context.running(Everywhere(context.ringfetch)) as server:
        us = _speed(context, result, "ringfetch serve", server, addresses, count)
        made = (server.stats()["accepted"] - 1) / max(len(us.samples), 1)
        result.notes.append(f"{made:,.0f} connections in a run for {place.HOSTS:,} hosts")
        line = lambda number: _url(server, addresses, number)
        rested = memory.run_watched(context, result, count, "check", LIMITS, line, ALL_CORES)
        rested.name = "from stdin, with rests"
        for sample in rested.samples:
            sample.figures = {"URLs/s": count / sample.wall}
    with context.running(_NginxMany(os.path.join(context.memory.top, "many"), context.html)) as server:
        _speed(context, result, "nginx", server, addresses, count)
    speed = us.median("URLs/s") if us.samples else None
    result.targets.append(Target("URLs a second", speed, PER_SECOND, unit="/s", at_least=True))
    return result
