# SPDX-License-Identifier: GPL-3.0-or-later
"""check_verdict_test.py: what check says of a URL: HEAD and GET, statuses, what is flaky, blocked, inconclusive or skipped."""

import contextlib
import socket

import harness
from check_case import CheckCase, Counted, Dns, Paths, reset, wait_for_close
from web import Web

OK = "HTTP/1.1 200 OK\r\n"


def by_method(head, get):
    """Answers HEAD with one and all else with the other."""
    return lambda request: head if request.method == "HEAD" else get


class MethodTest(CheckCase):
    def test_head_that_does_well_is_all(self):
        web = self.start(Web())
        (record,) = self.check(web.url("/x"))
        self.assertEqual(self.said(record, "verdict", "method", "status", "attempts", "passes"), ("ok", "HEAD", 200, 1, 0))
        self.assertEqual([request.method for request in web.requests], ["HEAD"])

    def test_head_refused_is_asked_by_get_on_the_same_connection(self):
        for status in (400, 403, 404, 405, 501):
            with self.subTest(status):
                web = self.start(Web(by_method((f"{status} x", [], "no"), "yes")))
                (record,) = self.check(web.url("/x"))
                self.assertEqual(self.said(record, "verdict", "method", "status", "attempts"), ("ok", "GET", 200, 1))
                self.assertEqual([request.method for request in web.requests], ["HEAD", "GET"])
                self.assertEqual((web.count, record["reused"]), (1, True))

    def test_get_has_the_last_word(self):
        """Refused both ways. The other statuses are as final for GET as for HEAD."""
        statuses = {status: ("dead", ["HEAD", "GET"]) for status in (400, 404, 405, 501)}
        statuses |= {403: ("blocked", ["HEAD", "GET"])}
        statuses |= {status: ("dead", ["HEAD"]) for status in (402, 406, 410, 418, 500, 502, 503, 505, 599)}
        statuses |= {status: ("blocked", ["HEAD"]) for status in (401, 407, 429, 451)}
        web = self.start(Counted({f"/{status}": [f"{status} x"] for status in statuses}))
        records = self.check("--confirm", 0, *(web.url(f"/{status}") for status in statuses), exit=1)
        for record, (status, (verdict, methods)) in zip(records, statuses.items(), strict=True):
            with self.subTest(status):
                self.assertEqual(self.said(record, "verdict", "status", "method"), (verdict, status, methods[-1]))
                error = record["error"]
                self.assertEqual((error["stage"], error["kind"], error["fault"]), ("head", "http-status", "target"))
                self.assertEqual(web.asked[f"/{status}"], methods)

    def test_head_with_a_body_behind_it(self):
        """Alone on its connection the answer can only be its own. After another one GET decides, on a new connection."""

        def behave(connection):
            number = 0
            while head := connection.read_head():
                number += 1
                well_behaved = number == 1 and not head.startswith("HEAD /always")
                connection.answer("" if well_behaved and head.startswith("HEAD ") else "body")

        liar = self.start(harness.Liar(behave))
        records = self.check("-j", 1, "-t", 1, *(liar.url(path) for path in ("/always", "/1", "/2")))
        self.assertEqual([self.said(record, "verdict", "method", "body_bytes") for record in records], [
            ("ok", "HEAD", 0), ("ok", "HEAD", 0), ("ok", "GET", 4)])
        self.assertEqual(liar.count, 3)

    def test_head_that_breaks_the_protocol_is_asked_by_get(self):
        ways = {
            "garbage": "\x01\x02\xff" * 50,
            "http-0.9": "<html>hello</html>",
            "status-line": "HTTP/1.1 abc OK\r\n\r\n",
            "field": OK + "no colon\r\n\r\n",
            "length": OK + "Content-Length: -1\r\n\r\n",
            "large": OK + "A: b\r\n" * 20000 + "\r\n",
            "interim": "HTTP/1.1 100 Continue\r\n\r\n" * 1000,
            "truncated": OK + "Content-Le",
            "closed": "",
            "reset": reset,
        }

        def behaviour(way):
            def behave(connection, head):
                if not head.startswith("HEAD "):
                    connection.answer("well")
                elif callable(way):
                    way(connection)
                else:
                    connection.send(way)

            return behave

        liar = self.start(Paths({"/" + name: behaviour(way) for name, way in ways.items()}))
        records = self.check(*(liar.url("/" + name) for name in ways))
        for name, record in zip(ways, records, strict=True):
            with self.subTest(name):
                self.assertEqual(self.said(record, "verdict", "method", "status", "passes"), ("ok", "GET", 200, 0))
                self.assertEqual(liar.heads["/" + name][-1], "GET")

    def test_head_that_is_never_answered(self):
        """It took too long and no more: the confirm pass asks with GET, and that is well."""

        def behave(connection, head):
            if head.startswith("HEAD "):
                connection.wait_for_close()
            connection.answer("well")

        liar = self.start(Paths({"/x": behave}))
        (record,) = self.check("-m", 0.3 * harness.SLOW, liar.url("/x"))
        self.assertEqual(self.said(record, "verdict", "method", "status", "passes"), ("ok", "GET", 200, 1))
        self.assertEqual(record["first"], {"status": None, "stage": "head", "kind": "timed-out", "fault": "target"})

    def test_redirects_keep_the_method(self):
        web = self.start(
            Counted({
                "/a": [("302 Found", ["Location: /b"], "")],
                "/b": [by_method(("405 x", ["Allow: GET"], ""), "b")],
            })
        )
        (record,) = self.check(web.url("/a"))
        self.assertEqual(self.said(record, "verdict", "method", "final_url"), ("ok", "GET", web.url("/b")))
        self.assertEqual(record["redirects"], [{"status": 302, "url": web.url("/a")}])
        self.assertEqual((web.asked["/a"][0], web.asked["/b"]), ("HEAD", ["HEAD", "GET"]))

    def test_a_method_that_was_asked_for_is_no_other(self):
        web = self.start(Counted({"/x": [by_method(("405 x", [], ""), "yes")]}))
        for option in (["--method", "HEAD"], ["-I"], ["-X", "HEAD"]):
            (record,) = self.check("--confirm", 0, *option, web.url("/x"), exit=1)
            self.assertEqual(self.said(record, "verdict", "status", "method"), ("dead", 405, "HEAD"))
        for option, method in ((["--method", "GET"], "GET"), (["-X", "OPTIONS"], "OPTIONS"), (["-d", "x"], "POST")):
            (record,) = self.check(*option, web.url("/x"))
            self.assertEqual(self.said(record, "verdict", "status", "method"), ("ok", 200, method))
        self.assertEqual(web.asked["/x"], ["HEAD"] * 3 + ["GET", "OPTIONS", "POST"])

    def test_auto_is_the_default(self):
        web = self.start(Web(by_method(("405 x", [], ""), "yes")))
        (record,) = self.check("--method", "auto", web.url("/x"))
        self.assertEqual(self.said(record, "verdict", "method"), ("ok", "GET"))


class VerdictTest(CheckCase):
    """One run with every verdict in it, and the statuses' way to them through the confirm pass."""

    def test_all_verdicts(self):
        web = self.start(
            Counted({
                "/flaky": ["503 x", "200 OK"],
                "/flaky404": ["404 x", "404 x", "200 OK"],
                "/dead": ["404 x"],
                "/blocked": ["403 x"],
                "/unblocked": ["429 x", "200 OK"],
                "/blocked-then": ["500 x", "403 x"],
                "/to-nowhere": [("302 x", ["Location: http://[/"], "")],
            })
        )
        holder, closed = harness.closed_port()
        self.addCleanup(holder.close)
        expected = {
            web.url("/ok"): ("ok", None, 200, None, 0),
            web.url("/flaky"): ("flaky", None, 200, 503, 1),
            web.url("/flaky404"): ("flaky", None, 200, 404, 1),
            web.url("/dead"): ("dead", "http-status", 404, 404, 1),
            web.url("/blocked"): ("blocked", "http-status", 403, 403, 1),
            web.url("/unblocked"): ("flaky", None, 200, 429, 1),
            web.url("/blocked-then"): ("blocked", "http-status", 403, 500, 1),
            web.url("/to-nowhere"): ("dead", "bad-redirect", 302, 302, 1),
            f"http://127.0.0.1:{closed}/": ("dead", "refused", None, None, 1),
            "http://": ("dead", "bad-url", None, None, 0),
        }
        records = self.check(lines=list(expected), exit=1)
        for record, (url, (verdict, kind, status, first, passes)) in zip(records, expected.items(), strict=True):
            with self.subTest(url):
                self.assertEqual(self.said(record, "url", "verdict", "status", "passes"), (url, verdict, status, passes))
                self.assertEqual(record["error"] and record["error"]["kind"], kind)
                self.assertEqual(record["first"] and record["first"]["status"], first)
                if first and "nowhere" not in url:
                    self.assertEqual(self.said(record["first"], "stage", "kind", "fault"), ("head", "http-status", "target"))

    def test_retries_hide_a_hiccup(self):
        """What a retry mends is well: flaky is what a whole pass found otherwise."""
        web = self.start(Counted({"/x": ["503 x", "200 OK"]}))
        (record,) = self.check("--retry-delay", "0.01", web.url("/x"), retry=1)
        self.assertEqual(self.said(record, "verdict", "attempts", "passes"), ("ok", 2, 0))

    def test_skipped(self):
        lines = ["mailto:me@example.org", "javascript:void(0)", "tel:+123", "data:text/plain,x", "MAILTO:x"]
        web = self.start(Web())
        records = self.check(lines=[*lines, web.url()])
        self.assertEqual([record["verdict"] for record in records], ["skipped"] * 5 + ["ok"])
        for record, line in zip(records, lines):
            self.assertEqual(self.said(record, "url", "ok", "error", "status", "attempts"), (line, True, None, None, 0))
            self.assertTrue(record["skipped"])
            self.assertFalse(record["cached"])

    def test_redirects(self):
        web = self.start(
            Counted({
                "/loop": [("302 x", ["Location: /loop"], "")],
                "/a": [("301 x", ["Location: /b"], "")],
                "/b": [("301 x", ["Location: /a"], "")],
                "/ftp": [("301 x", ["Location: ftp://127.0.0.1/"], "")],
                "/gone": [("301 x", ["Location: /missing"], "")],
                "/missing": ["404 x"],
                **{f"/{i}": [("301 x", [f"Location: /{i + 1}"], "")] for i in range(40)},
            })
        )
        args = [web.url(path) for path in ("/loop", "/a", "/ftp", "/gone", "/0", "/35")]
        records = self.check("--confirm", 0, *args, exit=1)
        self.assertEqual(
            self.verdicts(records),
            [
                ("dead", "redirect-loop"),
                ("dead", "redirect-loop"),
                ("inconclusive", "redirect-scheme"),
                ("dead", "http-status"),
                ("inconclusive", "too-many-redirects"),
                ("ok", None),
            ],
        )
        self.assertEqual([len(record["redirects"]) for record in records], [10, 10, 0, 1, 10, 5])
        records = self.check("--confirm", 0, "--max-redirs", 0, web.url("/a"), web.url("/0"))
        self.assertEqual([self.said(record, "verdict", "status") for record in records], [("ok", 301)] * 2)
        records = self.check("--confirm", 0, "--max-redirs", 3, web.url("/36"), web.url("/37"), exit=6)
        self.assertEqual(self.verdicts(records), [("inconclusive", "too-many-redirects"), ("ok", None)])


class LocalFaultTest(CheckCase):
    """What this machine or its resolver is to blame for says nothing of the target."""

    def fails(self, kinds, *args, **options):
        records = self.check(*args, exit=6, **options)
        for record in records:
            self.assertEqual(record["verdict"], "inconclusive", record)
            self.assertIn(record["error"]["kind"], kinds, record)
            self.assertEqual(record["error"]["fault"], "local", record)

    def test_the_resolver_refuses(self):
        dns = self.start(Dns.saying(Dns.REFUSED))
        self.fails(["resolver-refused"], "--confirm", 0, "--dns-servers", dns.server, "http://{a,b}.test/")

    def test_the_resolver_is_silent(self):
        dns = self.start(Dns(lambda query: None))
        self.fails(["resolver-timeout", "timed-out"], "--confirm", 0, "-m", 1, "--dns-servers", dns.server, "http://a.test/")

    def test_no_resolver_there(self):
        server = f"127.0.0.1:{harness.free_port(kind=socket.SOCK_DGRAM)}"
        kinds = ["resolver-timeout", "resolver-failed", "resolver-refused"]
        self.fails(kinds, "--confirm", 0, "-m", 2, "--dns-servers", server, "http://a.test/")

    def test_no_roots(self):
        empty = self.write("empty.pem", "")
        run = self.run_check("--confirm", 0, "--cacert", empty, "https://127.0.0.1:1/", exit=None)
        self.assertIn(run.code, (1, 2, 6), run)

    def test_a_name_that_exists_is_not_held_against_the_resolver(self):
        """The resolver fails once and then knows: well, and not flaky, for nothing was heard of the target."""
        real = self.start(harness.Dnsmasq({"a.test": ["127.0.0.1"]}))
        asked = []

        def answer(query):
            asked.append(query)
            if len(asked) <= 2:
                return query[:2] + b"\x81\x05" + query[4:6] + bytes(6) + query[12:]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
                asker.settimeout(5)
                asker.connect((real.host, real.port))
                asker.send(query)
                return asker.recv(4096)

        dns, web = self.start(Dns(answer)), self.start(Web())
        (record,) = self.check("-4", "--confirm", 3, "--dns-servers", dns.server, f"http://a.test:{web.port}/")
        self.assertEqual(record["verdict"], "ok", record)


class SlowTest(CheckCase):
    """Silence is no answer: who was too slow once and is well then is well."""

    def test_too_slow_once(self):
        def slow(request):
            if len(web.asked[request.target]) == 1:
                request.connection.wait_for_close()
                return None
            return "well"

        web = self.start(Counted({"/slow": [slow], "/slow-then-404": [wait_then("404 x")], "/404-then-slow": ["404 x", "404 x", silent]}))
        records = self.check("-m", 0.4 * harness.SLOW, *(web.url(path) for path in ("/slow", "/slow-then-404", "/404-then-slow")), exit=1)
        self.assertEqual(self.verdicts(records), [("ok", None), ("dead", "http-status"), ("dead", "timed-out")])
        self.assertEqual([self.said(record["first"], "status", "kind") for record in records], [
            (None, "timed-out"), (None, "timed-out"), (404, "http-status")])

    def test_a_stall_is_silence_too(self):
        web = self.start(Counted({"/x": [silent, "200 OK"]}))
        (record,) = self.check("--stall-time", 0.3 * harness.SLOW, web.url("/x"))
        self.assertEqual(self.said(record, "verdict", "passes"), ("ok", 1))
        self.assertEqual(record["first"]["kind"], "stalled")

    def test_a_connection_that_does_not_come_about(self):
        """A full backlog answers no SYN."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
            for _ in range(3):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            (record,) = self.check("--connect-timeout", 0.4 * harness.SLOW, "http://127.0.0.1:%d/" % full.getsockname()[1], exit=1)
        self.assertEqual(self.verdicts([record]), [("dead", "timed-out")])
        self.assertEqual((record["error"]["stage"], record["first"]["kind"]), ("connect", "timed-out"))

    def test_reset_once(self):
        """An answer of sorts: differing ones are flaky."""
        done = []

        def once(connection, head):
            done.append(head)
            if len(done) <= 2:
                connection.reset()
            else:
                connection.answer("well")

        liar = self.start(Paths({"/x": once}))
        (record,) = self.check(liar.url("/x"))
        self.assertEqual(self.said(record, "verdict", "passes", "method"), ("flaky", 1, "GET"))
        self.assertEqual(self.said(record["first"], "stage", "kind"), ("head", "reset"))
        self.assertEqual(liar.heads["/x"], ["HEAD", "GET", "GET"])


def silent(request):
    request.connection.wait_for_close()


def wait_then(status):
    """Silent to the first request of a target, this status to all others."""
    seen = []

    def respond(request):
        seen.append(request)
        return silent(request) if len(seen) == 1 else (status, [], "")

    return respond


if __name__ == "__main__":
    harness.main()
