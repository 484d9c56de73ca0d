# SPDX-License-Identifier: GPL-3.0-or-later
"""programs.py: the contestants' command lines, one function a program. Each peer gets the setting that serves it best here.

A peer that is not installed still gets its row, which says so: a bench that leaves a rival out silently proves nothing.
"""

import importlib.util
import json
import os
import shutil
import sys

from lib.measure import Failed, Program

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ABSENT = "not installed: tools/dev/setup bench"


def _peer(name, command, **more):
    """A peer, marked as absent where its program is missing."""
    program = Program(name, command, **more)
    if not shutil.which(command[0]):
        program.fault = ABSENT
    return program


def ringfetch(context, *options, count, body_bytes):
    """Ourselves. In the warm-up run its own count has to agree with what was asked of it."""

    def check(said):
        try:
            seen = json.loads(said.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise Failed("no progress object at the end of the warm-up run") from None
        if (seen["done"], seen["ok"]) != (count, count) or seen["body_bytes"] != body_bytes:
            raise Failed(f"{seen['ok']} of {count} succeeded, {seen['body_bytes']} bytes of {body_bytes}")

    command = [context.ringfetch, "get", *options]
    return Program("ringfetch", command, role="us", check_options=("--progress", "json"), check=check)


def floor(context, name, *arguments):
    path = os.path.join(context.build, "bench", name)
    program = Program(name, [path, *(str(argument) for argument in arguments)], role="floor")
    if not os.path.exists(path):
        program.fault = "not built: make floors"
    return program


def wget2(urls_file, threads, *options, name="wget2"):
    command = ["wget2", "--no-config", "--quiet", "--no-robots", f"--max-threads={threads}", "-i", urls_file, *options]
    return _peer(name, command)


def curl_parallel(config_file, at_once):
    return _peer("curl -Z", ["curl", "-q", "-sS", "-f", "-Z", "--parallel-max", str(at_once), "-K", config_file])


def curl(url, output):
    return _peer("curl", ["curl", "-q", "-sS", "-f", "-o", output, url])


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
