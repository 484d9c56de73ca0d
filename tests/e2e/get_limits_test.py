# SPDX-License-Identifier: GPL-3.0-or-later
"""get_limits_test.py: no more at once, no faster and no larger than asked; few descriptors are never a reason to fail."""

import collections
import json
import resource
import time
import urllib.request

import harness
from web import Web

GET = ("get", "-s", "--output", "null", "--output", "jsonl:-")


def slow(request):
    time.sleep(0.05)
    return "x"


class ConcurrencyTest(harness.Case):
    def test_in_flight(self):
        for threads in (1, 2, 4):
            with self.subTest(threads=threads):
                web = self.start(Web(slow))
                self.ringfetch(*GET, "-t", threads, "-j", 7, "--per-host", 100, web.url("/[1-60]"))
                self.assertLessEqual(web.peak, 7)
                self.assertGreaterEqual(web.peak, 5)

    def test_per_host(self):
        for threads in (1, 2, 4):
            with self.subTest(threads=threads):
                servers = [self.start(Web(slow)) for _ in range(3)]
                self.ringfetch(*GET, "-t", threads, "-j", 100, "--per-host", 5, *(web.url("/[1-40]") for web in servers))
                for web in servers:
                    self.assertLessEqual(web.peak, 5)
                    self.assertGreaterEqual(web.peak, 4)

    def test_per_host_as_nginx_counts(self):
        http = "limit_conn_zone $server_port zone=all:1m; limit_conn_status 418;"
        nginx = self.start(harness.Nginx("limit_conn all 8; limit_rate 200k;", http))
        nginx.put("file", bytes(40000))
        run = self.ringfetch(*GET, "-t", 4, "--per-host", 8, "--retry", 0, nginx.url("/file?[1-100]"), exit=None)
        statuses = collections.Counter(record["status"] for record in run.records)
        self.assertEqual(statuses, {200: 100})

    def test_one_at_a_time(self):
        web = self.start(Web())
        self.ringfetch(*GET, "-j", 1, web.url("/[1-50]"))
        self.assertEqual((web.peak, web.count), (1, 1))
        self.assertEqual(web.targets, [f"/{i}" for i in range(1, 51)])

    def test_redirects_and_retries_keep_within_limits(self):
        def respond(request):
            time.sleep(0.01)
            if "again" in request.target:
                return "x"
            if request.target.endswith("3"):
                return "503 x", [], ""
            return "302 x", ["Location: " + request.target + "again"], ""

        web = self.start(Web(respond))
        args = ["-t", 2, "-j", 20, "--per-host", 6, "--retry-delay", "0.02", web.url("/[1-80]")]
        self.ringfetch(*GET, *args, exit=1)
        self.assertLessEqual(web.peak, 6)

    def test_a_long_list_does_not_starve_other_hosts(self):
        busy, other = self.start(Web(slow)), self.start(Web())
        lines = [busy.url(f"/{i}") for i in range(200)] + [other.url(f"/{i}") for i in range(10)]
        self.ringfetch(*GET, "-t", 1, "-j", 8, "--per-host", 4, "-i", "-", input="\n".join(lines))
        ahead = sum(request.time < other.requests[-1].time for request in busy.requests)
        self.assertLess(ahead, 100)


class RateTest(harness.Case):
    def test_rate(self):
        web = self.start(Web())
        began = time.monotonic()
        self.ringfetch(*GET, "-t", 2, "--rate", 50, web.url("/[1-60]"))
        took = web.requests[-1].time - web.requests[0].time
        self.assertGreater(took, 59 / 50 - 0.15)
        self.assertLess(time.monotonic() - began, 4 * harness.SLOW)
        window = [request.time for request in web.requests]
        for i in range(len(window) - 20):
            self.assertGreater(window[i + 20] - window[i], 20 / 50 - 0.25)

    def test_rate_per_minute(self):
        web = self.start(Web())
        self.ringfetch(*GET, "--rate", "600/m", web.url("/[1-8]"))
        self.assertGreater(web.requests[-1].time - web.requests[0].time, 0.55)

    def test_per_host_rate(self):
        servers = [self.start(Web()) for _ in range(3)]
        began = time.monotonic()
        self.ringfetch(*GET, "-t", 2, "--per-host-rate", 20, *(web.url("/[1-21]") for web in servers))
        self.assertLess(time.monotonic() - began, 3 * harness.SLOW)
        for web in servers:
            self.assertGreater(web.requests[-1].time - web.requests[0].time, 0.9)

    def test_limit_rate(self):
        web = self.start(Web(lambda request: bytes(200000)))
        for threads, urls in ((1, web.url("/[1-5]")), (2, web.url("/[1-5]"))):
            began = time.monotonic()
            run = self.ringfetch(*GET, "-t", threads, "--limit-rate", "1M", urls)
            took = time.monotonic() - began
            self.assertEqual([record["body_bytes"] for record in run.records], [200000] * 5)
            self.assertGreater(took, 0.75)
            self.assertLess(took, 2.5 * harness.SLOW)

    def test_limit_rate_is_no_stall(self):
        web = self.start(Web(lambda request: bytes(300000)))
        run = self.ringfetch(*GET, "--limit-rate", "200k", "--stall-time", "0.5", "--retry", 0, web.url())
        self.assertTrue(run.records[0]["ok"])


class DescriptorTest(harness.Case):
    @staticmethod
    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    def run_with_few(self, *args, input=None):
        with harness.ringfetch_start("get", *args, preexec_fn=self.few_descriptors) as process:
            out, err = process.communicate(input, timeout=60 * harness.SLOW)
        harness.check_sanitizers(err.decode())
        self.assertEqual(process.returncode, 0, err)
        return out

    def test_few_descriptors_and_many_requests(self):
        nginx = self.start(harness.Nginx("location / { return 200 '$request_uri'; }", connections=2000))
        args = ["--output", "jsonl:-", "-P", self.path("out"), "-j", 1000, "--per-host", 1000]
        out = self.run_with_few(*args, nginx.url("/[1-2000]"))
        self.assertEqual(out.count(b'"ok":true'), 2000)
        self.assertEqual(len(self.files("out")), 2000)

    def test_few_descriptors_and_long_bodies(self):
        web = self.start(Web(lambda request: (request.target * 40000, time.sleep(0.01))[0]))
        args = ["-s", "--output", "stdout", "-P", self.path("out"), "-j", 200, "--per-host", 200, web.url("/[100-299]")]
        out = self.run_with_few(*args)
        self.assertEqual(len(out), 200 * 4 * 40000)
        for number in range(100, 300):
            self.assertEqual(self.read("out", str(number)), f"/{number}".encode() * 40000)

    def test_few_descriptors_and_many_names(self):
        names = {f"h{i}.test": ["127.0.0.1"] for i in range(100)}
        dns = self.start(harness.Dnsmasq(names))
        web = self.start(Web())
        lines = "".join(f"http://{name}:{web.port}/\n" for name in names).encode()
        args = ["--output", "null", "-j", 1000, "--dns-servers", dns.server, "-i", "-", "--output", "jsonl:-"]
        out = self.run_with_few(*args, input=lines)
        self.assertEqual(out.count(b'"ok":true'), 100)

    def test_concurrency_beyond_reason(self):
        nginx = self.start(harness.Nginx("location / { return 204; }", connections=8000))
        args = ["-j", 100000, "--per-host", 100000, nginx.url("/[1-3000]")]
        run = self.ringfetch(*GET, *args)
        self.assertEqual(len(run.records), 3000)


class MoreWorkersThanCoresTest(harness.Case):
    """A ring's table holds as many sockets as there may be descriptors: both sides start more rings by themselves."""

    LIMIT, COUNT = 200, 5000

    def few(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.LIMIT, self.LIMIT))

    def in_flight(self, *urls, hosts):
        origin = self.start(harness.Origin("--address", "0.0.0.0", preexec_fn=self.few))
        urls = [f"http://127.0.0.{host}:{origin.port}/delay/3?[1-{self.COUNT // hosts}]" for host in range(1, hosts + 1)]
        args = ["-s", "--output", "null", "-j", self.COUNT, "--per-host", self.COUNT, *urls]
        with harness.ringfetch_start("get", *args, preexec_fn=self.few) as process:
            _, err = process.communicate(timeout=60 * harness.SLOW)
        harness.check_sanitizers(err.decode())
        self.assertEqual(process.returncode, 0, err)
        with urllib.request.urlopen(origin.url("/stats"), timeout=10) as answer:
            return json.load(answer)["in_flight"]["most"]

    def test_one_host(self):
        self.assertGreaterEqual(self.in_flight(hosts=1), self.COUNT)

    def test_many_hosts(self):
        self.assertGreaterEqual(self.in_flight(hosts=50), self.COUNT)


class SizeTest(harness.Case):
    def test_max_filesize(self):
        web = self.start(Web(lambda request: "x" * int(request.target[1:])))
        run = self.ringfetch(*GET, "--max-filesize", "2k", "-j", 1, web.url("/{2048,2049}"), exit=1)
        self.assertEqual([record["ok"] for record in run.records], [True, False])
        error = run.records[1]["error"]
        self.assertEqual((error["kind"], error["fault"], error["stage"]), ("too-large", "policy", "body"))


if __name__ == "__main__":
    harness.main()
