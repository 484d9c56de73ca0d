# SPDX-License-Identifier: GPL-3.0-or-later
"""works_check_dead.py: do hosts that are dead slow the run, or those that live?

A list with and without its dead hosts, twice: as fast as may be, for the time it takes; and at a steady rate, for the latency of
those that live. At full speed a list without dead hosts has more healthy requests in flight at once, and so worse latency than
one with them: nothing could be learned from that.
"""

import collections
import contextlib
import json
import statistics

from lib import place, programs
from lib.measure import Failed
from lib.result import Result, Target
from lib.servers_check import Dead, Dnsmasq, host_name
from lib.works import WAIT_LIMIT_SECONDS, Counted, measure

HEALTHY, DEAD_OF_A_KIND = 7_000, 750  # four kinds: 30 % of all are dead
STAGES = {"connect": 2 * DEAD_OF_A_KIND, "head": DEAD_OF_A_KIND, "resolve": DEAD_OF_A_KIND}
LIMIT = 10
AT_ONCE = 4_000
RATE = 2_000  # healthy ones started a second
NOISE_MS = 1  # what the scheduler may add to either


def _healthy_urls(nginx):
    return [f"http://{host_name(number)}:{nginx.port}/s" for number in range(HEALTHY)]


def _dead_urls(dead, origin):
    """Of each kind as many: refusing, dropping packets, accepting and never answering, nameless."""
    for number, address in enumerate(place.host_addresses(DEAD_OF_A_KIND)):
        yield f"http://{address}:{dead.refusing}/"
        yield f"http://{address}:{dead.dropping}/"
        yield f"http://{address}:{origin.port}/hang"
        yield f"http://gone{number}.{host_name(0)}/"


def _mix(healthy, dead):
    """Every stretch of the list has its share."""
    dead = iter(dead)
    for index, url in enumerate(healthy):
        yield url
        for _ in range((index + 1) * 3 // 7 - index * 3 // 7):
            yield next(dead)


def _figures(stages):
    """Reads the records: the healthy ones are well, the others dead for the reason that was meant. Then what the former's
    latency was."""

    def read(sample, printed):
        records = [json.loads(line) for line in printed.splitlines()]
        verdicts = collections.Counter(record["verdict"] for record in records)
        if verdicts != collections.Counter({"ok": HEALTHY, "dead": sum(stages.values())}):
            doubtful = next((record for record in records if record["verdict"] == "inconclusive"), {})
            raise Failed(f"verdicts {dict(verdicts)} {doubtful.get('error') or ''}")
        seen = collections.Counter(record["error"]["stage"] for record in records if record["error"])
        if seen != collections.Counter(stages):
            raise Failed(f"stages {dict(seen)} where {stages} were meant")
        totals = [record["ms"]["total"] for record in records if record["ok"]]
        parts = statistics.quantiles(totals, n=100)
        return {"p50 ms": parts[49], "p99 ms": parts[98]}

    return read


def _program(context, name, urls_file, stages, dns, *options):
    command = ["-i", urls_file, "--output", "jsonl:-", "--fail-on", "none", "--silent", "-j", str(AT_ONCE)]
    limits = ["--max-time", str(LIMIT), "--dns-servers", dns.server, *options]
    program = programs.ringfetch(context, *command, *limits, count=0, body_bytes=0, command="check", name=name)
    program.check, program.check_options, program.figures = None, (), _figures(stages)
    return program


def check_dead(context):
    hosts = HEALTHY + 4 * DEAD_OF_A_KIND
    title = f"{hosts:,} hosts, 30% dead: refusing, dropping packets, silent, nameless; time limit {LIMIT} s"
    result = Result("check-dead", title, figures=("p50 ms", "p99 ms"), timed=False)
    with contextlib.ExitStack() as running:
        nginx, origin = context.nginx, context.origin
        dns = running.enter_context(context.running(Dnsmasq(context.memory, place.host_addresses(HEALTHY))))
        dead = running.enter_context(context.running(Dead()))
        healthy = _healthy_urls(nginx)
        alone_file = context.memory.write("check-healthy", place.lines(healthy))
        mixed_file = context.memory.write("check-mixed", place.lines(_mix(healthy, _dead_urls(dead, origin))))
        mixed_rate = RATE * hosts // HEALTHY
        mixed = _program(context, "with dead", mixed_file, STAGES, dns)
        alone = _program(context, "healthy alone", alone_file, {}, dns)
        mixed_paced = _program(context, "with dead, paced", mixed_file, STAGES, dns, "--rate", str(mixed_rate))
        alone_paced = _program(context, "healthy alone, paced", alone_file, {}, dns, "--rate", str(RATE))
        result.programs = [mixed, alone, mixed_paced, alone_paced]
        counted = Counted(nginx, HEALTHY)
        how = {"verify": counted.verify, "settle": counted.settle, "limit": WAIT_LIMIT_SECONDS, "warm": False}
        measure(context, result, context.memory, **how)
    took = None
    if mixed.samples and alone.samples:
        took = mixed.median("wall") / max(LIMIT, alone.median("wall"))
    result.targets.append(Target("time at most 1.2x max(time limit, healthy alone)", took, 1.2))
    later = None
    if mixed_paced.samples and alone_paced.samples:
        later = mixed_paced.median("p99 ms") - alone_paced.median("p99 ms")
    text = f"at {RATE:,}/s the living's p99 is later with dead hosts by at most {NOISE_MS} ms"
    result.targets.append(Target(text, later, NOISE_MS, unit=" ms"))
    return result
