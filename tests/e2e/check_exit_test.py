# SPDX-License-Identifier: GPL-3.0-or-later
"""check_exit_test.py: how check ends, and what one run knows of another: exit statuses, --fail-on, --diff, --cache, all members of
the record as JSON and as CSV.
"""

import csv
import gzip
import json
import os
import threading
import time

import harness
import pki
from check_case import CheckCase, Counted
from tls_servers import Https
from web import Web

MEMBERS = (
    "v n url tag ok status error method final_url redirects http ip port reused attempts body_bytes wire_bytes content_type path sha256 "
    "ms tls verdict title source passes first cached change time"
).split()
COLUMNS = "verdict title source line column passes first_kind first_status cached change".split()

ANSWERS = {
    "/dead": ["404 x"],
    "/blocked": ["403 x"],
    "/flaky": ["500 x", "200 OK"],
    "/far": [("302 x", ["Location: ftp://h/"], "")],
    "/moved": [("302 x", ["Location: /well"], "")],
}


class ExitTest(CheckCase):
    def setUp(self):
        super().setUp()
        self.web = self.start(Counted(dict(ANSWERS)))

    def test_by_verdict(self):
        url = self.web.url
        for paths, code in (
            (["/well", "/moved"], 0),
            (["/well", "/dead"], 1),
            (["/blocked"], 1),
            (["/far"], 6),
            (["/far", "/dead"], 1),
            (["/far", "/well"], 6),
        ):
            with self.subTest(paths):
                self.check("--confirm", 0, *map(url, paths), exit=code)
                self.check("--confirm", 0, "--fail-on", "any", *map(url, paths), exit=code)
                self.check("--confirm", 0, "--fail-on", "none", *map(url, paths), exit=0)
        self.check(url("/flaky"), exit=0)
        self.check(lines=["mailto:x@example.org"], exit=0)
        self.check(lines=[], exit=0)
        self.check(lines=["http://"], exit=1)

    def test_usage(self):
        for args in (
            ["--fail-on", "new"],
            ["--fail-on", "some"],
            ["--max-age", "1d"],
            ["--max-age", "0", "--cache", self.path("c")],
            ["--confirm", "11"],
            ["--confirm", "-1"],
            ["--expect", "nonsense"],
            ["--method", "A B"],
            ["--method", "HEAD", "--title"],
            ["--output", "files:" + self.path("out")],
            ["--output", "stdout"],
            ["--sniff", "x"],
            ["--from", "nonsense", "-i", "-"],
            ["--annotate", "gitlab"],
            ["-r", "1-2"],
            ["--junit", "-", "--output", "jsonl:-"],
            ["--no-such-option"],
        ):
            with self.subTest(args):
                run = self.run_check(*args, self.web.url("/well"), exit=2)
                self.assertEqual((run.out, len(run.err.splitlines())), ("", 1), run)
        self.run_check(exit=2)
        self.assertEqual(self.web.requests, [])

    def test_unreadable_input(self):
        missing = self.path("missing")
        run = self.run_check("-i", missing, self.web.url("/well"), exit=4)
        self.assertIn(missing, run.err)
        # What can't be read in the middle loses nothing of what came before.
        one = self.write("one", self.web.url("/well") + "\n")
        run = self.run_check("-i", one, "-i", "/proc/self/mem", exit=4)
        self.assertIn("ok", [record["verdict"] for record in run.records], run)
        run = self.run_check("--diff", missing, self.web.url("/well"), exit=4)
        self.assertIn(missing, run.err)

    def test_unwritable_reports(self):
        nowhere = self.path("no", "such", "dir", "x")
        outputs = [["--output", "jsonl:" + nowhere], ["--output", "csv:" + nowhere], ["--cache", nowhere]]
        outputs += [[option, nowhere] for option in ("--junit", "--sarif", "--markdown", "--html")]
        for args in outputs:
            with self.subTest(args):
                run = self.run_check(*args, self.web.url("/dead"), "--confirm", 0, exit=4)
                self.assertIn(nowhere, run.err)
        self.assertEqual(self.web.requests, [], "found out before anything is asked")

    def test_a_full_disk(self):
        run = self.run_check("--output", "jsonl:/dev/full", "--output", "jsonl:" + self.path("well"), self.web.url("/dead"), "--confirm", 0, exit=4)
        self.assertIn("/dev/full", run.err)
        (record,) = map(json.loads, self.read("well").splitlines())
        self.assertEqual(record["verdict"], "dead")

    def test_interrupted_is_worse_than_dead(self):
        """--fail-on none does not hide that the run is incomplete."""
        self.web.answers["/held"] = [lambda request: request.connection.wait_for_close()]
        with harness.ringfetch_start("check", "-s", "--fail-on", "none", "--output", "jsonl:-", self.web.url("/held")) as process:
            harness.wait_until(lambda: self.web.in_flight, what="the request")
            process.terminate()
            out, _ = process.communicate(timeout=10 * harness.SLOW)
        self.assertEqual(process.returncode, 143)
        self.assertEqual(json.loads(out)["verdict"], "inconclusive")


class RecordTest(CheckCase):
    def run_both(self):
        web = self.start(Counted({**ANSWERS, "/page": [("200 OK", ["Content-Type: text/html"], "<title>=A, \"title\"</title>")]}))
        first = self.write("old.jsonl", json.dumps({"v": 1, "n": 1, "url": web.url("/dead"), "ok": True, "status": 200, "verdict": "ok"}))
        lines = [web.url(path) for path in ("/page", "/dead", "/flaky")] + ["mailto:x"]
        list = self.write("list.txt", "# a comment\n" + "\n".join(lines) + "\n")
        args = ["--title", "--output", "jsonl:-", "--output", "csv:" + self.path("csv"), "--diff", first, "-i", list]
        records = self.sound(self.run_check(*args, web.url("/page"), exit=1).records)
        with open(self.path("csv"), encoding="utf-8", newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: int(row["n"]))
        return list, records, rows

    def test_members_and_columns(self):
        path, records, rows = self.run_both()
        for record in records:
            self.assertEqual([name for name in record if name != "skipped"], MEMBERS)
        self.assertEqual([record["verdict"] for record in records], ["ok", "dead", "flaky", "skipped", "ok"])
        self.assertEqual([record["title"] for record in records], ['=A, "title"', None, None, None, '=A, "title"'])
        sources = [{"file": path, "line": line, "column": None} for line in (2, 3, 4, 5)] + [None]
        self.assertEqual([record["source"] for record in records], sources)
        self.assertEqual([record["passes"] for record in records], [0, 1, 1, 0, 0])
        self.assertEqual([record["change"] for record in records], [None, "new", None, None, None], "flaky is well")
        self.assertEqual({record["cached"] for record in records}, {False})
        self.assertEqual([record.get("skipped") for record in records], [None, None, None, True, None])
        self.assertEqual(list(rows[0])[-len(COLUMNS) :], COLUMNS)
        for record, row in zip(records, rows, strict=True):
            text = lambda value: "" if value is None else str(value)
            source, first = record["source"] or {}, record["first"] or {}
            cells = [record["verdict"], text(record["title"]), text(source.get("file")), text(source.get("line")), text(source.get("column"))]
            cells += [str(record["passes"]), text(first.get("kind")), text(first.get("status")), "false", text(record["change"])]
            cells[1] = "'" * cells[1].startswith("=") + cells[1]  # a spreadsheet would take it for a formula
            self.assertEqual([row[name] for name in COLUMNS], cells)
            self.assertEqual(row["status"], text(record["status"]))

    def test_get_has_none_of_them(self):
        web = self.start(Web())
        run = self.ringfetch("get", "-s", "--output", "null", "--output", "jsonl:-", "--output", "csv:" + self.path("csv"), web.url())
        self.assertFalse({"verdict", "passes", "first", "cached", "change"} & set(run.records[0]))
        self.assertNotIn(b"verdict", self.read("csv"))


class DiffTest(CheckCase):
    def setUp(self):
        super().setUp()
        self.web = self.start(Counted({}))
        self.paths = ["/same", "/breaks", "/heals", "/stays-broken", "/other-status", "/moves", "/blocked-now"]
        self.old = self.path("old.jsonl")
        self.set(breaks=200, heals=404, stays_broken=404, other_status=200, blocked_now=200)
        self.run_check("--confirm", 0, "--output", "jsonl:" + self.old, *self.urls(), exit=1)
        self.set(breaks=500, heals=200, stays_broken=410, other_status=203, blocked_now=403)
        self.web.answers["/moves"] = [("301 x", ["Location: /same"], "")]

    def set(self, **statuses):
        self.web.answers |= {"/" + name.replace("_", "-"): [f"{status} x"] for name, status in statuses.items()}

    def urls(self, *more):
        return [self.web.url(path) for path in [*self.paths, *more]]

    def changes(self, *args, exit, paths=None):
        urls = self.urls("/added", "/added-dead") if paths is None else [self.web.url(path) for path in paths]
        records = self.check("--confirm", 0, "--diff", self.old, *args, *urls, exit=exit)
        return {record["url"].rpartition("/")[2]: record["change"] for record in records}

    def test_changes(self):
        self.set(added_dead=404)
        expected = {
            "same": None,
            "breaks": "new",
            "heals": "fixed",
            "stays-broken": "still",
            "other-status": "changed",
            "moves": "changed",
            "blocked-now": "new",
            "added": None,
            "added-dead": "new",
        }
        self.assertEqual(self.changes(exit=1), expected)
        self.assertEqual(self.changes("--fail-on", "new", exit=1), expected)
        self.assertEqual(self.changes("--fail-on", "none", exit=0), expected)
        os.rename(self.old, self.path("plain"))
        with gzip.open(self.old, "wb") as file:
            file.write(self.read("plain"))
        self.assertEqual(self.changes(exit=1), expected)

    def test_fail_on_new(self):
        """What is broken as it was before fails no job."""
        paths = ["/same", "/heals", "/stays-broken", "/other-status"]
        self.changes("--fail-on", "new", paths=paths, exit=0)
        self.changes("--fail-on", "any", paths=paths, exit=1)
        self.changes("--fail-on", "new", paths=["/stays-broken", "/breaks"], exit=1)
        self.web.answers["/same"] = [("302 x", ["Location: ftp://h/"], "")]
        self.assertEqual(self.changes("--fail-on", "new", paths=["/same"], exit=6), {"same": None})

    def test_certificates(self):
        nginx = self.start(Https("good", "other"))
        trust = ["--cacert", pki.shared()["root"].cert, "--connect-to", f"::127.0.0.1:{nginx.port}"]
        url = "https://good.test/show"
        run = self.run_check(*trust, "--output", "jsonl:-", url)
        record = run.records[0]
        for fingerprint, change in ((record["tls"]["fingerprint"], None), ("00" * 32, "changed")):
            record["tls"]["fingerprint"] = fingerprint
            old = self.write("old-tls", json.dumps(record))
            self.assertEqual(self.check(*trust, "--diff", old, url)[0]["change"], change)

    def test_what_is_no_earlier_run(self):
        for name, content in (("text", b"not a record\n"), ("array", b"[1]\n"), ("half", self.read("old.jsonl")[:-40])):
            with self.subTest(name):
                run = self.run_check("--diff", self.write(name, content), self.web.url("/same"), exit=4)
                self.assertIn(name, run.err)
        with open(self.path("cut.gz"), "wb") as file:
            file.write(gzip.compress(self.read("old.jsonl"))[:-20])
        self.run_check("--diff", self.path("cut.gz"), self.web.url("/same"), exit=4)
        self.assertEqual(self.check("--diff", self.write("empty", ""), self.web.url("/same"))[0]["change"], None)


class CacheTest(CheckCase):
    def setUp(self):
        super().setUp()
        self.web = self.start(Counted({"/dead": ["404 x"], "/flaky": ["500 x", "200 OK"], "/201": ["201 x"], "/blocked": ["403 x"]}))
        self.cache = ["--cache", self.path("cache")]

    def asked(self, *args, paths, exit=0):
        """The records, and the paths that were asked for them."""
        before = len(self.web.requests)
        records = self.check(*self.cache, *args, *map(self.web.url, paths), exit=exit)
        return records, {request.path for request in self.web.requests[before:]}

    def test_what_was_well_is_not_asked_again(self):
        paths = ["/1", "/201", "/dead", "/flaky", "/blocked"]
        records, asked = self.asked(paths=paths, exit=1)
        self.assertEqual(asked, set(paths))
        self.assertEqual({record["cached"] for record in records}, {False})
        records, asked = self.asked(paths=[*paths, "/new"], exit=1)
        self.assertEqual(asked, {"/dead", "/flaky", "/blocked", "/new"})
        for record, status in zip(records[:2], (200, 201), strict=True):
            self.assertEqual(self.said(record, "verdict", "ok", "cached", "skipped", "status", "attempts"), ("ok", True, True, True, status, 0))
        self.assertEqual([record["cached"] for record in records[2:]], [False] * 4)
        records, asked = self.asked("--max-age", "1h", paths=["/1", "/201"])
        self.assertEqual(asked, set())

    def test_expired(self):
        self.asked(paths=["/1"])
        _, asked = self.asked("--max-age", "1h", paths=["/1"])
        self.assertEqual(asked, set())
        began = time.time()
        harness.wait_until(lambda: time.time() > began + 2.1, what="the entry growing old")
        _, asked = self.asked("--max-age", 1, paths=["/1"])
        self.assertEqual(asked, {"/1"})

    def test_other_settings_ask_again(self):
        self.asked(paths=["/1"])
        others = (
            ["--expect", "status = 200"],
            ["--expect", "status in 200"],
            ["--method", "GET"],
            ["-H", "X-A: b"],
            ["-u", "a:b"],
            ["-A", "agent"],
            ["--title"],
            ["-e", "http://referer.test/"],
            ["-d", "one"],
            ["-d", "another"],
            ["--max-redirs", "0"],
            ["--max-filesize", "1000000"],
        )
        for args in others:
            with self.subTest(args):
                self.assertEqual(self.asked(*args, paths=["/1"])[1], {"/1"})
                self.assertEqual(self.asked(*args, paths=["/1"])[1], set(), "known by now")
        self.assertEqual(self.asked(paths=["/1"])[1], set())

    def test_a_pin_is_not_believed_unseen(self):
        """What was well without a pinned key is asked again with one."""
        nginx = self.start(Https("good"))
        args = [*self.cache, "--confirm", 0, "--cacert", pki.shared()["root"].cert, "--connect-to", f"::127.0.0.1:{nginx.port}"]
        args.append("https://good.test/show")
        self.assertEqual(self.check(*args)[0]["verdict"], "ok")
        (record,) = self.check("--pinnedpubkey", pki.shared()["ed25519"].pin, *args, exit=1)
        self.assertEqual(self.verdicts([record]), [("dead", "pin-mismatch")])

    def test_redirects_count(self):
        """A redirect that was well as such says nothing of where it leads."""
        self.web.answers["/moved"] = [("302 x", ["Location: /dead"], "")]
        self.assertEqual(self.asked("--confirm", 0, "--max-redirs", 0, paths=["/moved"])[0][0]["verdict"], "ok")
        records, asked = self.asked("--confirm", 0, paths=["/moved"], exit=None)
        self.assertEqual((records[0]["verdict"], asked), ("dead", {"/moved", "/dead"}))

    def test_lines_with_wishes_are_asked(self):
        url = self.web.url("/1")
        self.asked(paths=["/1"])
        lines = [{"url": url, **more} for more in ({"expect": "status = 200"}, {"method": "GET"}, {"headers": {"X": "y"}}, {"sha256": "0" * 64})]
        records = self.check("--confirm", 0, *self.cache, lines=[*lines, url], exit=1)
        self.assertEqual([record["cached"] for record in records], [False] * 4 + [True])

    def test_a_url_twice_in_one_list(self):
        """Whether it is asked twice must not depend on which is faster."""
        self.asked(paths=["/1", "/1", "/1"])
        self.assertEqual(len(self.web.requests), 3)

    def test_what_is_no_cache_is_left_alone(self):
        for name, content in (("text", b"precious\n" * 1000), ("empty-ish", b"\0" * 4096), ("short", b"x")):
            with self.subTest(name):
                path = self.write(name, content)
                run = self.run_check("--cache", path, self.web.url("/1"), exit=4)
                self.assertIn(path, run.err)
                self.assertEqual(self.read(name), content)
        self.assertEqual(self.web.requests, [])

    def test_damage_in_the_middle_is_forgotten(self):
        self.asked(paths=[f"/{i}" for i in range(50)])
        whole = self.read("cache")
        damaged = bytearray(whole)
        for at in range(4096, len(damaged), 7):
            damaged[at] ^= 0x55
        self.write("cache", bytes(damaged))
        records, asked = self.asked(paths=[f"/{i}" for i in range(50)])
        self.assertEqual({record["verdict"] for record in records}, {"ok"})
        self.assertGreater(len(asked), 25)

    def test_used_by_another(self):
        """One process at a time: the second run says so, and takes nothing from the first."""
        held = threading.Event()

        def hold(request):
            held.wait(20 * harness.SLOW)
            return "well"

        self.web.answers["/held"] = [hold]
        with harness.ringfetch_start("check", "-s", *self.cache, "--output", "jsonl:-", self.web.url("/held")) as process:
            harness.wait_until(lambda: self.web.in_flight, what="the request")
            run = self.run_check(*self.cache, self.web.url("/1"), exit=None)
            held.set()
            out, err = process.communicate(timeout=20 * harness.SLOW)
        self.assertEqual((process.returncode, run.code), (0, 4), (run, err))
        self.assertIn(self.path("cache"), run.err)
        self.assertEqual(self.asked(paths=["/held"])[1], set())


if __name__ == "__main__":
    harness.main()
