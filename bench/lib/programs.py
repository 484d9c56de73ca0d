# SPDX-License-Identifier: GPL-3.0-or-later
"""programs.py: the contestants' command lines, one function a program. Each peer gets the setting that serves it best here.

A peer that is not installed still gets its row, which says so: a bench that leaves a rival out silently proves nothing.
"""

import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
import time

from lib.measure import ALL_CORES, Failed, Program, finish, spawn

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ABSENT = "not installed: tools/dev/setup bench"


def _peer(name, command, **more):
    """A peer, marked as absent where its program is missing."""
    program = Program(name, command, **more)
    if not shutil.which(command[0]):
        program.fault = ABSENT
    return program


def ringfetch(context, *options, count, body_bytes, command="get", name="ringfetch"):
    """Ourselves. In the warm-up run its own count has to agree with what was asked of it."""

    def check(said):
        try:
            seen = json.loads(said.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise Failed("no progress object at the end of the warm-up run") from None
        if (seen["done"], seen["ok"]) != (count, count) or seen["body_bytes"] != body_bytes:
            raise Failed(f"{seen['ok']} of {count} succeeded, {seen['body_bytes']} bytes of {body_bytes}")

    return Program(name, [context.ringfetch, command, *options], role="us", check_options=("--progress", "json"), check=check)


def run_unpinned(program, count):
    """One run of ours on all cores, which all of `count` URLs must survive."""
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


def floor(context, name, *arguments):
    path = os.path.join(context.build, "bench", name)
    program = Program(name, [path, *(str(argument) for argument in arguments)], role="floor")
    if not os.path.exists(path):
        program.fault = "not built: make floors"
    return program


def floor_connect(context, port, count, path):
    """How soon so many requests can have been sent at all: the figure "sent", in seconds."""
    program = floor(context, "floor_connect", port, count, path)
    program.role = "bound"
    program.figures = lambda sample, printed: {"sent": float(printed)}
    return program


def wget2(urls_file, threads, *options, name="wget2"):
    command = ["wget2", "--no-config", "--quiet", "--no-robots", f"--max-threads={threads}", "-i", urls_file, *options]
    return _peer(name, command)


def wget2_tls(urls_file, threads, cacert, *options, **how):
    """Without the system's roots and without the files that it keeps about hosts: both only cost it time."""
    trust = ["--ca-directory=", f"--ca-certificate={cacert}", "--no-ocsp", "--no-hsts", "--no-hpkp"]
    return wget2(urls_file, threads, *trust, *options, **how)


def curl_parallel(config_file, at_once, *options):
    few = ["-q", "-sS", "-f", "-Z", "--parallel-max", str(at_once)]
    return _peer("curl -Z", ["curl", *few, *options, "-K", config_file])


def curl(url, output, *options):
    return _peer("curl", ["curl", "-q", "-sS", "-f", *options, "-o", output, url])


def per_request(sample, count):
    """The figures of a program that carried out `count` requests."""
    return {"us/request": sample.cpu / count * 1e6, "requests/s": count / sample.wall}


def wrk(url, connections, seconds):
    def figures(sample, printed):
        found = re.search(r"(\d+) requests in", printed)
        fault = re.search(r"(Socket errors|Non-2xx).*", printed)
        if fault or not found or int(found[1]) == 0:
            raise Failed(fault[0] if fault else "no request answered")
        return per_request(sample, int(found[1]))

    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", url]
    return _peer("wrk", command, figures=figures)


def h2load(url, connections, count, *options, name="h2load"):
    def figures(sample, printed):
        found = re.search(r"(\d+) succeeded", printed)
        if not found or int(found[1]) != count:
            raise Failed(f"{found[1] if found else 0} of {count} succeeded")
        return per_request(sample, count)

    command = ["h2load", *options, "-t", "1", "-c", str(connections), "-n", str(count), url]
    return _peer(name, command, figures=figures)


def hey(url, connections, seconds):
    def figures(sample, printed):
        found = re.findall(r"\[(\d+)\]\s+(\d+) responses", printed)
        if "Error distribution" in printed or not found or any(status != "200" for status, _ in found):
            raise Failed("some requests failed" if found else "no request answered")
        return per_request(sample, sum(int(count) for _, count in found))

    return _peer("hey", ["hey", "-z", f"{seconds}s", "-c", str(connections), "-cpus", "1", url], figures=figures)


def ringfetch_bench(context, url, connections, seconds, *options):
    """`ringfetch bench` on one thread, without a warm-up that its own count would leave out and the kernel's would not.
    That it says it was the limit (6) is no wonder where a work is meant to keep it busy."""

    def figures(sample, printed):
        said = json.loads(printed)
        if said["errors"] or not said["requests"]:
            raise Failed(f"{said['errors']} of {said['requests']} requests failed")
        return per_request(sample, said["requests"])

    few = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--warmup", "0s", "--progress", "none", "--json", "-"]
    command = [context.ringfetch, "bench", *few, *options, url]
    return Program("ringfetch", command, role="us", figures=figures, statuses=(0, 6))


def floor_load(context, server, connections, seconds, path, rate=None):
    """In an open loop where there is a rate, and then with how late its requests left."""

    def figures(sample, printed):
        count, *late = map(int, printed.split())
        return per_request(sample, count) | ({"slip p99 us": late[0]} if late else {})

    schedule = () if rate is None else (f"{rate:.0f}",)
    program = floor(context, "floor_load", server.port, connections, seconds, path, *schedule)
    program.figures = figures
    return program


def openssl_gcm(piece_bytes, seconds):
    def figures(sample, printed):
        found = re.search(r"^\+F:.*:([0-9.]+)$", printed, re.M)
        if not found:
            raise Failed("no result of openssl speed")
        return {"MB/s": float(found[1]) / 1e6}

    options = ["-mr", "-seconds", str(seconds), "-bytes", str(piece_bytes), "-evp", "aes-128-gcm"]
    return _peer("openssl", ["openssl", "speed", *options], figures=figures)


def wolfssl_gcm(context, piece_bytes, seconds):
    """The library that ringfetch is linked with."""

    def figures(sample, printed):
        sealed, took = (float(word) for word in printed.split())
        return {"MB/s": sealed / took / 1e6}

    program = floor(context, "tls_gcm", piece_bytes, seconds)
    program.name, program.role, program.figures = "wolfSSL", "us", figures
    return program


def aria2(at_once, *options):
    """One connection a file: pieces of 10 KiB would only cost it more. The session's hourly save is off for the same reason."""
    few = ["--no-conf", "--quiet", "-x1", "-s1", "--file-allocation=none", "--auto-save-interval=0"]
    return _peer("aria2", ["aria2c", *few, f"-j{at_once}", *options])


def aiohttp(urls_file, at_once, *options):
    command = [sys.executable, os.path.join(BENCH, "peer_aiohttp.py"), "--at-once", str(at_once), *options, urls_file]
    program = Program("aiohttp", command)
    missing = [name for name in ("aiohttp", "uvloop") if not importlib.util.find_spec(name)]
    if missing:
        program.fault = ABSENT
    return program


def curl_config(urls, output):
    """A config file's text. `output` maps a URL's index to a path; curl wants one for each URL."""
    return "".join(f'url = "{url}"\noutput = "{output(index)}"\n' for index, url in enumerate(urls))
