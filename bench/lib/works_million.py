# SPDX-License-Identifier: GPL-3.0-or-later
"""works_million.py: how many requests can one process hold in flight at the same moment, where descriptors are few?

Both sides share the machine and all its cores, and the kernel needs some 9 KB for each connection: so this is asked for by name
only. The server's own count decides. Peers are left out: they stop at the descriptor limit. `get` and `check` do the same work,
which is to hold them.
"""

import os
import re
import resource
import signal
import time

from lib.measure import ALL_CORES, Failed, Program, finish, spawn
from lib.result import Result, Target
from lib.servers import Origin

COUNT, COUNT_QUICK = 1_000_000, 100_000
HOSTS = 250  # loopback addresses: each has 28,000 local ports to offer
DELAY, DELAY_QUICK = 48, 10
LIMIT_SECONDS = 180
BYTES_EACH = 13 * 1024  # of all memory
AIM_SECONDS, AIM_KIB = 90, 1


class Everywhere(Origin):
    """On all cores, with as many rings as it takes."""

    THREADS, CORES = (), ALL_CORES


def _available():
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"^MemAvailable:\s+(\d+) kB", file.read(), re.M)[1]) * 1024


def _own_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        found = re.search(r"^RssAnon:\s+(\d+) kB", file.read(), re.M)
        return int(found[1]) * 1024 if found else 0


def _watch(pid, server):
    """(the most own memory that was seen, the most requests in flight as the server counted)"""
    own, end = 0, time.monotonic() + LIMIT_SECONDS
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        own = max(own, _own_bytes(pid))
        if time.monotonic() > end:
            raise OSError(f"no end within {LIMIT_SECONDS} s")
        time.sleep(1)
    return own, server.stats()["in_flight"]["most"]


def _run(context, command, server, count, delay):
    url = server.url(f"/delay/{delay}?[1-{count // HOSTS}]", host=f"127.0.[1-10].[1-{HOSTS // 10}]")
    limits = ["--stall-time", str(LIMIT_SECONDS), "--max-time", "0", "--connect-timeout", "60", "--retry", "0"]
    options = ["-j", str(count), "--per-host", "100000", "--progress", "none", *limits, url]
    us = Program("ringfetch", [context.ringfetch, command, "--output", "null", *options], role="us")
    began = time.monotonic()
    pid = spawn(us.command, ALL_CORES)
    try:
        own, most = _watch(pid, server)
    except OSError as why:
        os.kill(pid, signal.SIGKILL)
        finish(pid, began)
        raise Failed(str(why)) from None
    code, sample = finish(pid, began)
    if code != 0:
        raise Failed(f"exit status {code} after {sample.wall:.0f} s")
    sample.figures = {"in flight": most, "KiB each": own / count / 1024}
    us.samples.append(sample)
    return us


def _hold(context, name, command):
    count, delay = (COUNT_QUICK, DELAY_QUICK) if context.quick else (COUNT, DELAY)
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    title = f"{count:,} requests in flight at once from one process, RLIMIT_NOFILE {descriptors:,}"
    result = Result(name, title, figures=("in flight", "KiB each"))
    if _available() < count * BYTES_EACH:
        raise Failed(f"this needs {count * BYTES_EACH / 2**30:.0f} GB of free memory")
    server = Everywhere(context.ringfetch)
    try:
        server.open()
        context.say(f"{name}: {count:,} requests that are answered after {delay} s")
        result.programs.append(_run(context, command, server, count, delay))
    finally:
        server.close()
    us = result.us
    result.targets.append(Target("all in flight at once", us.median("in flight") / count, 1, at_least=True))
    result.aim_under(AIM_SECONDS)
    result.targets.append(Target("own memory of each", us.median("KiB each"), AIM_KIB, unit=" KiB"))
    return result


def million(context):
    return _hold(context, "million", "get")


def check_million(context):
    return _hold(context, "check-million", "check")
