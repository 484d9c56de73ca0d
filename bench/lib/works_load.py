# SPDX-License-Identifier: GPL-3.0-or-later
"""works_load.py: what is measured of `ringfetch bench` in a closed loop, as in works.py: what a request costs the generator,
and how many it makes of a server.

Everybody keeps its connections and runs on one thread. CPU a request is the kernel's count of the whole process, start and end
included, over the requests that it reports; requests a second are those over the wall time of the same process.
"""

import os
import statistics

from lib import programs
from lib.measure import Failed
from lib.result import Result, Target
from lib.works import CONNECTIONS, measure

SECONDS, SECONDS_QUICK = 2, 1
PIPELINE = 16
FULL = 0.9  # of a core: there is no more to be had
# Bodies that nginx serves from files, and how many of them h2load asks for, which wants a count: about two seconds' worth.
BODIES = {"16k": (16 * 1024, 120_000), "64k": (64 * 1024, 50_000), "1m": (1024**2, 4_000)}
TLS_COUNTS = {"100": 200_000, "16k": 80_000}
QUICK_SHARE = 10  # --quick asks for so much less


def _seconds(context):
    return SECONDS_QUICK if context.quick else SECONDS


def _count(context, count):
    return count // (QUICK_SHARE if context.quick else 1)


class Busy:
    """Who was the limit: the share of its core that each side used in a program's runs."""

    def __init__(self, server):
        self.server, self.before, self.seconds = server, 0, {}

    def settle(self):
        self.before = self.server.cpu_seconds()

    def verify(self, directory, program):
        self.seconds.setdefault(program.name, []).append(self.server.cpu_seconds() - self.before)

    def note(self, result):
        shares = []
        for program in result.programs:
            if program.samples:
                wall = program.median("wall")
                server = min(1, statistics.median(self.seconds[program.name]) / wall)
                client = program.median("cpu") / wall
                shares.append(f"{program.name} {client:.0%}, server {server:.0%}{_limit(client, server)}")
        return f"of their cores used: {'; '.join(shares)}"


def _limit(client, server):
    """Both may be, as each sleeps while the other works; and on a machine that others use neither."""
    if max(client, server) < FULL:
        return ""
    return f" (the {'server' if server > client else 'client'} is the limit)"


def _measure(context, result, server):
    result.figures, result.timed = ("us/request", "requests/s"), False
    busy = Busy(server)
    measure(context, result, context.memory, verify=busy.verify, settle=busy.settle)
    result.notes.append(busy.note(result))
    return result


def aim_at_least(result, text, ratio, limit):
    result.targets.append(Target(text, ratio, limit, at_least=True))


# ---- what a request costs -----------------------------------------------------------------------------------------


def load_small(context):
    title = f"GET of 100 bytes from ringfetch serve, {CONNECTIONS} kept connections"
    result, seconds = Result("load-small", title), _seconds(context)
    url = context.origin.url("/s")
    us = programs.ringfetch_bench(context, url, CONNECTIONS, seconds)
    wrk, hey = programs.wrk(url, CONNECTIONS, seconds), programs.hey(url, CONNECTIONS, seconds)
    h2load = programs.h2load(url, CONNECTIONS, _count(context, 400_000), "--h1")
    floor = programs.floor_load(context, context.origin, CONNECTIONS, seconds, "/s")
    result.programs = [us, wrk, h2load, hey, floor]
    _measure(context, result, context.origin)
    what = "us/request"
    result.targets.append(Target("CPU a request at most 1.1x the floor's", result.ratio(what, us, floor), 1.1))
    aim_at_least(result, "1.3x less CPU a request than wrk", result.ratio(what, wrk, us), 1.3)
    aim_at_least(result, "5x less CPU a request than hey", result.ratio(what, hey, us), 5)
    return result


def _load_tls(context, body):
    title = f"https bodies of {'100 bytes' if body == '100' else '16 KiB'} from nginx, {CONNECTIONS} kept connections"
    result, seconds = Result(f"load-tls-{'small' if body == '100' else body}", title), _seconds(context)
    server = context.tls
    url = server.url(f"/{body}")
    us = programs.ringfetch_bench(context, url, CONNECTIONS, seconds, "--cacert", server.cacert)
    wrk = programs.wrk(url, CONNECTIONS, seconds)
    h2load = programs.h2load(url, CONNECTIONS, _count(context, TLS_COUNTS[body]), "--h1")
    result.programs = [us, wrk, h2load]
    _measure(context, result, server)
    for peer in (wrk, h2load):
        result.aim_figure_below("us/request", peer)
    return result


def load_tls_small(context):
    return _load_tls(context, "100")


def load_tls_16k(context):
    return _load_tls(context, "16k")


# ---- how many requests -----------------------------------------------------------------------------------------------


def _make_body(root, name, size):
    path = os.path.join(root, name)
    if not os.path.exists(path):
        with open(path, "wb") as file:
            file.write(bytes(index * 7 % 251 for index in range(size)))
    return f"/{name}"


def _load_body(context, body, of_serve=False):
    """nginx sends from the page cache without copying and ringfetch needs less than a core to keep it busy, so that there the server
    may be the limit for whoever loads it; `ringfetch serve` is asked for the same."""
    size, count = BODIES[body]
    server, name = (context.origin, "ringfetch serve") if of_serve else (context.nginx, "nginx")
    title = f"bodies of {size // 1024:,} KiB from {name}, {CONNECTIONS} kept connections"
    result, seconds = Result(f"load-{body}{'-serve' if of_serve else ''}", title), _seconds(context)
    url = server.url(f"/bytes/{size}" if of_serve else _make_body(context.html, f"load-{body}", size))
    us = programs.ringfetch_bench(context, url, CONNECTIONS, seconds)
    peers = [
        programs.wrk(url, CONNECTIONS, seconds),
        programs.h2load(url, CONNECTIONS, _count(context, count), "--h1"),
    ]
    result.programs = [us, *peers]
    _measure(context, result, server)
    for peer in peers:
        # Strictly above, as printed.
        aim_at_least(result, f"more requests/s than {peer.name}", result.ratio("requests/s", us, peer), 1.01)
    return result


def load_16k(context):
    return _load_body(context, "16k")


def load_64k(context):
    return _load_body(context, "64k")


def load_1m(context):
    return _load_body(context, "1m")


def load_16k_serve(context):
    return _load_body(context, "16k", of_serve=True)


def load_64k_serve(context):
    return _load_body(context, "64k", of_serve=True)


def load_1m_serve(context):
    return _load_body(context, "1m", of_serve=True)


def load_pipeline(context):
    title = f"GET of 100 bytes from ringfetch serve, {CONNECTIONS} kept connections, {PIPELINE} requests deep; wrk one by one"
    result, seconds = Result("load-pipeline", title), _seconds(context)
    url = context.origin.url("/s")
    us = programs.ringfetch_bench(context, url, CONNECTIONS, seconds, "--pipeline", str(PIPELINE))
    wrk = programs.wrk(url, CONNECTIONS, seconds)
    result.programs = [us, wrk]
    _measure(context, result, context.origin)
    aim_at_least(result, "2x the requests/s of wrk", result.ratio("requests/s", us, wrk), 2)
    return result


def capacity(context, url):
    """Requests a second that the server answers in a closed loop."""
    program = programs.ringfetch_bench(context, url, CONNECTIONS, _seconds(context))
    measure(context, Result("capacity", "", programs=[program]), context.memory)
    if program.fault:
        raise Failed(f"the server's capacity: {program.fault}")
    return program.median("requests/s")
