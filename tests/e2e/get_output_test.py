# SPDX-License-Identifier: GPL-3.0-or-later
"""get_output_test.py: where results go: records as the contract has them, stdout, several outputs, outputs that fail."""

import csv
import hashlib
import io
import json
import os
import subprocess
import time

import harness
from web import Web

MEMBERS = ["v", "n", "url", "tag", "ok", "status", "error", "method", "final_url", "redirects", "http", "ip", "port"]
MEMBERS += ["reused", "attempts", "body_bytes", "wire_bytes", "content_type", "path", "sha256", "ms", "tls", "time"]
TIMES = ["queue", "dns", "connect", "tls", "wait", "body", "total"]


def numbered(request):
    """A body that names its request on every line, long enough for many pieces."""
    return (request.target[1:] + "\n") * 20000


class RecordTest(harness.Case):
    def records(self, *args, exit=0, **options):
        found = self.ringfetch("get", "--output", "jsonl:-", *args, exit=exit, **options).records
        return found

    def check_shape(self, record):
        self.assertEqual([name for name in record if name != "skipped"], MEMBERS)
        self.assertEqual(list(record["ms"]), TIMES)
        self.assertEqual(record["v"], 1)
        self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_success(self):
        web = self.start(Web(lambda request: ("200 OK", ["Content-Type: text/html"], "hello")))
        line = json.dumps({"url": web.url("/a.html"), "tag": "mine", "sha256": hashlib.sha256(b"hello").hexdigest()})
        (record,) = self.records("-i", "-", "-P", self.path("out"), input=line)
        self.check_shape(record)
        expected = {"n": 1, "url": web.url("/a.html"), "tag": "mine", "ok": True, "status": 200, "error": None}
        expected |= {"method": "GET", "final_url": web.url("/a.html"), "redirects": [], "http": "1.1"}
        expected |= {"ip": "127.0.0.1", "port": web.port, "reused": False, "attempts": 1, "body_bytes": 5}
        expected |= {"content_type": "text/html", "path": self.path("out", "a.html"), "tls": None}
        expected |= {"sha256": hashlib.sha256(b"hello").hexdigest()}
        self.assertEqual({name: record[name] for name in expected}, expected)
        head = len("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n")
        self.assertEqual(record["wire_bytes"], head + 5)
        times = record["ms"]
        self.assertIsNone(times["tls"])
        for name in ("queue", "connect", "wait", "body", "total"):
            self.assertGreaterEqual(times[name], 0, name)
        self.assertLessEqual(times["wait"], times["total"])

    def test_time_is_now(self):
        web = self.start(Web())
        before = time.time()
        (record,) = self.records("--output", "null", web.url())
        stamp = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(before))
        later = time.strftime("%Y-%m-%dT%H:%M", time.gmtime())
        self.assertIn(record["time"][:16], (stamp, later))

    def test_each_is_told_where_it_was_asked(self):
        """Also where one answer is right behind another's, from elsewhere."""
        web = self.start(Web(host="0.0.0.0"))
        hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.1", "127.0.0.3"] * 4
        urls = [f"http://{host}:{web.port}/" for host in hosts]
        for at_once in ("1", "20"):
            for record in self.records("--output", "null", "-j", at_once, *urls):
                self.assertEqual(record["url"], f"http://{record['ip']}:{web.port}/")

    def test_times_tell_the_order(self):
        def slow(request):
            time.sleep(0.1)
            return ("200 OK", [], "x")

        web = self.start(Web(slow))
        found = self.records("--output", "null", "-j", "1", *(web.url(f"/{i}") for i in range(4)))
        times = [record["time"] for record in found]
        self.assertEqual(times, sorted(set(times)))

    def test_times_measure(self):
        def slow(request):
            time.sleep(0.2)
            request.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
            time.sleep(0.3)
            request.connection.send("b")

        web = self.start(Web(slow))
        (record,) = self.records("--output", "null", web.url())
        self.assertGreaterEqual(record["ms"]["wait"], 195)
        self.assertLess(record["ms"]["wait"], 480 * harness.SLOW)
        self.assertGreaterEqual(record["ms"]["body"], 290)
        self.assertGreaterEqual(record["ms"]["total"], record["ms"]["wait"] + record["ms"]["body"] - 1)

    def test_reused_connection(self):
        web = self.start(Web())
        records = self.records("-j", 1, web.url("/[1-3]"))
        self.assertEqual([record["reused"] for record in records], [False, True, True])
        self.assertEqual([record["ms"]["connect"] is None for record in records], [False, True, True])
        self.assertEqual(web.count, 1)

    def test_redirects(self):
        def respond(request):
            if request.target == "/end":
                return "x"
            return "302 Found", ["Location: " + ("/two" if request.target == "/one" else "/end")], ""

        web = self.start(Web(respond))
        (record,) = self.records("--output", "null", web.url("/one"))
        self.check_shape(record)
        hops = [{"status": 302, "url": web.url("/one")}, {"status": 302, "url": web.url("/two")}]
        self.assertEqual(record["redirects"], hops)
        self.assertEqual((record["final_url"], record["url"]), (web.url("/end"), web.url("/one")))

    def test_failed_status(self):
        web = self.start(Web(lambda request: ("404 Not Found", [], "no")))
        (record,) = self.records(web.url("/x"), exit=1)
        self.check_shape(record)
        error = record["error"]
        self.assertEqual((record["ok"], record["status"], record["path"]), (False, 404, None))
        self.assertEqual((error["stage"], error["kind"], error["fault"]), ("head", "http-status", "target"))
        self.assertEqual(list(error), ["stage", "kind", "fault", "detail"])
        self.assertIn("404", error["detail"])

    def test_never_connected(self):
        holder, port = harness.closed_port()
        self.addCleanup(holder.close)
        (record,) = self.records("--retry", 0, f"http://127.0.0.1:{port}/", exit=1)
        self.check_shape(record)
        self.assertEqual((record["status"], record["http"]), (None, None))
        self.assertEqual((record["error"]["stage"], record["error"]["kind"]), ("connect", "refused"))
        self.assertEqual((record["body_bytes"], record["wire_bytes"], record["content_type"]), (0, 0, None))
        self.assertIsNone(record["ms"]["wait"])

    def test_bad_url(self):
        (record,) = self.records("http://[/", "-g", exit=1)
        self.check_shape(record)
        self.assertEqual((record["final_url"], record["status"], record["ip"]), (None, None, None))
        self.assertEqual((record["error"]["stage"], record["attempts"]), ("input", 0))

    def test_hostile_text_stays_one_line(self):
        def respond(request):
            return "200 OK", ["Content-Type: a\x7f\"b\\\xff"], "x"

        web = self.start(Web(respond))
        url = web.url("/\x01\"é")
        run = self.ringfetch("get", "--output", "jsonl:-", "-i", "-", input=url, exit=None)
        self.assertEqual(len(run.records), 1)
        self.assertEqual(run.records[0]["url"], url)

    def test_csv(self):
        web = self.start(Web(lambda request: ("200 OK", ['Content-Type: text/x; q="a,b"'], "x")))
        holder, port = harness.closed_port()
        self.addCleanup(holder.close)
        lines = json.dumps({"url": web.url(), "tag": 'a,"b"\nc'}) + f"\nhttp://127.0.0.1:{port}/\n"
        run = self.ringfetch("get", "--output", "csv:-", "--retry", 0, "-i", "-", input=lines, exit=1)
        rows = {row["n"]: row for row in csv.DictReader(io.StringIO(run.out))}
        self.assertEqual(len(rows), 2)
        self.assertEqual((rows["1"]["tag"], rows["1"]["content_type"]), ('a,"b"\nc', 'text/x; q="a,b"'))
        self.assertEqual((rows["1"]["ok"], rows["1"]["status"], rows["1"]["stage"]), ("true", "200", ""))
        self.assertEqual((rows["2"]["ok"], rows["2"]["status"], rows["2"]["kind"]), ("false", "", "refused"))

    def test_sha256_and_size_are_verified(self):
        web = self.start(Web(lambda request: "hello"))
        right = hashlib.sha256(b"hello").hexdigest()
        cases = [({"sha256": right}, None), ({"sha256": "0" * 64}, "hash-mismatch"), ({"size": 5}, None)]
        cases += [({"size": 6}, "size-mismatch"), ({"sha256": right.upper(), "size": 5}, None)]
        lines = "".join(json.dumps({"url": web.url(f"/{i}"), **case}) + "\n" for i, (case, _) in enumerate(cases))
        records = self.records("--retry", 0, "-P", self.path("out"), "-i", "-", input=lines, exit=1)
        found = {record["n"]: record["error"] and record["error"]["kind"] for record in records}
        self.assertEqual(found, {i + 1: kind for i, (_, kind) in enumerate(cases)})
        self.assertEqual(self.files("out"), ["0", "2", "4"])


class StdoutTest(harness.Case):
    def test_bodies_are_never_mixed(self):
        web = self.start(Web(numbered))
        run = self.ringfetch("get", "--output", "stdout", web.url("/[1-40]"))
        lines = run.out.split("\n")[:-1]
        self.assertEqual(len(lines), 40 * 20000)
        changes = 1 + sum(before != after for before, after in zip(lines, lines[1:]))
        self.assertEqual(changes, 40)
        self.assertEqual(len(set(lines)), 40)

    def test_ordered(self):
        def respond(request):
            if int(request.target[1:]) % 7 == 1:
                time.sleep(0.15)
            return request.target[1:] + "\n"

        web = self.start(Web(respond))
        run = self.ringfetch("get", "--output", "stdout", "--ordered", "-j", 16, web.url("/[1-60]"))
        self.assertEqual(run.out.split(), [str(i) for i in range(1, 61)])

    def test_ordered_goes_on_past_failures(self):
        def respond(request):
            number = int(request.target[1:])
            return ("404 Not Found", [], "no") if number % 3 == 0 else f"{number}\n"

        web = self.start(Web(respond))
        lines = "".join(web.url(f"/{i}") + "\nhttp://[bad\n" for i in range(1, 31))
        run = self.ringfetch("get", "-s", "--output", "stdout", "--ordered", "-i", "-", input=lines, exit=1)
        self.assertEqual(run.out.split(), [str(i) for i in range(1, 31) if i % 3])

    def test_a_body_cut_off_leaves_nothing(self):
        def respond(request):
            if request.target == "/2":
                request.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
                return None
            return "whole\n"

        web = self.start(Web(respond))
        run = self.ringfetch("get", "-s", "--retry", 0, "--output", "stdout", web.url("/[1-3]"), exit=1)
        self.assertEqual(run.out, "whole\nwhole\n")

    def test_large_bodies_to_a_slow_reader(self):
        web = self.start(Web(lambda request: bytes(3 << 20)))
        with harness.ringfetch_start("get", "-s", "--output", "stdout", web.url("/[1-8]")) as process:
            total = 0
            while piece := process.stdout.read(1 << 18):
                total += len(piece)
                time.sleep(0.002)
            self.assertEqual(process.wait(30 * harness.SLOW), 0)
        self.assertEqual(total, 8 * (3 << 20))


class SeveralTest(harness.Case):
    def test_all_at_once(self):
        web = self.start(Web(numbered))
        args = ["--output", "stdout", "--output", "jsonl:" + self.path("r.jsonl"), "--output", "csv:" + self.path("r.csv")]
        args += ["--output", "null", "-P", self.path("a"), "--output", "files:" + self.path("b"), "--ordered"]
        run = self.ringfetch("get", *args, web.url("/[1-10]"))
        whole = "".join(f"{i}\n" * 20000 for i in range(1, 11))
        self.assertEqual(run.out, whole)
        records = [json.loads(line) for line in self.read("r.jsonl").splitlines()]
        self.assertEqual(sorted(record["n"] for record in records), list(range(1, 11)))
        self.assertEqual(len(self.read("r.csv").splitlines()), 11)
        for place in "ab":
            self.assertEqual(self.files(place), sorted(str(i) for i in range(1, 11)))
            for i in range(1, 11):
                self.assertEqual(self.read(place, str(i)).decode(), f"{i}\n" * 20000)
        self.assertEqual(web.targets.count("/1"), 1)

    def test_null(self):
        web = self.start(Web(numbered))
        run = self.ringfetch("get", "--output", "null", "-v", web.url("/[1-3]"), cwd=self.tmp)
        self.assertEqual((run.out, self.files()), ("", []))


class FailureTest(harness.Case):
    def test_full_device(self):
        web = self.start(Web(numbered))
        for kind in ("jsonl:/dev/full", "csv:/dev/full"):
            run = self.ringfetch("get", "--output", kind, web.url("/[1-5]"), exit=4)
            self.assertIn("/dev/full", run.err)
        with open("/dev/full", "wb") as full:
            for output in ("stdout", "jsonl:-"):
                command = [harness.RINGFETCH, "get", "--output", output, web.url("/[1-5]")]
                run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=30 * harness.SLOW)
                self.assertEqual(run.returncode, 4, run.stderr)
                self.assertTrue(run.stderr)

    def check_closed_pipe(self, *args):
        began = time.monotonic()
        with harness.ringfetch_start("get", *args) as process:
            self.assertEqual(len(process.stdout.read(10)), 10)
            process.stdout.close()
            code = process.wait(20 * harness.SLOW)
            err = process.stderr.read().decode()
        self.assertEqual(code, 4, err)
        self.assertLess(time.monotonic() - began, 10 * harness.SLOW)
        self.assertLessEqual(len(err.splitlines()), 2, err)
        self.assertEqual(err.count("nobody reads"), 1, err)
        harness.check_sanitizers(err)

    def test_closed_pipe_of_bodies(self):
        web = self.start(Web(numbered))
        self.check_closed_pipe("--output", "stdout", web.url("/[1-2000]"))

    def test_closed_pipe_of_one_long_body(self):
        def respond(request):
            request.connection.send("HTTP/1.1 200 OK\r\n\r\n")
            while True:
                request.connection.send(bytes(65536))

        web = self.start(Web(respond))
        self.check_closed_pipe("--output", "stdout", web.url())

    def test_closed_pipe_of_records(self):
        web = self.start(Web())
        self.check_closed_pipe("--output", "jsonl:-", web.url("/[1-100000]"), "--per-host-rate", "2000")

    def test_closed_pipe_while_input_goes_on(self):
        web = self.start(Web())
        read_end, write_end = os.pipe()
        with harness.ringfetch_start("get", "--output", "jsonl:-", "-i", "-", stdin=read_end) as process:
            os.close(read_end)
            process.stdout.close()
            os.write(write_end, (web.url() + "\n").encode() * 50)
            try:
                code = process.wait(20 * harness.SLOW)
            finally:
                os.close(write_end)
        self.assertEqual(code, 4)

    def test_directory_that_can_not_be_made(self):
        self.write("file", "in the way")
        web = self.start(Web())
        run = self.ringfetch("get", "-P", self.path("file", "dir"), web.url("/x"), exit=4)
        self.assertIn(self.path("file"), run.err)
        self.assertEqual(len(run.err.splitlines()), 1)

    def test_read_only_directory(self):
        web = self.start(Web())
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", self.path("ro")]
        os.mkdir(self.path("ro"))
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
            self.skipTest("mounting a tmpfs is not permitted here")
        self.addCleanup(subprocess.run, ["umount", self.path("ro")], check=True)
        subprocess.run(["mount", "-o", "remount,ro", self.path("ro")], check=True)
        run = self.ringfetch("get", "-P", self.path("ro"), "--output", "jsonl:-", web.url("/x"), exit=4)
        for record in run.records:
            self.assertEqual((record["error"]["stage"], record["error"]["fault"]), ("output", "local"))

    def test_disk_full(self):
        web = self.start(Web(lambda request: bytes(30000)))
        os.mkdir(self.path("small"))
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", self.path("small")]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
            self.skipTest("mounting a tmpfs is not permitted here")
        self.addCleanup(subprocess.run, ["umount", self.path("small")], check=True)
        args = ["-P", self.path("small"), "--output", "jsonl:" + self.path("r"), web.url("/[1-50]")]
        run = self.ringfetch("get", "-s", *args, exit=4)
        records = [json.loads(line) for line in self.read("r").splitlines()]
        self.assertEqual(len(records), 50)
        whole = {os.path.basename(record["path"]) for record in records if record["ok"]}
        self.assertTrue(whole)
        self.assertEqual(self.files("small"), sorted(whole))
        for name in whole:
            self.assertEqual(len(self.read("small", name)), 30000)
        kinds = {record["error"]["kind"] for record in records if not record["ok"]}
        self.assertEqual(kinds, {"disk-full"}, run)


if __name__ == "__main__":
    harness.main()
