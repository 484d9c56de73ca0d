# SPDX-License-Identifier: GPL-3.0-or-later
"""check_expect_test.py: expectations of the run and of single lines, titles, and how much of a body is read for them.

What each operator means is known to tests/unit/expect; here each subject goes through the whole program once as it holds
and once as it doesn't.
"""

import hashlib
import time

import harness
import pki
from check_case import CheckCase, Counted
from tls_servers import Https
from web import Web

HTML = "<!doctype html><html><head><title>Well &amp; good</title></head><body><p id=there>hello, world</p></body></html>"
DIGEST = hashlib.sha256(HTML.encode()).hexdigest()


class ExpectCase(CheckCase):
    def judge(self, web, expectations, **members):
        """One line for each expectation, with whether it is to hold: {"status = 200": True}."""
        lines = [{"url": web.url("/page"), "expect": text, **members} for text in expectations]
        records = self.check("--confirm", 0, lines=lines, exit=None)
        for record, (text, holds) in zip(records, expectations.items(), strict=True):
            with self.subTest(text):
                self.check_holds(record, holds)
        return records

    def check_holds(self, record, holds):
        if holds:
            self.assertEqual(self.said(record, "verdict", "error"), ("ok", None), record)
            return
        error = record["error"]
        self.assertEqual(record["verdict"], "dead", record)
        self.assertEqual((error["stage"], error["kind"], error["fault"]), ("expect", "expectation", "target"), record)
        self.assertTrue(error["detail"])


class SubjectTest(ExpectCase):
    def setUp(self):
        super().setUp()
        self.web = self.start(
            Counted({
                "/page": [("200 OK", ["Content-Type: text/html; charset=utf-8", "X-One: 1", "X-One: 2", "Empty:"], HTML)],
                "/404": [("404 Not Found", ["Content-Type: text/plain"], "gone")],
                "/500": ["500 x"],
                "/503": [("503 x", ["Retry-After: 3600"], "")],
                "/from": [("302 x", ["Location: /over"], "")],
                "/over": [("302 x", [], "")],
                "/slow": [lambda request: time.sleep(0.25) or "slow"],
            })
        )
        self.web.answers["/over"] = [("302 x", [f"Location: http://localhost:{self.web.port}/page"], "")]

    def test_subjects(self):
        self.judge(
            self.web,
            {
                "status = 200": True,
                "status in 300-399,404": False,
                "status != 500": True,
                "not status = 200": False,
                "header content-type ~ ^text/html": True,
                "header Content-Type = text/html": False,
                "header x-one = 2": True,
                "header x-one != 2": False,
                "header x-one exists": True,
                "header x-two exists": False,
                "header x-two absent": True,
                "header empty exists": True,
                "content_type = text/html": True,
                "content_type != text/html": False,
                "body contains hello, world": True,
                "body lacks 'hello, world'": False,
                "body ~ (?i)HELLO, +World</p>": True,
                "body ~ ^hello": False,
                "title = Well & good": True,
                "title ~ ^Bad": False,
                "total_ms < 30000": True,
                "total_ms < 0": False,
                "wait_ms < 30s": True,
                "wait_ms > 30000": False,
                "redirects = 0": True,
                "redirects > 0": False,
                "final_host = 127.0.0.1": True,
                "final_host = example.org": False,
                "final_url ~ /page$": True,
                "final_url ~ /other$": False,
                f"body_bytes = {len(HTML)}": True,
                "body_bytes > 1k": False,
                f"sha256 = {DIGEST}": True,
                f"sha256 = {DIGEST.upper()}": True,
                f"sha256 != {DIGEST}": False,
                "cert_days > 0": False,
            },
        )

    def test_only_what_is_looked_into_is_asked_by_get(self):
        for text, method in {
            "status = 200": "HEAD",
            "header x-one = 1": "HEAD",
            "total_ms < 30000": "HEAD",
            "redirects = 0": "HEAD",
            "title exists": "GET",
            "body contains hello": "GET",
            "body_bytes > 10": "GET",
            f"sha256 = {DIGEST}": "GET",
        }.items():
            with self.subTest(text):
                (record,) = self.check("--expect", text, self.web.url("/page"))
                self.assertEqual(self.said(record, "verdict", "method"), ("ok", method))

    def test_a_reason_says_what_was_found(self):
        records = self.judge(self.web, {"status in 301,404": False, "header x-one = 3": False, "title = Bad": False})
        for record, words in zip(records, (("200", "301,404"), ("x-one", "3"), ("Well & good", "Bad")), strict=True):
            for word in words:
                self.assertIn(word, record["error"]["detail"])

    def test_statuses_that_are_expected(self):
        """An expected 404 or 500 is well at once: no GET, no retry, no confirm pass."""
        urls = [self.web.url(path) for path in ("/404", "/500", "/503")]
        records = self.check("--expect", "status in 404,500-599", *urls, retry=2)
        self.assertEqual([self.said(record, "verdict", "status", "passes", "attempts") for record in records], [
            ("ok", 404, 0, 1), ("ok", 500, 0, 1), ("ok", 503, 0, 1)])
        self.assertEqual(set(map(tuple, self.web.asked.values())), {("HEAD",)})

    def test_a_status_that_is_not_expected(self):
        """200 where 404 was: HEAD decides, and no attempt is wasted on it within the pass."""
        (record,) = self.check("--expect", "status = 404", "--confirm", 0, self.web.url("/page"), exit=1)
        self.check_holds(record, False)
        self.assertEqual(self.web.asked["/page"], ["HEAD"])
        self.assertEqual(record["status"], 200)

    def test_a_failed_expectation_is_confirmed(self):
        """By a whole new look: what holds then was flaky."""
        self.web.answers["/turns"] = [("200 OK", ["X: no"], ""), ("200 OK", ["X: yes"], "")]
        records = self.check("--expect", "header x = yes", self.web.url("/turns"), self.web.url("/page"), exit=1)
        self.assertEqual(self.verdicts(records), [("flaky", None), ("dead", "expectation")])
        first = {"status": 200, "stage": "expect", "kind": "expectation", "fault": "target"}
        self.assertEqual([record["first"] for record in records], [first, first])

    def test_redirects(self):
        expectations = {
            "redirects = 2": True,
            "redirects <= 1": False,
            "final_host = localhost": True,
            "final_host = 127.0.0.1": False,
            f"final_url = http://localhost:{self.web.port}/page": True,
            "status = 200": True,
            "body contains hello": True,
        }
        lines = [{"url": self.web.url("/from"), "expect": text} for text in expectations]
        records = self.check("-4", "--confirm", 0, lines=lines, exit=1)
        for record, (text, holds) in zip(records, expectations.items(), strict=True):
            with self.subTest(text):
                self.check_holds(record, holds)
                self.assertEqual(len(record["redirects"]), 2)

    def test_times(self):
        expectations = {"total_ms > 240": True, "total_ms < 200": False, "wait_ms > 240": True, "wait_ms < 0.2s": False}
        lines = [{"url": self.web.url("/slow"), "expect": text} for text in expectations]
        records = self.check("--confirm", 0, lines=lines, exit=1)
        for record, holds in zip(records, expectations.values(), strict=True):
            self.check_holds(record, holds)

    def test_of_the_run_and_of_the_line(self):
        """Both count; several of either, too."""
        page = self.web.url("/page")
        lines = [
            page,
            {"url": page, "expect": "title = Well & good"},
            {"url": page, "expect": ["header x-one = 1", "body contains goodbye"]},
            {"url": page, "expect": ["status = 200", "header x-one = 1", "content_type ~ html"]},
            {"url": self.web.url("/404"), "expect": "status = 404"},
            {"url": self.web.url("/404"), "expect": []},
        ]
        run = ["--expect", "header content-type ~ ^text/html", "--expect", "final_host = 127.0.0.1"]
        records = self.check("--confirm", 0, *run, lines=lines, exit=1)
        for record, holds in zip(records[:5], (True, True, False, True, False), strict=True):
            self.check_holds(record, holds)
        self.assertIn("goodbye", records[2]["error"]["detail"])
        self.assertIn("content-type", records[4]["error"]["detail"])
        self.assertEqual((records[5]["error"]["kind"], records[5]["status"]), ("http-status", 404))

    def test_refused(self):
        bad = ["", "status", "status ~ 2", "status = x", "statsu = 200", "body ~ (", "header = x", "sha256 = 12", "cert_days > soon"]
        for text in bad:
            with self.subTest(text):
                run = self.run_check("--expect", text, self.web.url("/page"), exit=2)
                self.assertEqual((run.out, len(run.err.splitlines())), ("", 1), run)
        lines = [{"url": self.web.url("/page"), "expect": text} for text in bad]
        lines += [{"url": self.web.url("/page"), "expect": value} for value in (5, {}, [5], ["status = 200", "nonsense"])]
        records = self.check(lines=[*lines, self.web.url("/page")], exit=1)
        for record in records[:-1]:
            with self.subTest(record["url"]):
                self.assertEqual(self.said(record, "verdict", "attempts"), ("dead", 0), record)
                self.assertEqual((record["error"]["stage"], record["error"]["fault"]), ("input", "policy"), record)
        self.assertEqual((records[-1]["verdict"], len(records)), ("ok", len(bad) + 5))
        self.assertEqual(len(self.web.requests), 1)

    def test_a_regular_expression_that_would_take_for_ever(self):
        web = self.start(Web(lambda request: "a" * 30000))
        began = time.monotonic()
        (record,) = self.check("--confirm", 0, "--expect", "body ~ ^(a+)+$b", web.url(), exit=1)
        self.check_holds(record, False)
        self.assertLess(time.monotonic() - began, 5 * harness.SLOW)


class CertificateTest(ExpectCase):
    def test_days(self):
        nginx = self.start(Https("good"))
        args = ["--cacert", pki.shared()["root"].cert, "--connect-to", f"::127.0.0.1:{nginx.port}", "--confirm", 0]
        expectations = {"cert_days > 14": True, "cert_days >= 29": True, "cert_days > 60": False, "cert_days in 28-31": True}
        lines = [{"url": "https://good.test/show", "expect": text} for text in expectations]
        records = self.check(*args, "-j", 1, lines=lines, exit=1)
        for record, (text, holds) in zip(records, expectations.items(), strict=True):
            with self.subTest(text):
                self.check_holds(record, holds)
                self.assertIn(record["tls"]["days_left"], (29, 30))
        self.assertRegex(records[2]["error"]["detail"], r"cert_days is (29|30), expected > 60")


class TitleTest(ExpectCase):
    PAGES = {
        "/utf8": ("text/html; charset=utf-8", "<title>Grüße, 世界 &ndash; &#x1F600;</title>".encode(), "Grüße, 世界 – 😀"),
        "/latin1": ("text/html; charset=ISO-8859-1", "<title>Grüße</title>".encode("latin-1"), "Grüße"),
        "/sjis": ("text/html; charset=Shift_JIS", "<title>日本語</title>".encode("shift_jis"), "日本語"),
        "/meta": ("text/html", '<meta charset="windows-1251"><title>Привет</title>'.encode("windows-1251"), "Привет"),
        "/bom": ("text/html", b"\xff\xfe" + "<title>sixteen ü</title>".encode("utf-16-le"), "sixteen ü"),
        "/spaces": ("text/html", b"<title>\n  a \t\n b  </title>", "a b"),
        "/xhtml": ("application/xhtml+xml", b"<html><head><title>x</title></head></html>", "x"),
        "/none": ("text/html", b"<p>nothing</p>", None),
        "/plain": ("text/plain", b"<title>no page</title>", None),
        "/image": ("image/png", b"\x89PNG<title>no</title>", None),
        "/empty": ("text/html", b"", None),
    }

    def test_titles(self):
        web = self.start(Counted({path: [("200 OK", ["Content-Type: " + type], body)] for path, (type, body, _) in self.PAGES.items()}))
        urls = [web.url(path) for path in self.PAGES]
        records = self.check("--title", *urls)
        self.assertEqual([record["title"] for record in records], [title for _, _, title in self.PAGES.values()])
        self.assertEqual({record["method"] for record in records}, {"GET"})
        lines = [{"url": web.url(path), "expect": f"title = {title}"} for path, (_, _, title) in self.PAGES.items() if title]
        self.assertEqual({record["verdict"] for record in self.check(lines=lines)}, {"ok"})
        self.assertEqual([record["title"] for record in self.check(*urls)], [None] * len(urls))

    def test_a_title_beyond_what_is_read(self):
        body = b"<html><!--" + b"x" * 5000 + b"--><title>far</title>"
        web = self.start(Counted({"/": [("200 OK", ["Content-Type: text/html"], body)]}))
        self.assertEqual(self.check("--title", "--sniff", 4000, web.url())[0]["title"], None)
        self.assertEqual(self.check("--title", "--sniff", 6000, web.url())[0]["title"], "far")

    def test_a_hostile_title(self):
        body = b"<title>" + b"\x1b[31m\x00\xff\xfe" + b"w" * 100000 + b"</title>"
        web = self.start(Counted({"/": [("200 OK", ["Content-Type: text/html; charset=utf-8"], body)]}))
        (record,) = self.check("--title", web.url())
        self.assertLessEqual(len(record["title"].encode()), 1024)


class SniffTest(ExpectCase):
    """A body is read as far as it takes, and no further than is cheap."""

    LARGE = 64 << 20

    def large(self):
        """How many bytes were sent of a large body is in web.sent, once the client has gone."""

        def respond(request):
            if request.path != "/large":
                return "x" * int(request.path[1:])
            piece = b"y" * 65536
            request.connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {self.LARGE}\r\n\r\n")
            try:
                for _ in range(self.LARGE // len(piece)):
                    request.connection.send(piece)
                    web.sent += len(piece)
            finally:
                web.ended += 1

        web = self.start(Web(respond))
        web.sent = web.ended = 0
        return web

    def test_a_large_body_is_given_up(self):
        web = self.large()
        (record,) = self.check("--method", "GET", web.url("/large"))
        self.assertEqual(self.said(record, "verdict", "status", "body_bytes"), ("ok", 200, 65536))
        harness.wait_until(lambda: web.ended, what="the server noticing")
        # What the kernels on both sides hold is sent, too.
        self.assertLess(web.sent, 16 << 20)
        self.assertLess(record["wire_bytes"], 1 << 20)

    def test_a_small_rest_is_read_for_the_connection_s_sake(self):
        web = self.large()
        records = self.check("-j", 1, "-t", 1, "--method", "GET", "--sniff", 1000, web.url("/{500,1000,1001,60000,10}"))
        self.assertEqual([record["body_bytes"] for record in records], [500, 1000, 1000, 1000, 10])
        self.assertEqual([record["reused"] for record in records], [False] + [True] * 4)
        self.assertEqual(web.count, 1)

    def test_a_large_rest_closes_the_connection(self):
        web = self.large()
        records = self.check("-j", 1, "-t", 1, "--method", "GET", "--sniff", "1k", web.url("/{300000,500}"))
        self.assertEqual([record["body_bytes"] for record in records], [1024, 500])
        self.assertEqual([record["reused"] for record in records], [False, False])

    def test_looking_further(self):
        """What stands beyond --sniff is not seen by `body`, and `body_bytes` reads on to the end."""
        page = "a" * 70000 + "needle" + "b" * 30000
        web = self.start(Counted({"/": [page_of(page)]}))
        for args, holds in (
            (["--expect", "body contains needle"], False),
            (["--expect", "body contains needle", "--sniff", "100k"], True),
            (["--expect", "body_bytes = 100006"], True),
            (["--expect", "sha256 = " + hashlib.sha256(page.encode()).hexdigest()], True),
            (["--expect", "body_bytes = 100006", "--expect", "body contains needle"], False),
        ):
            with self.subTest(args):
                (record,) = self.check("--confirm", 0, *args, web.url(), exit=int(not holds))
                self.check_holds(record, holds)

    def test_max_filesize(self):
        web = self.large()
        args = ["--confirm", 0, "--max-filesize", 2000]
        records = self.check(*args, "--method", "GET", web.url("/2000"), web.url("/2001"), web.url("/large"), exit=6)
        self.assertEqual(self.verdicts(records), [("ok", None)] + [("inconclusive", "too-large")] * 2)
        harness.wait_until(lambda: web.ended, what="the server noticing")
        self.assertLess(web.sent, 16 << 20)
        (record,) = self.check(*args, web.url("/3000"), exit=6)
        self.assertEqual(self.said(record, "verdict", "method", "status"), ("inconclusive", "HEAD", 200), "HEAD tells the length")

    def test_chunks_and_no_length(self):
        def behave(connection):
            while head := connection.read_head():
                if "/close" in head:
                    connection.send("HTTP/1.1 200 OK\r\n\r\n" + "z" * 3000)
                    return
                chunks = b"400\r\n" + b"z" * 1024 + b"\r\n"
                connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks * 5 + b"0\r\n\r\n")

        liar = self.start(harness.Liar(behave))
        args = ["-j", 1, "-t", 1, "--method", "GET", "--sniff", 2000]
        records = self.check(*args, liar.url("/{chunks,chunks,close,chunks}"))
        self.assertEqual([record["body_bytes"] for record in records], [2000] * 4)
        self.assertEqual([record["reused"] for record in records], [False, True, True, False])


def page_of(text):
    return ("200 OK", ["Content-Type: text/html"], text)


if __name__ == "__main__":
    harness.main()
