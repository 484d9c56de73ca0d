# SPDX-License-Identifier: GPL-3.0-or-later
"""works_tls.py: what is measured over https, as in works.py: the cipher, handshakes, resumption, bodies on kept connections.

Everybody verifies against the bench's own authority, but for wrk and h2load, which can't. The server decides the cipher.
"""

import json
import os

from lib import place, programs
from lib.measure import Failed
from lib.result import Result, Target
from lib.servers_tls import BODIES, HOSTS
from lib.works import CONNECTIONS, HOSTS_AT_ONCE, WGET2_THREADS, Counted, measure

RECORD_BYTES = 16 * 1024
# About two seconds each for the slower ones.
KEEP_COUNT = {"100": 200_000, "16k": 80_000, "64k": 30_000}
QUICK_SHARE = 10  # --quick asks for so much less


def tls_gcm(context):
    result = Result("tls-gcm", f"AES-128-GCM in pieces of {RECORD_BYTES // 1024} KiB, sealed in memory by the library itself")
    result.figures, result.timed = ("MB/s",), False
    us, openssl = programs.wolfssl_gcm(context, RECORD_BYTES, 1), programs.openssl_gcm(RECORD_BYTES, 1)
    result.programs = [us, openssl]
    measure(context, result, context.memory)
    result.targets.append(Target("0.9x openssl's speed", result.ratio("MB/s", us, openssl), 0.9, at_least=True))
    return result


# ---- many hosts ----------------------------------------------------------------------------------------------------


def _hosts_program(context, urls_file, cacert, count, *more):
    options = ["-i", urls_file, "--cacert", cacert, "--output", "null", "-j", str(HOSTS_AT_ONCE), *more]
    return programs.ringfetch(context, *options, count=count, body_bytes=2 * count)


def _per_handshake(program):
    program.figures = lambda sample, printed: {"us/handshake": sample.cpu / HOSTS * 1e6}
    return program


def tls_hosts(context):
    title = f"{HOSTS:,} different https hosts, one GET of 2 bytes, a new connection and a full, verified handshake each"
    result = Result("tls-hosts", title, figures=("us/handshake",))
    with context.tls_hosts(tickets=False) as server:
        urls, cacert = server.urls("/s"), server.cacert
        urls_file = context.memory.write("tls-hosts", place.lines(urls))
        config = context.memory.write("curl-tls-hosts", programs.curl_config(urls, lambda index: "/dev/null"))
        us = _hosts_program(context, urls_file, cacert, HOSTS)
        wget2 = programs.wget2_tls(urls_file, WGET2_THREADS, cacert, "--no-tcp-fastopen", "-O", "/dev/null")
        curl = programs.curl_parallel(config, HOSTS_AT_ONCE, "--cacert", cacert)
        aiohttp = programs.aiohttp(urls_file, HOSTS_AT_ONCE, "--new-connections", "--cacert", cacert)
        result.programs = [_per_handshake(program) for program in (us, wget2, curl, aiohttp)]
        counted = Counted(server, HOSTS)
        measure(context, result, context.memory, verify=counted.verify, settle=counted.settle)
    result.notes.append(counted.note())
    result.aim_times_as_fast(2.5, wget2)
    return result


def _resumed_share(path):
    """Of the second visits, from the records; the first ones must have been full handshakes."""
    first, second = 0, 0
    with open(path, encoding="utf-8") as records:
        for record in map(json.loads, records):
            resumed = bool(record["tls"]["resumed"])
            first, second = (first + resumed, second) if record["n"] <= HOSTS else (first, second + resumed)
    if first:
        raise Failed(f"{first} first visits were resumed")
    return second / HOSTS


def _resume(context, name, version):
    title = f"{HOSTS:,} https hosts that close after each answer, visited once, and twice: the second visit resumes, TLS {version}"
    result = Result(name, title)
    with context.tls_hosts(tickets=True) as server:
        text = place.lines(server.urls("/s"))
        files = [context.memory.write(f"tls-visit-{times}", text * times) for times in (1, 2)]
        once, twice = (
            _hosts_program(context, file, server.cacert, HOSTS * times, "--tls-max", version)
            for times, file in enumerate(files, start=1)
        )
        once.name, twice.name = "one visit", "two visits"
        twice.check_options += ("--output", "jsonl:{out}/records")
        result.programs = [once, twice]
        shares = []

        def verify(directory, program):
            path = os.path.join(directory, "records")
            if os.path.exists(path):
                shares.append(_resumed_share(path))
                if shares[-1] < 0.99:
                    raise Failed(f"only {shares[-1]:.0%} of the second visits were resumed")

        counted = Counted(server, HOSTS)
        both = lambda directory, program: (counted.verify(directory, program), verify(directory, program))
        measure(context, result, context.memory, verify=both, settle=counted.settle)
    speedup = {}
    if once.samples and twice.samples:
        for what in ("wall", "cpu"):
            speedup[what] = once.median(what) / (twice.median(what) - once.median(what))
        wall, cpu = (twice.median(what) - once.median(what) for what in ("wall", "cpu"))
        result.notes.append(f"second visit alone: {wall:.3f} s, CPU {cpu:.3f} s, {shares[-1]:.1%} of it resumed")
    result.notes.append(counted.note())
    # A resumed handshake of TLS 1.3 costs nginx nearly as much as a full one. Where it is the limit, only CPU tells the visits
    # apart. TLS 1.2 makes no new keys to resume, on neither side.
    for what, text in (("wall", "second visit 1.5x as fast as the first"), ("cpu", "and with 1.5x less CPU")):
        result.targets.append(Target(text, speedup.get(what), 1.5, at_least=True))
    return result


def tls_resume(context):
    return _resume(context, "tls-resume", "1.3")


def tls_resume_12(context):
    return _resume(context, "tls-resume-12", "1.2")


# ---- kept connections ----------------------------------------------------------------------------------------------


def _keep(context, body):
    count = KEEP_COUNT[body] // (QUICK_SHARE if context.quick else 1)
    title = f"{count:,} https bodies of {BODIES[body]:,} bytes from nginx, dropped, {CONNECTIONS} kept connections"
    result = Result(f"tls-keep-{body}", title, figures=("us/request", "requests/s"), timed=False)
    server, at_once = context.tls, str(CONNECTIONS)
    url = server.url(f"/{body}")
    us = programs.ringfetch(
        context,
        *("--cacert", server.cacert, "--output", "null", "-j", at_once, "--per-host", at_once, f"{url}?[1-{count}]"),
        count=count,
        body_bytes=count * BODIES[body],
    )
    us.figures = lambda sample, printed: programs.per_request(sample, count)
    wrk = programs.wrk(url, CONNECTIONS, 1 if context.quick else 2)
    h2load = programs.h2load(url, CONNECTIONS, count, "--h1")
    over_h2 = programs.h2load(server.h2_url(f"/{body}"), CONNECTIONS, count, name="h2load, h2")
    result.programs = [us, wrk, h2load, over_h2]
    measure(context, result, context.memory)
    for peer in (wrk, h2load):
        result.aim_figure_below("us/request", peer)
    return result


def tls_keep_100(context):
    return _keep(context, "100")


def tls_keep_16k(context):
    return _keep(context, "16k")


def tls_keep_64k(context):
    return _keep(context, "64k")


def tls_big_null(context):
    server = context.tls
    result = Result("tls-big-null", "one body of 2 GiB over https from nginx, dropped")
    url, trust = server.url("/big.bin"), ("--cacert", server.cacert)
    us = programs.ringfetch(context, *trust, "--output", "null", url, count=1, body_bytes=place.BIG_BYTES)
    curl = programs.curl(url, "/dev/null", *trust, "--http1.1")
    result.programs = [us, curl]
    counted = Counted(server, 1)
    measure(context, result, context.memory, verify=counted.verify, settle=counted.settle)
    result.notes.append(counted.note())
    result.aim_no_more_than("cpu", curl)
    return result
