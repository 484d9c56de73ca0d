# SPDX-License-Identifier: GPL-3.0-or-later
"""check_shuffle_test.py: a property: what check says of a URL depends on the URL alone, not on its place in the list, nor on how
many requests are in flight, on how many threads, and how many at one host.

One list of all kinds of hosts is asked again and again, each time in another order and with other numbers. The runs go on
side by side, as they mostly wait; a query of its own tells each run's requests from those of the others.
"""

import collections
import concurrent.futures
import random
import threading

import harness
from check_case import CheckCase, Paths, reset, wait_for_close
from web import Web

SEED = 20261
MAX_TIME = 2 * max(1, harness.SLOW / 2)

# Concurrency, threads, requests at one host.
RUNS = ((1, 1, 1), (1, 4, 32), (7, 2, 3), (7, 1, 32), (300, 4, 1), (300, 2, 32), (5000, 1, 8), (5000, 4, 32), (5000, 2, 1))


class Hosts(Web):
    """Many well-behaved addresses. A path says what becomes of the request; "-once" is about a run's first one alone."""

    def __init__(self):
        super().__init__(self._decide, host="0.0.0.0")
        self.counts, self.counting = collections.Counter(), threading.Lock()

    def _decide(self, request):
        host = request.fields["host"] + request.target
        with self.counting:
            self.counts[host] += 1
            is_first = self.counts[host] == 1
        word, _, when = request.path[1:].partition("-")
        if when == "once" and not is_first:
            return "well"
        if when == "head" and request.method != "HEAD":
            return "well"
        if word == "moved":
            return "301 x", [f"Location: http://{request.fields['host']}/well?{request.target.partition('?')[2]}"], ""
        return "well" if word == "well" else (word + " x", [], "")


class ShuffleTest(CheckCase):
    def lines(self):
        """(URL without its query, verdict, kind) of everything in the list."""
        web = self.start(Hosts())
        names = {f"{word}.test": [f"127.0.4.{number}"] for number, word in enumerate(("one", "two", "three"), 1)}
        self.dns = self.start(harness.Dnsmasq(names))
        broken = self.start(
            Paths({"/reset": reset, "/closed": "", "/garbage": "SSH-2.0-x\r\n", "/cut": "HTTP/1.1 200 OK\r\nContent-Len", "/hang": wait_for_close})
        )
        holder, closed = harness.closed_port()
        self.addCleanup(holder.close)
        hosts = [f"127.0.3.{number}:{web.port}" for number in range(1, 5)] + [f"{name}:{web.port}" for name in names]
        expected = {
            "well": ("ok", None),
            "404-head": ("ok", None),
            "moved": ("ok", None),
            "404": ("dead", "http-status"),
            "403": ("blocked", "http-status"),
            "503-once": ("flaky", None),
            "429-once": ("flaky", None),
            "500": ("dead", "http-status"),
        }
        lines = [(f"http://{host}/{word}", *ending) for host in hosts for word, ending in expected.items()]
        lines += [(f"http://{host}/well?{number}", "ok", None) for host in hosts[:2] for number in range(20)]
        lines += [(f"http://127.0.5.{number}:{closed}/", "dead", "refused") for number in range(1, 4)]
        lines += [(f"http://nobody{number}.test/", "dead", "no-such-host") for number in range(1, 4)]
        lines += [(broken.url("/" + path), "dead", kind) for path, kind in (
            ("reset", "reset"), ("closed", "closed"), ("garbage", "http-0.9"), ("cut", "truncated"), ("hang", "timed-out"))]
        return lines + [("mailto:x@y.test", "skipped", None), ("http://[::1", "dead", "bad-url")]

    def ask(self, number, lines, concurrency, threads, per_host):
        """{URL: (verdict, kind)} of one run."""
        lines = list(lines)
        random.Random(SEED + number).shuffle(lines)
        urls = [url + ("&" if "?" in url else "?") + f"run={number}" for url, _, _ in lines]
        args = ["-j", concurrency, "-t", threads, "--per-host", per_host, "-m", MAX_TIME, "--dns-servers", self.dns.server, "-4"]
        records = self.check(*args, lines=urls, exit=1)
        self.assertEqual([record["url"] for record in records], urls)
        return dict(zip((url for url, _, _ in lines), self.verdicts(records), strict=True))

    def test_the_same_whatever_the_numbers(self):
        lines = self.lines()
        expected = {url: (verdict, kind) for url, verdict, kind in lines}
        self.assertEqual(len(expected), len(lines))
        with concurrent.futures.ThreadPoolExecutor(len(RUNS)) as pool:
            runs = [pool.submit(self.ask, number, lines, *numbers) for number, numbers in enumerate(RUNS)]
        for numbers, run in zip(RUNS, runs, strict=True):
            with self.subTest(numbers):
                found = run.result()
                self.assertEqual({url: found[url] for url in found if found[url] != expected[url]}, {})
                self.assertEqual(set(found), set(expected))


if __name__ == "__main__":
    harness.main()
