# SPDX-License-Identifier: GPL-3.0-or-later
"""works_check.py: what is measured of `ringfetch check`, as in works.py: many hosts, by address and by name, over https, waiting.

Nothing is turned off that a check does by default: failures would be retried, and confirmed at the end.
"""

import statistics

from lib import place, programs
from lib.measure import Failed
from lib.result import Result, Target
from lib.servers_check import Dnsmasq, ManyRings, host_name
from lib.servers_tls import HOSTS as TLS_HOSTS
from lib.works import CONNECTIONS, DELAY_SECONDS, HOSTS_AT_ONCE, WAIT_LIMIT_SECONDS, WGET2_THREADS, Counted, measure
from lib.works_million import Everywhere

CROWD, CROWD_SECONDS, CROWD_MIB = 39_000, 4, 120


def _check(context, urls_file, count, *options, at_once=HOSTS_AT_ONCE, **how):
    few = ["-i", urls_file, "--output", "null", "-j", str(at_once)]
    return programs.ringfetch(context, *few, *options, count=count, body_bytes=0, command="check", **how)


def _wget2(program, urls_file, *options):
    """With the number of threads that serves it best, and with the number of connections that it has elsewhere."""
    spider = ("--spider", "--no-tcp-fastopen")
    return [program(urls_file, threads, *options, *spider, name=f"wget2 ({threads})") for threads in (WGET2_THREADS, CONNECTIONS)]


def _fastest(programs_of_one):
    measured = [program for program in programs_of_one if program.samples]
    return min(measured, key=lambda program: program.median("wall"), default=programs_of_one[0])


def check_hosts(context):
    result = Result("check-hosts", f"{place.HOSTS:,} different hosts, HEAD on a new connection each")
    urls_file = context.memory.write("check-hosts", place.lines(place.host_urls(context.nginx, "/s")))
    wget2 = _wget2(programs.wget2, urls_file)
    aiohttp = programs.aiohttp(urls_file, HOSTS_AT_ONCE, "--new-connections", "--head")
    floor = programs.floor(context, "floor_hosts", context.nginx.port, HOSTS_AT_ONCE, place.HOSTS, "/s", "HEAD")
    result.programs = [_check(context, urls_file, place.HOSTS), *wget2, aiohttp, floor]
    counted = Counted(context.nginx, place.HOSTS)
    measure(context, result, context.memory, verify=counted.verify, settle=counted.settle)
    result.notes.append(counted.note())
    if aiohttp.samples and floor.samples:
        most = result.ratio("wall", aiohttp, floor)
        result.notes.append(f"the floor is {most:.1f}x as fast as aiohttp: nothing on this machine can be faster than that")
    result.aim_times_as_fast(3, _fastest(wget2))
    result.aim_times_as_fast(10, aiohttp)
    result.aim_near_floor("wall", 1.5)
    return result


def check_names(context):
    result = Result("check-names", f"{place.HOSTS:,} hosts, HEAD on a new connection each, by name (dnsmasq) and by address")
    addresses, port = place.host_addresses(place.HOSTS), context.nginx.port
    by_address = context.memory.write("check-addresses", place.lines(f"http://{host}:{port}/s" for host in addresses))
    names = (f"http://{host_name(number)}:{port}/s" for number in range(place.HOSTS))
    by_name = context.memory.write("check-names", place.lines(names))
    with context.running(Dnsmasq(context.memory, addresses)) as dns:
        servers = ("--dns-servers", dns.server)
        us = _check(context, by_name, place.HOSTS, *servers, name="by name")
        reference = _check(context, by_address, place.HOSTS, name="by address")
        ipv4 = _check(context, by_name, place.HOSTS, *servers, "-4", name="by name, -4")
        result.programs = [us, reference, ipv4]
        counted = Counted(context.nginx, place.HOSTS)
        measure(context, result, context.memory, verify=counted.verify, settle=counted.settle)
        dns_seconds = dns.cpu_seconds() / (2 * (context.runs + 1))
    result.notes += [counted.note(), f"dnsmasq CPU in a run {dns_seconds:.2f} s, on nginx's core"]
    result.targets.append(Target("by name at most 1.4x the time by address", result.ratio("wall", us, reference), 1.4))
    return result


def check_tls_hosts(context):
    title = f"{TLS_HOSTS:,} different https hosts, HEAD with a new connection and a full, verified handshake each"
    result = Result("check-tls-hosts", title)
    with context.tls_hosts(tickets=False) as server:
        urls_file = context.memory.write("check-tls-hosts", place.lines(server.urls("/s")))
        us = _check(context, urls_file, TLS_HOSTS, "--cacert", server.cacert)
        wget2 = _wget2(programs.wget2_tls, urls_file, server.cacert)
        result.programs = [us, *wget2]
        counted = Counted(server, TLS_HOSTS)
        measure(context, result, context.memory, verify=counted.verify, settle=counted.settle)
    result.notes.append(counted.note())
    result.aim_times_as_fast(2.5, _fastest(wget2))
    return result


def _crowd_unpinned(context, path):
    """Two cores open and answer connections sooner than one each."""
    with context.running(Everywhere(context.ringfetch)) as server:
        urls_file = context.memory.write("check-unpinned", place.lines(place.host_urls(server, path, CROWD)))
        us = _check(context, urls_file, CROWD, at_once=CROWD)
        try:
            walls = [programs.run_unpinned(us, CROWD).wall for _ in range(context.runs)]
        except Failed as why:
            return f"with both sides on all cores: {why}"
        return f"with both sides on all cores: {statistics.median(walls):.2f} s"


def check_39000(context):
    title = f"{CROWD:,} hosts at once that answer after {DELAY_SECONDS} s, HEAD on a new connection each"
    result = Result("check-39000", title)
    path = f"/delay/{DELAY_SECONDS}"
    with context.running(ManyRings(context.ringfetch)) as server:
        urls_file = context.memory.write("check-39000", place.lines(place.host_urls(server, path, CROWD)))
        floor = programs.floor(context, "floor_hosts", server.port, CROWD, CROWD, path, "HEAD")
        result.programs = [_check(context, urls_file, CROWD, at_once=CROWD), floor]
        measure(context, result, context.memory, limit=WAIT_LIMIT_SECONDS)
    us = result.us
    result.notes.append(_crowd_unpinned(context, path))
    if floor.samples:
        opening = floor.median("wall") - DELAY_SECONDS
        result.notes.append(f"the floor's connections and requests alone, server on the other core: {opening:.2f} s")
    result.aim_under(CROWD_SECONDS)
    resident = us.median("rss_bytes") / 2**20 if us.samples else None
    result.targets.append(Target("resident memory at its peak", resident, CROWD_MIB, unit=" MiB"))
    return result
