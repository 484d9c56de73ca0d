# SPDX-License-Identifier: GPL-3.0-or-later
"""bench_case.py: what the tests of `ringfetch bench` share: runs whose figures are held against one another, and what the
server counted.

Whether this machine was the limit (6 instead of 0) is not for these tests to say: servers, clients and other tests share its
cores. So a run that is to succeed may end with either, except where a test has the machine wait more than work.
"""

import json
import os
import urllib.request

import harness

WELL, AT_ONCE = (0, 6), ("--warmup", "0s")


class BenchCase(harness.Case):
    def bench(self, *args, exit=WELL, **options):
        """The JSON of a run, held against the rules; the run itself is `self.last`."""
        path = self.path("result.json")
        if os.path.exists(path):
            os.unlink(path)
        self.last = self.ringfetch("bench", "--progress", "none", "--json", path, *args, exit=None, **options)
        self.assertIn(self.last.code, exit if isinstance(exit, tuple) else (exit,), self.last)
        with open(path, encoding="utf-8") as file:
            said = json.load(file)
        self.assertEqual(said["exit"], self.last.code)
        return self.sound(said)

    def refused(self, *args, exit=2):
        """A run that does not come to figures; what it says."""
        run = self.ringfetch("bench", "--progress", "none", *args, exit=exit)
        self.assertEqual(run.out, "")
        return run.err

    def sound(self, said):
        for side in [said, *(said[name] for name in "ab" if isinstance(said.get(name), dict))]:
            self._add_up(side)
        return said

    def _add_up(self, side):
        self.assertEqual(sum(side["errors_by_kind"].values()), side["errors"])
        self.assertLessEqual(side["errors"], side["requests"])
        self.assertLessEqual(sum(side["status"].values()), side["requests"])
        self.assertGreater(side["duration_s"], 0)
        if "series" not in side:  # the sum of two sides
            return
        well = side["requests"] - side["errors"]
        self.assertEqual(side["histogram"]["count"], well)
        self.assertEqual(sum(entry["requests"] for entry in side["entries"]), side["requests"])
        self.assertEqual(sum(entry["errors"] for entry in side["entries"]), side["errors"])
        if well:
            points = [side["latency_us"][name] for name in ("min", "p50", "p75", "p90", "p95", "p99", "p99_9", "max")]
            self.assertEqual(points, sorted(points))
            self.assertLessEqual(points[0], side["latency_us"]["mean"])
        for name, share in (("asked", 1), ("open", 0), ("max", 0), ("connects", 0)):
            self.assertGreaterEqual(side["connections"][name], share, side["connections"])

    def paths(self, server):
        """How often the origin was asked for what."""
        with urllib.request.urlopen(server.url("/stats"), timeout=10 * harness.SLOW) as answer:
            return {path: count for path, count in json.load(answer)["paths"].items() if path != "/stats"}

    def stats(self, server):
        """The origin's counts; this question is among the connections and requests."""
        with urllib.request.urlopen(server.url("/stats"), timeout=10 * harness.SLOW) as answer:
            return json.load(answer)
