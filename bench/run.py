#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""run.py: measures ringfetch beside other programs and beside the least that each work can cost on this machine.

Each work prints a table and its targets, passed or missed; build/bench.json has every run. A missed target is a finding,
not an error: the exit status is 0 unless --check asks for 1. It is 1 as well when nothing could be measured.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import memory, report, works, works_check, works_check_dead, works_check_lines  # noqa: E402
from lib import works_load, works_load_open, works_million, works_tls, works_tls_live  # noqa: E402
from lib.context import Context  # noqa: E402
from lib.measure import Failed  # noqa: E402
from lib.result import Result  # noqa: E402

WORKS = {
    "files-tmpfs": works.files_tmpfs,
    "files-disk": works.files_disk,
    "null": works.null,
    "big-file": works.big_file,
    "big-disk": works.big_disk,
    "big-null": works.big_null,
    "hosts": works.hosts,
    "wait-100": works.wait_100,
    "wait-19000": works.wait_19000,
    "lines-10m": memory.lines_10m,
    "tls-gcm": works_tls.tls_gcm,
    "tls-hosts": works_tls.tls_hosts,
    "tls-resume": works_tls.tls_resume,
    "tls-resume-12": works_tls.tls_resume_12,
    "tls-keep-100": works_tls.tls_keep_100,
    "tls-keep-16k": works_tls.tls_keep_16k,
    "tls-keep-64k": works_tls.tls_keep_64k,
    "tls-big-null": works_tls.tls_big_null,
    "tls-idle-memory": works_tls_live.tls_idle_memory,
    "tls-latency": works_tls_live.tls_latency,
    "check-hosts": works_check.check_hosts,
    "check-names": works_check.check_names,
    "check-tls-hosts": works_check.check_tls_hosts,
    "check-39000": works_check.check_39000,
    "check-lines": works_check_lines.check_lines,
    "check-dead": works_check_dead.check_dead,
    "load-small": works_load.load_small,
    "load-16k": works_load.load_16k,
    "load-64k": works_load.load_64k,
    "load-1m": works_load.load_1m,
    "load-16k-serve": works_load.load_16k_serve,
    "load-64k-serve": works_load.load_64k_serve,
    "load-1m-serve": works_load.load_1m_serve,
    "load-tls-small": works_load.load_tls_small,
    "load-tls-16k": works_load.load_tls_16k,
    "load-pipeline": works_load.load_pipeline,
    "load-open": works_load_open.load_open,
    "load-open-serve": works_load_open.load_open_serve,
    "load-stall": works_load_open.load_stall,
    "load-memory": works_load_open.load_memory,
}
# Not without being asked for: they take the whole machine.
BY_NAME = {"million": works_million.million, "check-million": works_million.check_million}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices={**WORKS, **BY_NAME}, metavar="NAME", help="this work (may be repeated)")
    parser.add_argument("--runs", type=int, metavar="N", help="counted runs of each program (5; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="one run each and a shorter list: does it work at all?")
    parser.add_argument("--list", action="store_true", help="name the works and end")
    parser.add_argument("--check", action="store_true", help="exit status 1 when a target is missed")
    parser.add_argument("--build", default=os.environ.get("BUILD", "build"), help="the build folder (build)")
    parser.add_argument("--ringfetch", default=os.environ.get("RINGFETCH"), help="the binary (BUILD/ringfetch)")
    parser.add_argument("--memory-seconds", type=int, metavar="N", help="how long load-memory lasts (600; with --quick 20)")
    parser.add_argument("--json", metavar="FILE", help="where the JSON goes (BUILD/bench.json)")
    arguments = parser.parse_args()
    if arguments.runs is not None and arguments.runs < 1:
        parser.error("--runs wants at least 1")
    if arguments.memory_seconds is not None and arguments.memory_seconds <= works_load_open.REST_SECONDS:
        parser.error(f"--memory-seconds wants more than {works_load_open.REST_SECONDS}")
    arguments.runs = arguments.runs or (1 if arguments.quick else 5)
    arguments.ringfetch = arguments.ringfetch or os.path.join(arguments.build, "ringfetch")
    arguments.json = arguments.json or os.path.join(arguments.build, "bench.json")
    return arguments


def measure(name, context):
    try:
        return {**WORKS, **BY_NAME}[name](context)
    except Failed as why:
        return Result(name, "see below", fault=str(why))


def print_all(lines):
    print("\n".join(lines), flush=True)


def main():
    arguments = read_arguments()
    if arguments.list:
        print_all({**WORKS, **BY_NAME})
        return 0
    needed = {arguments.ringfetch: "make", os.path.join(arguments.build, "bench", "launch"): "make floors"}
    for path, remedy in needed.items():
        if not os.access(path, os.X_OK):
            print(f"bench: there is no {path}: {remedy}", file=sys.stderr)
            return 1
    results = []
    with Context(arguments.build, arguments.ringfetch, arguments.runs, arguments.quick, quiet=False) as context:
        context.memory_seconds = arguments.memory_seconds
        print_all(report.heading(context))
        for name in arguments.only or WORKS:
            results.append(measure(name, context))
            context.disk.sweep()
            context.hush()
            print_all(report.as_text(results[-1], context))
            report.write_json(arguments.json, results, context)
    targets = [target for result in results for target in result.targets]
    missed = [target for target in targets if not target.is_met]
    unmeasured = [result.name for result in results if result.fault]
    print(f"{len(targets) - len(missed)} of {len(targets)} targets met; {arguments.json}")
    if unmeasured:
        print(f"not measured: {', '.join(unmeasured)}")
    nothing = len(unmeasured) == len(results)
    return 1 if nothing or (arguments.check and (missed or unmeasured)) else 0


if __name__ == "__main__":
    sys.exit(main())
