# SPDX-License-Identifier: GPL-3.0-or-later
"""check_confirm_test.py: the confirm pass: how failures are asked again, what survives until then, and what an interrupt leaves."""

import collections
import hashlib
import signal
import threading

import harness
from check_case import CheckCase, Counted
from web import Web


class PassTest(CheckCase):
    def test_by_get_on_a_new_connection_and_later(self):
        web = self.start(Counted({f"/{i}": ["410 x", "200 OK"] for i in range(1, 6)}))
        records = self.check("-j", 1, "-t", 1, web.url("/[1-5]"))
        self.assertEqual({self.said(record, "verdict", "method", "passes", "attempts") for record in records}, {("flaky", "GET", 1, 1)})
        self.assertEqual([record["reused"] for record in records], [False] * 5)
        self.assertEqual(set(map(tuple, web.asked.values())), {("HEAD", "GET")})
        self.assertEqual(web.count, 6, "one for the first pass, one for each failure")
        for first, second in web.times.values():
            self.assertGreaterEqual(second - first, 0.99)
        again = sorted(times[1] for times in web.times.values())
        for earlier, later in zip(again, again[1:]):
            self.assertGreaterEqual(later - earlier, 0.012)  # 20 ms, less what the server's threads are late
        self.assertGreaterEqual(again[-1] - again[0], 4 * 0.020 - 0.008)

    def test_a_host_of_its_own_each_needs_no_spacing(self):
        """Spaced out is each host by itself: 60 hosts at 20 ms would take longer than a second."""
        web = self.start(Counted({"/": ["404 x"]}, host="0.0.0.0"))
        lines = [f"http://127.0.1.{i}:{web.port}/" for i in range(1, 61)]
        records = self.check("-j", 100, lines=lines, exit=1)
        self.assertEqual({self.said(record, "verdict", "passes") for record in records}, {("dead", 1)})
        gets = sorted(request.time for request in web.requests)[-60:]
        self.assertLess(gets[-1] - gets[0], 1.0 * harness.SLOW)

    def test_how_often(self):
        for confirms, verdict, asked in ((0, "dead", ["HEAD"]), (2, "dead", ["HEAD", "GET", "GET"]), (3, "flaky", ["HEAD"] + ["GET"] * 3)):
            with self.subTest(confirms):
                web = self.start(Counted({"/x": ["500 x", "502 x", "503 x", "200 OK"]}))
                (record,) = self.check("--confirm", confirms, web.url("/x"), exit=None)
                self.assertEqual(self.said(record, "verdict", "passes"), (verdict, confirms))
                self.assertEqual(web.asked["/x"], asked)
                if confirms:
                    first = {"status": 500, "stage": "head", "kind": "http-status", "fault": "target"}
                    self.assertEqual(record["first"], first)

    def test_no_pass_without_a_failure(self):
        """Nobody waits for a pass that has nothing to do, and what was well is asked once."""
        web = self.start(Counted({"/bad": ["404 x"]}))
        run = self.run_check(web.url("/[1-20]"))
        self.assertLess(run.seconds, 0.9 * harness.SLOW)
        records = self.check(web.url("/[1-20]"), web.url("/bad"), exit=1)
        self.assertEqual([record["passes"] for record in records], [0] * 20 + [1])
        self.assertEqual({len(asked) for target, asked in web.asked.items() if target != "/bad"}, {2})

    def test_the_input_s_wishes_survive(self):
        """Method, fields, body, expectations, size, digest and tag are those of the line in every pass."""
        body = "päckchen"
        digest = hashlib.sha256(b"body of /sha").hexdigest()
        bad = [("503 x", ["X: no"], "no"), ("200 OK", ["X: yes"], "")]
        web = self.start(
            Counted({
                "/put": bad,
                "/fields": bad,
                "/tag": bad,
                "/expect": [("200 OK", ["X: no"], ""), ("200 OK", ["X: yes"], "")],
                "/expects": ["200 OK"],
                "/size": ["503 x", "200 OK"],
                "/sha": ["503 x", "200 OK"],
                "/bad-sha": ["503 x", "200 OK"],
                "/post": ["503 x", "200 OK"],
                "/empty": ["503 x", "200 OK"],
            })
        )
        lines = [
            {"url": web.url("/put"), "method": "PUT", "headers": {"X-One": "1", "User-Agent": "mine"}, "body": body},
            {"url": web.url("/fields"), "headers": ["X-Two: 2", "X-None;", "Accept:"], "tag": "t2"},
            {"url": web.url("/tag"), "tag": 'a "tag"\n<x>', "path": "a/name"},
            {"url": web.url("/expect"), "expect": "header x = yes"},
            {"url": web.url("/expects"), "expect": ["status = 200", "header y exists"]},
            {"url": web.url("/size"), "size": len("body of /size")},
            {"url": web.url("/sha"), "sha256": digest},
            {"url": web.url("/bad-sha"), "sha256": digest},
            {"url": web.url("/post"), "body": "x" * 100000},
            {"url": web.url("/empty"), "body": ""},
        ]
        records = self.check("-H", "X-Run: run", "-u", "me:secret", lines=lines, exit=1)
        verdicts = [record["verdict"] for record in records]
        self.assertEqual(verdicts, ["flaky"] * 4 + ["dead", "flaky", "flaky", "dead", "flaky", "flaky"])
        self.assertEqual([record["tag"] for record in records[:4]], [None, "t2", 'a "tag"\n<x>', None])
        self.assertEqual([record["n"] for record in records], list(range(1, 11)))
        self.assertEqual([record["source"]["line"] for record in records], list(range(1, 11)))
        self.assertEqual(records[4]["error"]["kind"], "expectation")
        self.assertEqual((records[7]["error"]["kind"], records[7]["first"]["kind"]), ("hash-mismatch", "http-status"))
        self.assertEqual(records[6]["sha256"], digest)
        by_target = collections.defaultdict(list)
        for request in web.requests:
            by_target[request.target].append(request)
            self.assertEqual(request.fields["x-run"], "run", request.target)
            self.assertTrue(request.fields["authorization"].startswith("Basic "), request.target)
            self.assertEqual(request.head.lower().count("x-run:"), 1)
        for request in by_target["/put"]:
            self.assertEqual((request.method, request.body.decode()), ("PUT", body))
            self.assertEqual((request.fields["x-one"], request.fields["user-agent"]), ("1", "mine"))
        for request in by_target["/fields"]:
            self.assertEqual((request.fields["x-two"], request.fields["x-none"]), ("2", ""))
            self.assertNotIn("accept", request.fields)
        for request in by_target["/post"]:
            self.assertEqual((request.method, len(request.body)), ("POST", 100000))
        for request in by_target["/empty"]:
            self.assertEqual((request.method, request.fields["content-length"]), ("POST", "0"))
        # A POST is not repeated by itself, but a check's second look is what the user asked for.
        self.assertEqual({target: len(all) for target, all in by_target.items()}, {target: 2 for target in by_target})

    def test_many(self):
        """More failures than fit into any buffer, on several workers, over two passes: each is recorded once."""
        bad = {f"/{i}": ["500 x", "500 x", "200 OK" if i % 3 else "500 x"] for i in range(1, 301)}
        web = self.start(Counted(bad, host="0.0.0.0"))
        lines = [{"url": f"http://127.0.2.{i % 50 + 1}:{web.port}/{i}", "tag": str(i)} for i in range(1, 301)]
        records = self.check("--confirm", 2, "-t", 2, lines=lines, exit=1)
        self.assertEqual([record["tag"] for record in records], [str(i) for i in range(1, 301)])
        self.assertEqual([record["verdict"] for record in records], ["flaky" if i % 3 else "dead" for i in range(1, 301)])
        self.assertEqual({len(asked) for asked in web.asked.values()}, {3})


class AddressTest(CheckCase):
    """Hosts of two addresses each, and one of a single one. A server answers on all, in ways of its own."""

    NAMES = [f"two{number}.test" for number in range(4)]

    def setUp(self):
        super().setUp()
        names = {name: ["127.0.0.2", "127.0.0.3"] for name in self.NAMES} | {"one.test": ["127.0.0.2"]}
        # In turns, dnsmasq would send the confirm pass elsewhere by itself.
        self.dns = self.start(harness.Dnsmasq(names, "--no-round-robin"))
        self.asked = collections.defaultdict(list)
        self.lock = threading.Lock()

    def respond(self, is_bad):
        """is_bad(addresses) says whether the latest request of a host is to fail, of the addresses where it was asked so far."""

        def answer(request):
            with self.lock:
                asked = self.asked[request.fields["host"].partition(":")[0]]
                asked.append(request.connection.socket.getsockname()[0])
                bad = is_bad(asked)
            return ("503 x", [], "") if bad else "well"

        return self.start(Web(answer, host="0.0.0.0"))

    def check_names(self, web, names, *args, exit=0):
        urls = [f"http://{name}:{web.port}/" for name in names]
        return self.check("-4", "--dns-servers", self.dns.server, *args, *urls, exit=exit)

    def test_a_host_of_one_address_is_asked_there_again(self):
        web = self.respond(lambda asked: True)
        records = self.check_names(web, ["one.test"], exit=1)
        self.assertEqual({self.said(record, "verdict", "passes", "ip") for record in records}, {("dead", 1, "127.0.0.2")})
        self.assertEqual(self.asked, {"one.test": ["127.0.0.2"] * 2})

    def test_the_confirm_pass_asks_another_address(self):
        web = self.respond(lambda asked: asked[-1] == asked[0])
        records = self.check_names(web, self.NAMES)
        for asked, record in zip([self.asked[name] for name in self.NAMES], records, strict=True):
            self.assertEqual(len(set(asked)), 2, self.asked)
            self.assertEqual(self.said(record, "verdict", "passes", "ip"), ("flaky", 1, asked[1]))

    def test_every_address_fails(self):
        web = self.respond(lambda asked: True)
        records = self.check_names(web, self.NAMES, "--confirm", 2, exit=1)
        self.assertEqual({self.said(record, "verdict", "passes") for record in records}, {("dead", 2)})
        self.assertEqual({len(asked) for asked in self.asked.values()}, {3})


class InterruptTest(CheckCase):
    """Whenever the signal comes: each line is one record, and what was not confirmed is not called dead."""

    def interrupted(self, *args, lines, when, number=signal.SIGINT, exit=130):
        args = ["check", "-s", "--retry", 0, "--output", "jsonl:-", *args, "-i", self.write("list", "\n".join(lines))]
        with harness.ringfetch_start(*args) as process:
            harness.wait_until(when, 15, "the moment to interrupt")
            process.send_signal(number)
            out, err = process.communicate(timeout=15 * harness.SLOW)
        run = harness.Result([str(arg) for arg in args], process.returncode, out, err, 0)
        harness.check_sanitizers(run.err)
        self.assertEqual(run.code, exit, run)
        return self.sound(run.records)

    def mixed(self, held):
        """A server that fails on /bad and never answers /held. What is well, bad and held, of it."""
        web = self.start(
            Counted({"/bad": ["404 x"], "/held": [lambda request: request.connection.wait_for_close()], "/blocked": ["403 x"]}))
        lines = [web.url(f"/{kind}?{i}") for i in range(20) for kind in ("well", "bad", "blocked", *["held"] * held)]
        return web, lines

    def by_path(self, records):
        found = collections.defaultdict(collections.Counter)
        for record in records:
            kind = record["error"] and record["error"]["kind"]
            found[record["url"].rpartition("/")[2].partition("?")[0]][(record["verdict"], kind)] += 1
        return found

    def test_in_the_first_pass(self):
        web, lines = self.mixed(held=1)
        asked = lambda kind, times: sum(len(all) >= times for target, all in web.asked.items() if target.startswith("/" + kind))
        ready = lambda: asked("well", 1) == 20 and asked("bad", 2) == 20 and asked("blocked", 2) == 20 and asked("held", 1) == 20
        records = self.interrupted("--per-host", 100, lines=lines, when=lambda: ready() and web.in_flight == 20)
        self.assertEqual(len(records), 80)
        found = self.by_path(records)
        self.assertEqual(found["well"], {("ok", None): 20})
        self.assertEqual(found["bad"], {("inconclusive", "http-status"): 20})
        self.assertEqual(found["blocked"], {("inconclusive", "http-status"): 20})
        self.assertEqual(found["held"], {("inconclusive", "interrupted"): 20})
        self.assertEqual({record["passes"] for record in records}, {0})
        self.assertEqual({record["status"] for record in records if "/bad" in record["url"]}, {404})

    def test_while_failures_wait(self):
        """The second between the passes."""
        web, lines = self.mixed(held=0)
        records = self.interrupted("--per-host", 100, lines=lines, when=lambda: len(web.requests) == 100 and not web.in_flight)
        self.assertEqual(len(records), 60)
        found = self.by_path(records)
        self.assertEqual(found["well"], {("ok", None): 20})
        self.assertEqual(found["bad"], {("inconclusive", "http-status"): 20})
        self.assertEqual(found["blocked"], {("inconclusive", "http-status"): 20})
        self.assertEqual({record["passes"] for record in records}, {0})

    def test_within_the_confirm_pass(self):
        """Some are confirmed, one is being asked, others have not had their turn."""
        answers = {f"/{i}": ["404 x", "404 x", "404 x" if i <= 5 else silent] for i in range(1, 41)}
        web = self.start(Counted(answers))
        lines = [web.url(f"/{i}") for i in range(1, 41)]
        third = lambda: sum(len(all) == 3 for all in web.asked.values())
        records = self.interrupted("-j", 6, "-t", 1, lines=lines, when=lambda: third() >= 7 and web.in_flight)
        self.assertEqual(len(records), 40)
        verdicts = collections.Counter(record["verdict"] for record in records)
        self.assertEqual(set(verdicts), {"dead", "inconclusive"})
        for record in records:
            confirmed = record["verdict"] == "dead"
            self.assertLessEqual(confirmed, int(record["url"].rpartition("/")[2]) <= 5, record)
            self.assertLessEqual(confirmed, record["passes"] == 1)
            self.assertIn(record["error"]["kind"], ("http-status", "interrupted"))
        self.assertGreaterEqual(verdicts["dead"], 1)

    def test_terminated(self):
        web, lines = self.mixed(held=1)
        when = lambda: web.in_flight == 20 and len(web.requests) == 120
        records = self.interrupted("--per-host", 100, lines=lines, when=when, number=signal.SIGTERM, exit=143)
        self.assertEqual(len(records), 80)
        self.assertEqual(self.by_path(records)["bad"], {("inconclusive", "http-status"): 20})


def silent(request):
    request.connection.wait_for_close()


if __name__ == "__main__":
    harness.main()
