# SPDX-License-Identifier: GPL-3.0-or-later
"""works.py: what is measured. One function a work: it names the contestants, has them measured and states the targets.

ringfetch's options stand in the table. Everything that decides between the contestants (connections, what is written,
how often) is the same for all of them, except where a peer is faster with fewer threads: then that is its setting.
"""

import os
import statistics

from lib import place, programs
from lib.measure import Failed, rounds
from lib.result import Result

CONNECTIONS = 100
WGET2_THREADS = 10  # where all share a core, more threads cost wget2 more than they bring
FILE_BYTES_ALL = place.FILES * place.FILE_BYTES
HOSTS_AT_ONCE = 300
DELAY_SECONDS = 3
WAIT_LIMIT_SECONDS = 60


class Counted:
    """The server's own count says whether all was asked for: the only witness where nothing is written."""

    def __init__(self, server, count):
        self.server, self.count, self.before = server, count, 0
        self.began, self.spent = 0, {}

    def settle(self):
        self.before, self.began = self.server.requests(), self.server.cpu_seconds()

    def verify(self, directory, program):
        asked = self.server.requests() - self.before - 1
        if asked < self.count:
            raise Failed(f"the server saw {asked} requests of {self.count}")
        self.spent.setdefault(program.name, []).append(self.server.cpu_seconds() - self.began)

    def note(self):
        """The server's own CPU time: where it is near a program's wall time, the server was the limit."""
        medians = (f"{name} {statistics.median(runs):.2f} s" for name, runs in self.spent.items())
        return f"server CPU under {', '.join(medians)}"


def measure(context, result, where, **how):
    rounds(result.programs, context.runs, where, say=lambda text: context.say(f"{result.name}: {text}"), **how)
    return result


def _files_options(urls_file, output):
    at_once = str(CONNECTIONS)
    return ["-i", urls_file, "--output", output, "-j", at_once, "--per-host", at_once]


def _files_contestants(context, output, directory, *peers):
    """ringfetch, the peers, and the floor last: the last to run is the least likely to be favoured by a warm cache."""
    urls_file = context.files_list
    us = programs.ringfetch(
        context, *_files_options(urls_file, output), count=place.FILES, body_bytes=FILE_BYTES_ALL
    )
    floor = programs.floor(context, "floor_get", context.nginx.port, CONNECTIONS, place.FILES, directory)
    if directory == "-":
        return [us, *peers, floor]
    return [us, *peers, _whole_files_floor(context, directory), floor]


def _whole_files_floor(context, directory):
    """The floor that keeps ringfetch's promise as well: nobody sees a file under its name before it is whole."""
    program = programs.floor(
        context, "floor_get", context.nginx.port, CONNECTIONS, place.FILES, directory, "whole"
    )
    program.name, program.role = "floor_get (whole files)", "bound"
    return program


def _note_whole_files(result):
    bound = next(program for program in result.programs if program.role == "bound")
    if bound.samples and result.us.samples:
        ratio = result.ratio("wall", result.us, bound)
        result.notes.append(f"{ratio:.2f}x the floor whose files are whole or absent, as ringfetch's are")


def _curl_files(context, name, output):
    urls = place.file_urls(context.nginx)
    return context.memory.write(name, programs.curl_config(urls, output))


def files_tmpfs(context):
    result = Result("files-tmpfs", f"{place.FILES:,} files of 10 KiB from nginx to tmpfs, {CONNECTIONS} connections")
    urls_file, out = context.files_list, "{out}"
    # curl has no way to name a directory for outputs that come from a config file but this.
    config = _curl_files(context, "curl-files", lambda index: f"{index}.bin")
    curl = programs.curl_parallel(config, CONNECTIONS)
    curl.command += ["--output-dir", out]
    result.programs = _files_contestants(
        context,
        "files:{out}",
        out,
        programs.wget2(urls_file, WGET2_THREADS, "-P", out, name=f"wget2 ({WGET2_THREADS})"),
        programs.wget2(urls_file, CONNECTIONS, "-P", out, name=f"wget2 ({CONNECTIONS})"),
        curl,
        programs.aria2(CONNECTIONS, "-i", urls_file, "-d", out),
        programs.aiohttp(urls_file, CONNECTIONS, "--out", out),
    )
    measure(context, result, context.memory, verify=lambda at, _: place.verify_files(context.html, at))
    result.aim_times_as_fast(2)
    result.aim_near_floor("wall", 1.3)
    _note_whole_files(result)
    return result


def files_disk(context):
    kind = context.disk.file_system
    result = Result("files-disk", f"{place.FILES:,} files of 10 KiB from nginx to {kind}, {CONNECTIONS} connections")
    result.programs = _files_contestants(context, "files:{out}", "{out}")
    measure(
        context,
        result,
        context.disk,
        verify=lambda at, _: place.verify_files(context.html, at),
        settle=context.sync,
    )
    result.aim_near_floor("wall", 1.3)
    _note_whole_files(result)
    return result


def null(context):
    result = Result("null", f"{place.FILES:,} bodies of 10 KiB from nginx, dropped, {CONNECTIONS} connections")
    config = _curl_files(context, "curl-null", lambda index: "/dev/null")
    result.programs = _files_contestants(
        context,
        "null",
        "-",
        programs.wget2(context.files_list, WGET2_THREADS, "-O", "/dev/null"),
        programs.curl_parallel(config, CONNECTIONS),
        programs.aiohttp(context.files_list, CONNECTIONS),
    )
    counted = Counted(context.nginx, place.FILES)
    measure(context, result, context.memory, verify=counted.verify, settle=counted.settle)
    result.aim_near_floor("cpu", 1.3)
    return result


# ---- one large body ----------------------------------------------------------------------------------------------


def _big(context, name, title, where, output, curl_output, *peers, **how):
    result = Result(name, title)
    url = context.nginx.url("/big.bin")
    us = programs.ringfetch(context, "--output", output, url, count=1, body_bytes=place.BIG_BYTES)
    curl = programs.curl(url, curl_output)
    result.programs = [us, curl, *peers]
    measure(context, result, where, **how)
    result.aim_no_more_than("wall", curl)
    result.aim_no_more_than("cpu", curl)
    return result


def _has_room(context, where, result):
    files = 2 * (context.runs + 1) if where.keeps else 1
    if where.room < place.BIG_BYTES * (files + 1):
        result.fault = f"no room for {files + 1} times 2 GiB in {os.path.dirname(where.top)}"
    return not result.fault


def big_file(context):
    title = "one body of 2 GiB from nginx to a file on tmpfs"
    short = Result("big-file", title)
    if not _has_room(context, context.memory, short):
        return short
    aria2 = programs.aria2(1, "-d", "{out}", context.nginx.url("/big.bin"))
    verify = lambda at, _: place.verify_big(at)
    return _big(
        context, "big-file", title, context.memory, "files:{out}", "{out}/big.bin", aria2, verify=verify
    )


def big_disk(context):
    """Stands beside big-file without a target: the disk decides."""
    title = f"one body of 2 GiB from nginx to a file on {context.disk.file_system}"
    short = Result("big-disk", title)
    if not _has_room(context, context.disk, short):
        return short
    verify = lambda at, _: place.verify_big(at)
    result = _big(
        context,
        "big-disk",
        title,
        context.disk,
        "files:{out}",
        "{out}/big.bin",
        verify=verify,
        settle=context.sync,
    )
    result.targets.clear()
    return result


def big_null(context):
    counted = Counted(context.nginx, 1)
    title = "one body of 2 GiB from nginx, dropped"
    return _big(
        context,
        "big-null",
        title,
        context.memory,
        "null",
        "/dev/null",
        verify=counted.verify,
        settle=counted.settle,
    )


# ---- many hosts, and servers that wait -----------------------------------------------------------------------------


def hosts(context):
    result = Result("hosts", f"{place.HOSTS:,} different hosts, one GET of 2 bytes and a new connection each")
    urls = place.host_urls(context.nginx, "/s")
    urls_file = context.memory.write("hosts", place.lines(urls))
    config = context.memory.write("curl-hosts", programs.curl_config(urls, lambda index: "/dev/null"))
    us = programs.ringfetch(
        context,
        *("-i", urls_file, "--output", "null", "-j", str(HOSTS_AT_ONCE)),
        count=place.HOSTS,
        body_bytes=2 * place.HOSTS,
    )
    wget2 = programs.wget2(urls_file, CONNECTIONS, "--no-tcp-fastopen", "-O", "/dev/null")
    curl = programs.curl_parallel(config, HOSTS_AT_ONCE)
    aiohttp = programs.aiohttp(urls_file, HOSTS_AT_ONCE, "--new-connections")
    floor = programs.floor(context, "floor_hosts", context.nginx.port, HOSTS_AT_ONCE, place.HOSTS, "/s")
    result.programs = [us, wget2, curl, aiohttp, floor]
    counted = Counted(context.nginx, place.HOSTS)
    measure(context, result, context.memory, verify=counted.verify, settle=counted.settle)
    result.aim_times_as_fast(3, wget2)
    return result


def _wait(context, count, seconds):
    result = Result(f"wait-{count}", f"{count:,} requests at once to a server that answers after {DELAY_SECONDS} s")
    urls = [context.origin.url(f"/delay/{DELAY_SECONDS}?{number}") for number in range(count)]
    urls_file = context.memory.write(result.name, place.lines(urls))
    one = context.origin_body_bytes("/delay/0")
    us = programs.ringfetch(
        context,
        *("-i", urls_file, "--output", "null", "-j", str(count), "--per-host", str(count)),
        count=count,
        body_bytes=count * one,
    )
    path = f"/delay/{DELAY_SECONDS}"
    floor = programs.floor(context, "floor_hosts", context.origin.port, count, count, path)
    result.programs = [us, floor]
    measure(context, result, context.memory, limit=WAIT_LIMIT_SECONDS)
    result.aim_under(seconds)
    return result, urls_file


def wait_100(context):
    return _wait(context, 100, 3.05)[0]


def _measure_aside(context, result, program, runs, **how):
    """A program that takes no turns with the others."""
    say = lambda text: context.say(f"{result.name}: {text}")
    rounds([program], runs, context.memory, say=say, limit=WAIT_LIMIT_SECONDS, **how)
    result.programs.append(program)


def _note_least(context, result, count):
    """What sending the requests alone takes, by plain calls that do nothing else, before the server has waited."""
    bound = programs.floor_connect(context, context.origin.port, count, f"/delay/{DELAY_SECONDS}")
    _measure_aside(context, result, bound, context.runs)
    if bound.samples:
        sent = bound.median("sent")
        result.notes.append(
            f"a loop of socket, connect and send has sent all {count:,} after {sent:.2f} s "
            f"({sent / count * 1e6:.0f} us each): so asked, the last one is answered after {sent + DELAY_SECONDS:.2f} s"
        )


def wait_19000(context):
    result, urls_file = _wait(context, 19_000, 3.5)
    _note_least(context, result, 19_000)
    # Once is enough for a contrast.
    _measure_aside(context, result, programs.aiohttp(urls_file, 19_000), 1, warm=False)
    return result
