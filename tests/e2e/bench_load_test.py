# SPDX-License-Identifier: GPL-3.0-or-later
"""bench_load_test.py: the load that bench makes, by the servers' own count: how many, how, to whom, and what is in each."""

import collections
import json
import os
import re
import signal
import subprocess
import threading
import time
import uuid

import harness
import pki
from bench_case import AT_ONCE, WELL, BenchCase
from tls_servers import Https
from web import Web

OK = "HTTP/1.1 200 OK\r\n"


class ClosedTest(BenchCase):
    def test_so_many_and_no_more(self):
        origin = self.start(harness.Origin("--threads", 1))
        asked = 0
        for count, connections, more in (
            (1, 1, ()),
            (1, 50, ()),
            (1000, 1, ()),
            (1001, 7, ("-t", 1)),
            (2000, 64, ("-t", 2)),
            (2003, 10, ("--pipeline", 16)),
            (300, 5, ("--no-keepalive",)),
        ):
            with self.subTest(count=count, connections=connections, more=more):
                said = self.bench(*AT_ONCE, "-n", count, "-c", connections, *more, origin.url("/s"))
                self.assertEqual((said["requests"], said["errors"], said["status"]), (count, 0, {"200": count}))
                self.assertEqual(said["bytes"]["body"], 100 * count)
                asked += count
                self.assertEqual(self.paths(origin), {"/s": asked})

    def test_for_so_long(self):
        origin = self.start(harness.Origin("--threads", 1))
        said = self.bench(*AT_ONCE, "-d", "1s", "-c", 4, origin.url("/s"))
        self.assertTrue(0.9 < said["duration_s"] < 1.5 * harness.SLOW, said["duration_s"])
        self.assertAlmostEqual(said["rps"], said["requests"] / said["duration_s"], delta=said["rps"] * 0.05)
        # What was outstanding when time was up belongs to no second.
        self.assertIn(said["requests"] - sum(second["requests"] for second in said["series"]), range(5))
        self.assertEqual(self.paths(origin), {"/s": said["requests"]})
        self.assertEqual(said["connections"], {"asked": 4, "open": 4, "max": 4, "connects": 4, "resumed": 0})

    def test_each_connection_has_one_request_at_a_time(self):
        """Nobody is answered before three have come, which only three connections can bring."""
        three = threading.Barrier(3)
        web = self.start(Web(lambda request: str(three.wait(10 * harness.SLOW))))
        self.bench(*AT_ONCE, "-n", 210, "-c", 3, web.url())
        self.assertEqual((web.peak, web.count, len(web.requests)), (3, 3, 210))

    def test_warm_up_is_not_counted(self):
        origin = self.start(harness.Origin("--threads", 1))
        said = self.bench("--warmup", "300ms", "-n", 100, "-c", 2, origin.url("/delay/0.01"))
        seen = self.paths(origin)["/delay"]
        self.assertEqual(said["requests"], 100)
        self.assertGreater(seen, 110)
        self.assertEqual(said["histogram"]["count"], 100)
        self.assertEqual(sum(said["status"].values()), 100)

    def test_pipelined(self):
        """The server reads four heads before it answers any, and would wait for ever for a client that sends one."""

        def behave(connection):
            while True:
                heads = [connection.read_head() for _ in range(4)]
                if not all(heads):
                    return
                for head in heads:
                    connection.answer("for " + head.split()[1])

        liar = self.start(harness.Liar(behave))
        said = self.bench(*AT_ONCE, "-n", 400, "-c", 1, "--pipeline", 4, "-m", 5, liar.url("/{seq}"), exit=WELL)
        self.assertEqual((said["requests"], said["errors"], liar.count), (400, 0, 1))
        self.assertEqual(said["outstanding_max"], 4)

    def test_a_connection_each(self):
        origin = self.start(harness.Origin("--threads", 1))
        said = self.bench(*AT_ONCE, "-n", 200, "-c", 4, "--no-keepalive", origin.url("/s"))
        stats = self.stats(origin)
        self.assertEqual((stats["accepted"], said["connections"]["connects"]), (201, 200))
        self.assertLessEqual(said["connections"]["max"], 4)
        self.assertEqual(said["requests"], 200)

    def test_connections_over_time(self):
        web = self.start(Web(lambda request: [time.sleep(0.005), "late"][1]))
        said = self.bench(*AT_ONCE, "--ramp", "1s:2c,1s:8c", web.url())
        self.assertEqual((web.peak, web.count), (said["connections"]["max"], said["connections"]["connects"]))
        self.assertTrue(7 <= web.peak <= 8, web.peak)
        self.assertTrue(1.8 < said["duration_s"] < 2.5 * harness.SLOW)
        self.assertEqual(said["series"][0]["connections"], 2)


class OpenTest(BenchCase):
    def test_on_schedule(self):
        origin = self.start(harness.Origin("--threads", 1))
        for rate, arrivals, within in (("500", "constant", 0.02), ("30000/m", "poisson", 0.2)):
            with self.subTest(arrivals):
                before = self.paths(origin).get("/s", 0)
                how = ["-d", "1s", "-c", 4, "--arrivals", arrivals, "--seed", 7]
                said = self.bench(*AT_ONCE, *how, "-R", rate, origin.url("/s"))
                self.assertAlmostEqual(said["requests"], 500, delta=500 * within)
                self.assertAlmostEqual(said["rps_scheduled"], 500, delta=1)
                self.assertEqual(self.paths(origin)["/s"] - before, said["requests"])
                self.assertEqual(said["histograms"]["slip"]["count"], said["requests"])
                self.assertLessEqual(said["raw_latency_us"]["mean"], said["latency_us"]["mean"] * 1.001)

    def test_rates_over_time(self):
        origin = self.start(harness.Origin("--threads", 1))
        said = self.bench(*AT_ONCE, "--ramp", "1s:100,1s:300", "-c", 4, origin.url("/s"))
        self.assertAlmostEqual(said["requests"], 100 + 200, delta=12)
        first, second = (one["requests"] for one in said["series"][:2])
        self.assertAlmostEqual(first, 100, delta=25)
        self.assertAlmostEqual(second, 200, delta=50)

    def test_a_slow_server_can_not_slow_the_schedule(self):
        """Ten are outstanding at a time where each takes a tenth of a second; two connections would carry twenty."""
        origin = self.start(harness.Origin("--threads", 1))
        said = self.bench(*AT_ONCE, "-d", "1s", "-R", 100, "-c", 2, origin.url("/delay/0.1"))
        self.assertAlmostEqual(said["requests"], 100, delta=3)
        self.assertGreaterEqual(said["connections"]["max"], 8)
        self.assertGreaterEqual(said["outstanding_max"], 8)
        self.assertGreaterEqual(said["latency_us"]["p50"], 99_000)

    def test_what_may_not_leave_has_waited(self):
        """One at a time of 50 ms, twenty due in each 50 ms: they wait longer and longer, and latency says so. That only one
        was allowed is why."""
        origin = self.start(harness.Origin("--threads", 1))
        said = self.bench(
            *AT_ONCE, "-d", "1s", "-R", 100, "-c", 1, "-t", 1, "--max-outstanding", 1, origin.url("/delay/0.05"), exit=6
        )
        self.assertEqual(said["outstanding_max"], 1)
        self.assertIn("outstanding", said["limits"])
        self.assertTrue(said["generator_limited"])
        self.assertGreater(said["latency_us"]["p99"], 200_000)
        self.assertLess(said["raw_latency_us"]["p50"], 100_000 * harness.SLOW)
        self.assertLess(said["rps"], 40)


class ProtocolTest(BenchCase):
    def test_unix_socket(self):
        nginx = self.start(harness.Nginx("listen unix:{dir}/socket; location / { return 200 $http_host; }"))
        to = ["--unix-socket", os.path.join(nginx.dir, "socket"), "http://any.test/path"]
        said = self.bench(*AT_ONCE, "-n", 100, "-c", 4, *to, "--expect", "body contains any.test")
        self.assertEqual((said["requests"], said["errors"]), (100, 0))
        harness.wait_until(lambda: nginx.read().count("GET /path") == 100, what="nginx's log of 100 requests")

    def test_resolve(self):
        web = self.start(Web())
        name = f"name.test:{web.port}"
        said = self.bench(*AT_ONCE, "-n", 10, "-c", 2, "--resolve", f"{name}:127.0.0.1", f"http://{name}/")
        self.assertEqual((said["errors"], said["ip"]), (0, "127.0.0.1"))
        self.assertEqual({request.fields["host"] for request in web.requests}, {name})

    def test_methods_and_bodies(self):
        web = self.start(Web())
        body = self.write("body", os.urandom(100_000))
        for args, method, size in (
            (["-I"], "HEAD", 0),
            (["-X", "DELETE"], "DELETE", 0),
            (["--data-binary", "@" + body], "POST", 100_000),
            (["-X", "PUT", "--data", "text"], "PUT", 4),
        ):
            with self.subTest(method):
                web.requests.clear()
                said = self.bench(*AT_ONCE, "-g", *args, "-n", 20, "-c", 2, web.url("/x"))
                self.assertEqual((said["requests"], said["errors"]), (20, 0))
                self.assertEqual({request.method for request in web.requests}, {method})
                self.assertEqual([len(request.body) for request in web.requests], [size] * 20)
                if size == 100_000:
                    self.assertEqual({request.body for request in web.requests}, {self.read("body")})

    def test_https(self):
        """With resumption and without, by the server's count and by our own."""
        ca = self.path("ca.pem")
        origin = self.start(harness.Origin("--threads", 1, "--tls", "--tls-ca", ca))
        trust = [*AT_ONCE, "--cacert", ca, "-c", 1, "-n", 30]
        said = self.bench(*trust, origin.url("/s"))
        self.assertEqual((said["errors"], said["connections"]["connects"], said["connections"]["resumed"]), (0, 1, 0))
        self.assertEqual(said["tls"]["version"], "1.3")
        said = self.bench(*trust, "--no-keepalive", origin.url("/s"))
        self.assertEqual((said["errors"], said["connections"]["connects"]), (0, 30))
        self.assertGreaterEqual(said["connections"]["resumed"], 28)
        said = self.bench(*trust, "--no-keepalive", "--new-session", origin.url("/s"))
        self.assertEqual((said["errors"], said["connections"]["connects"], said["connections"]["resumed"]), (0, 30, 0))
        self.assertEqual(said["histograms"]["tls"]["count"], 30)

    def test_https_by_nginx(self):
        nginx = self.start(Https("good"))
        nginx.put("body", bytes(100_000))
        root = pki.shared()["root"].cert
        to = [*AT_ONCE, "--connect-to", f"::127.0.0.1:{nginx.port}", "-n", 50, "-c", 5]
        for more in ([], ["--no-keepalive"], ["--no-keepalive", "--tls-max", "1.2"], ["--pipeline", 4]):
            with self.subTest(more):
                said = self.bench(*to, "--cacert", root, *more, "https://good.test/body")
                self.assertEqual((said["requests"], said["errors"], said["bytes"]["body"]), (50, 0, 5_000_000))
        self.assertIn("vouches", self.refused(*to, "https://good.test/body", exit=1))


class AskedTest(BenchCase):
    """What is in the requests."""

    def setUp(self):
        super().setUp()
        self.web = self.start(Web())

    def targets(self, *args, count=40):
        self.web.requests.clear()
        said = self.bench(*AT_ONCE, "-n", count, "-c", 2, "-t", 1, *args)
        self.assertEqual((said["requests"], said["errors"]), (count, 0))
        return self.web.targets

    def test_sequence(self):
        found = self.targets(self.web.url("/a{seq}?n={seq}"))
        self.assertEqual(sorted(int(re.fullmatch(r"/a(\d+)\?n=\d+", one)[1]) for one in found), list(range(1, 41)))

    def test_random_numbers(self):
        found = collections.Counter(self.targets(self.web.url("/{rand:5:7}"), "--seed", 3, count=120))
        self.assertEqual(set(found), {"/5", "/6", "/7"})
        self.assertGreater(min(found.values()), 15)

    def test_unique_names(self):
        found = self.targets(self.web.url("/{uuid}"))
        self.assertEqual(len(set(found)), 40)
        self.assertEqual({uuid.UUID(one[1:]).version for one in found}, {4})

    def test_lines_of_a_file(self):
        lines = self.write("lines", "one\ntwo\nthree\n")
        found = collections.Counter(self.targets(self.web.url("/?q={line:" + lines + "}"), count=30))
        self.assertEqual(found, {"/?q=one": 10, "/?q=two": 10, "/?q=three": 10})

    def test_in_fields_and_body(self):
        self.targets("-H", "X-Number: n{seq}", "--data", "id={seq}&{{x}}", self.web.url("/"))
        fields = {int(request.fields["x-number"][1:]) for request in self.web.requests}
        bodies = {re.fullmatch(rb"id=(\d+)&\{x\}", request.body)[1] for request in self.web.requests}
        self.assertEqual((len(fields), len(bodies)), (40, 40))
        for request in self.web.requests:
            self.assertEqual(int(request.fields["content-length"]), len(request.body))

    def test_braces_that_mean_nothing(self):
        self.assertEqual(set(self.targets("-g", "--data", "{seq}", self.web.url("/"), count=4)), {"/"})
        self.assertEqual({request.body for request in self.web.requests}, {b"{seq}"})

    def test_round_robin(self):
        other = self.start(Web())
        self.targets("--round-robin", self.web.url("/1"), other.url("/2"), self.web.url("/3"), count=60)
        self.assertEqual(collections.Counter(self.web.targets + other.targets), {"/1": 20, "/2": 20, "/3": 20})

    def test_list(self):
        lines = [f"# three of them\n{self.web.url('/1')}", self.web.url("/2"), "", self.web.url("/3")]
        found = self.targets("-i", self.write("list", "\n".join(lines)), count=60)
        self.assertEqual(collections.Counter(found), {"/1": 20, "/2": 20, "/3": 20})

    def test_requests_of_a_file(self):
        body = self.write("body", "from a file")
        entries = [
            {"name": "often", "url": "/often", "weight": 3},
            {"name": "post", "url": "/post", "method": "POST", "body_file": body, "headers": {"X-A": "b"}},
            {"name": "head", "url": "/head", "method": "HEAD", "weight": 2, "expect": ["status = 200"]},
            {"name": "wrong", "url": self.web.url("/wrong"), "weight": 2, "body": "x", "expect": ["body contains needle"]},
        ]
        file = self.write("requests", "".join(json.dumps(entry) + "\n" for entry in entries))
        said = self.bench(*AT_ONCE, "-n", 1600, "-c", 4, "--requests-file", file, self.web.url("/"), exit=1)
        seen = collections.Counter(self.web.targets)
        found = {entry["name"]: (entry["requests"], entry["errors"]) for entry in said["entries"]}
        self.assertEqual(found["wrong"][0], found["wrong"][1])
        self.assertEqual(said["errors_by_kind"], {"expectation": found["wrong"][1]})
        for name, weight in (("often", 3), ("post", 1), ("head", 2), ("wrong", 2)):
            self.assertEqual(found[name][0], seen["/" + name])
            self.assertAlmostEqual(found[name][0], 200 * weight, delta=60)
        by_target = {request.target: request for request in self.web.requests}
        self.assertEqual((by_target["/post"].body, by_target["/post"].fields["x-a"]), (b"from a file", "b"))
        methods = {path: request.method for path, request in by_target.items()}
        self.assertEqual(methods, {"/often": "GET", "/post": "POST", "/head": "HEAD", "/wrong": "POST"})


class ExitTest(BenchCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start(harness.Origin("--threads", 1))

    def test_well(self):
        said = self.bench(*AT_ONCE, "-n", 20, "-c", 1, "--fail-if", "errors>0", self.origin.url("/delay/0.01"), exit=0)
        self.assertFalse(said["generator_limited"])

    def test_errors(self):
        said = self.bench(*AT_ONCE, "-n", 10, "-c", 1, self.origin.url("/status/500"), exit=1)
        self.assertEqual((said["errors"], said["errors_by_kind"], said["status"]), (10, {"http-status": 10}, {"500": 10}))
        said = self.bench(*AT_ONCE, "-n", 10, "-c", 1, "--expect", "status = 500", self.origin.url("/status/500"), exit=WELL)
        self.assertEqual(said["errors"], 0)

    def test_thresholds(self):
        slow = self.origin.url("/delay/0.02")
        said = self.bench(*AT_ONCE, "-n", 10, "-c", 1, "--fail-if", "p50>1ms", "--fail-if", "errors>1%", slow, exit=5)
        self.assertEqual([one["failed"] for one in said["thresholds"]], [True, False])
        # Errors that a threshold speaks of are judged by it alone.
        half = ["--round-robin", self.origin.url("/status/404"), self.origin.url("/s")]
        self.bench(*AT_ONCE, "-n", 10, "-c", 1, "--fail-if", "errors>5", *half)
        self.bench(*AT_ONCE, "-n", 10, "-c", 1, "--fail-if", "errors>40%", *half, exit=5)

    def test_nobody_there(self):
        holder, port = harness.closed_port()
        with holder:
            err = self.refused(*AT_ONCE, "-n", 10, f"http://127.0.0.1:{port}/", exit=1)
        self.assertIn("refused", err)

    def test_local_faults(self):
        url = self.origin.url("/s")
        for args in (
            ["--requests-file", self.path("none"), url],
            ["--json", self.path("no", "such", "directory"), url],
            ["--baseline", self.path("none"), url],
            [self.origin.url("/{line:" + self.path("none") + "}")],
        ):
            with self.subTest(args):
                self.assertTrue(self.refused(*AT_ONCE, "-n", 1, *args, exit=4))
        self.assertEqual(self.paths(self.origin), {})

    def test_nowhere_to_print(self):
        said = "standard output: No space left on device"
        with open("/dev/full", "w", encoding="utf-8") as full:
            args = [*AT_ONCE, "-n", "1", "-c", "1", self.origin.url("/s")]
            run = subprocess.run(
                [harness.RINGFETCH, "bench", *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20 * harness.SLOW, check=False
            )
        harness.check_sanitizers(run.stderr)
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertIn(said, run.stderr)

    def test_usage(self):
        url = self.origin.url("/s")
        for args, word in (
            ([], "URL"),
            (["ftp://127.0.0.1/"], "ftp"),
            (["-c", 0, url], "-c"),
            (["-d", "0s", url], "-d"),
            (["-R", "many", url], "-R"),
            (["--ramp", "1s", url], "ramp"),
            (["--ramp", "1s:5,1s:5c", url], "ramp"),
            (["--ramp", "1s:5", "-d", "1s", url], "ramp"),
            (["-n", 1, "-d", "1s", url], "duration"),
            (["--pipeline", 1001, url], "pipeline"),
            (["--no-keepalive", "--pipeline", 2, url], "keepalive"),
            (["--arrivals", "poisson", url], "arrivals"),
            (["--arrivals", "sometimes", "-R", 5, url], "arrivals"),
            (["--fail-if", "p99>fast", url], "fail-if"),
            (["--fail-if", "p99>+5%", url], "fail-if"),
            (["--expect", "status ~~ 3", url], "expect"),
            (["--json", "-", "--junit", "-", url], "junit"),
            (["--retry", 3, url], "retry"),
            (["--max-redirs", 3, url], "max-redirs"),
            (["-j", 3, url], "-j"),
            (["--output", "null", url], "output"),
            (["--no-such-option", url], "no-such-option"),
            ([url, url, url], "round-robin"),
            (["-n", 5, url, url], "requests"),
            (["--cmd-b", "true", url], "cmd-b"),
        ):
            with self.subTest(args):
                self.assertIn(word, self.refused(*args))
        self.assertEqual(self.paths(self.origin), {})

    def test_interrupted(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(code):
                before, path = self.paths(self.origin).get("/s", 0), self.path("interrupted")
                args = [*AT_ONCE, "-d", "60s", "-c", 2, "--json", path, self.origin.url("/s")]
                with harness.ringfetch_start("bench", *args) as run:
                    harness.wait_until(lambda: self.paths(self.origin).get("/s", 0) > before, what="a request")
                    run.send_signal(number)
                    # Its pipes are read: it must not wait for us.
                    killer = threading.Timer(20 * harness.SLOW, run.kill)
                    killer.start()
                    _, err = run.communicate()
                    killer.cancel()
                harness.check_sanitizers(err.decode())
                self.assertEqual(run.returncode, code, err)
                with open(path, encoding="utf-8") as file:
                    said = self.sound(json.load(file))
                self.assertTrue(said["interrupted"])
                self.assertGreater(said["requests"], 0)


if __name__ == "__main__":
    harness.main()
