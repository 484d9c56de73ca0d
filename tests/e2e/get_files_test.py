# SPDX-License-Identifier: GPL-3.0-or-later
"""get_files_test.py: files as `ringfetch get` leaves them: names, collisions, containment, whole or absent, resumed."""

import hashlib
import json
import os
import random
import signal
import tempfile

import harness
from web import Web


NOISE = random.Random(0).randbytes(2 << 20)


def body_of(number):
    """Bodies of very different sizes that begin differently; a few are empty, a few large."""
    size = (0, 1, 100, 1400, 9000, 16384, 16385, 50000)[number % 8] + number // 8 % 97
    return NOISE[number * 101 :][: size if number % 501 else 1 << 20]


class NamesTest(harness.Case):
    def get(self, *args, exit=0, **options):
        self.ringfetch("get", "-s", "-P", self.path("out"), *args, exit=exit, **options)
        return self.files("out")

    def test_default_names(self):
        web = self.start(Web())
        urls = [web.url(path) for path in ("/", "/dir/", "/a.txt", "/b/c.tar.gz?query=1", "/e%20f", "/g#part")]
        expected = ["index.html", "index.html.1", "a.txt", "c.tar.gz", "e f", "g"]
        self.assertEqual(self.get(*urls), sorted(expected))

    def test_templates(self):
        web = self.start(Web())
        url = web.url("/dir/pic.jpeg?x=1")
        line = json.dumps({"url": url, "tag": "t"})
        digest = hashlib.sha256(b"body of /dir/pic.jpeg?x=1").hexdigest()
        cases = {"{n}": "1", "{n:06}": "000001", "{host}/{basename}": "127.0.0.1/pic.jpeg", "a-{ext}": "a-jpeg"}
        cases |= {"{path}": "dir/pic.jpeg", "{status}-{tag}": "200-t", "{sha256}.bin": digest + ".bin", "x/y/z": "x/y/z"}
        for template, name in cases.items():
            with self.subTest(template):
                out = self.path("out-" + hashlib.md5(template.encode()).hexdigest())
                self.ringfetch("get", "-P", out, "-o", template, "-i", "-", input=line)
                self.assertEqual(self.files(out), [name])

    def test_bad_templates(self):
        for template in ("{nonsense}", "{n", "../x", "/abs/{n}", "{n:x}", "a/../../b"):
            run = self.ringfetch("get", "-P", self.path("out"), "-o", template, "http://127.0.0.1:1/", exit=2)
            self.assertEqual(len(run.err.splitlines()), 1)
            self.assertRegex(run.err, "-o|--name")

    def test_names_from_the_list(self):
        web = self.start(Web())
        lines = f"{web.url('/1')}\tname one\n{web.url('/2')}\tsub/two\n" + json.dumps({"url": web.url("/3"), "path": "3.x"})
        self.assertEqual(self.get("-i", "-", input=lines), ["3.x", "name one", "sub/two"])

    def test_directory_has_a_default(self):
        web = self.start(Web())
        self.ringfetch("get", "-s", web.url("/here"), cwd=self.tmp)
        self.assertEqual(self.files(), ["here"])


class ContainmentTest(harness.Case):
    """Whatever the list, the URL or the server says, files appear beneath DIR and nowhere else."""

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("top", "out"))
        self.write("top/victim", "untouched")

    def check(self, portable=True):
        outside = [name for name in self.files("top") if not name.startswith("out/")]
        self.assertEqual(outside, ["victim"])
        self.assertEqual(self.read("top", "victim"), b"untouched")
        for name in self.files("top", "out"):
            for part in name.split("/"):
                self.assertNotIn(part, ("", ".", ".."))
                self.assertLessEqual(len(part.encode("utf-8", "surrogateescape")), 255)
                if portable:
                    self.assertFalse(set(part) & set('\\:*?"<>|\n\r\t\0\x7f'), part)

    def test_lists(self):
        web = self.start(Web())
        hostile = ["../victim", "/etc/rf-e2e-victim", "a/../../victim", "..", ".", "a//b", "sub/../../../victim"]
        hostile += ["x" * 300, "/".join(["d"] * 600), "..\\victim", "a/", "/"]
        lines = "".join(f"{web.url(f'/{i}')}\t{name}\n" for i, name in enumerate(hostile))
        lines += "".join(json.dumps({"url": web.url("/j"), "path": name}) + "\n" for name in hostile + ["a\0b", "a\nb"])
        args = ["-P", self.path("top", "out"), "--output", "jsonl:-", "-s", "-i", "-"]
        run = self.ringfetch("get", *args, input=lines, exit=1)
        self.assertEqual(len(run.records), 2 * len(hostile) + 2)
        for record in run.records:
            self.assertTrue(record["ok"] or record["error"]["stage"] in ("input", "output"), record)
            self.assertTrue(record["ok"] or record["error"]["fault"] == "policy", record)
        self.check(portable=False)  # what the user's own list says is refused or taken as it stands
        self.assertFalse(os.path.exists("/etc/rf-e2e-victim"))

    def test_urls(self):
        web = self.start(Web())
        paths = ["/..%2fvictim", "/%2e%2e/victim", "/a/%2e%2e", "/..%5cvictim", "/%2e%2e%2f%2e%2e%2fvictim", "/%00x"]
        paths += ["/...", "/ .", "/%0a", "/%7f", "/con", "/nul.txt", "/a:b", "/-rf", "/.hidden", "/" + "y" * 400 + ".html"]
        paths += ["/%ff%fe", "/%e2%80%ae", "/.victim.part", "/.x.1.1.part", "/%2e"]
        for template in ("{basename}", "{path}", "{host}/{path}"):
            lines = "\n".join(web.url(path) for path in paths)
            args = ["-P", self.path("top", "out"), "-o", template, "-s", "-i", "-"]
            self.ringfetch("get", *args, input=lines)
            self.check()
        self.assertEqual(len(self.files("top", "out")), 3 * len(paths))

    def test_servers(self):
        places = ["/..%2f..%2fvictim", "//127.0.0.1:{port}/%2e%2e%2fvictim", "/a/../..%2fvictim"]

        def respond(request):
            if request.target.startswith("/start"):
                place = places[int(request.target[6:])].replace("{port}", str(web.port))
                return "302 Found", ["Location: " + place], ""
            headers = ['Content-Disposition: attachment; filename="../victim"', "Content-Type: ../../x"]
            return "200 OK", headers, "x"

        web = self.start(Web(respond))
        for template in ("{basename}", "{path}", "{ext}{basename}"):
            args = ["-P", self.path("top", "out"), "-o", template, web.url("/start[0-2]")]
            self.ringfetch("get", *args)
        self.check()

    def test_symlink_planted_beneath(self):
        web = self.start(Web())
        os.symlink("..", self.path("top", "out", "way"))
        os.symlink("../victim", self.path("top", "out", "file"))
        args = ["-P", self.path("top", "out"), "-o", "{path}", "--on-exist", "overwrite"]
        self.ringfetch("get", "-s", *args, web.url("/way/victim"), web.url("/file"), exit=None)
        self.assertEqual(self.read("top", "victim"), b"untouched")


class ExistTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.web = self.start(Web(lambda request: "new"))
        os.mkdir(self.path("out"))
        self.write("out/x", "old")

    def get(self, *args, exit=0):
        return self.ringfetch("get", "-P", self.path("out"), "--output", "jsonl:-", *args, exit=exit).records

    def test_rename_is_the_default(self):
        self.get(self.web.url("/x"))
        (record,) = self.get(self.web.url("/x"))
        self.assertEqual(record["path"], self.path("out", "x.2"))
        self.assertEqual([self.read("out", name) for name in ("x", "x.1", "x.2")], [b"old", b"new", b"new"])

    def test_skip_asks_nothing(self):
        records = self.get("--on-exist", "skip", self.web.url("/x"), self.web.url("/y"))
        by_url = {record["url"]: record for record in records}
        self.assertEqual(self.web.targets, ["/y"])
        skipped = by_url[self.web.url("/x")]
        self.assertEqual((skipped["ok"], skipped["status"], skipped["skipped"]), (True, None, True))
        self.assertEqual((self.read("out", "x"), self.read("out", "y")), (b"old", b"new"))

    def test_overwrite(self):
        self.get("--on-exist", "overwrite", self.web.url("/x"))
        self.assertEqual((self.files("out"), self.read("out", "x")), (["x"], b"new"))

    def test_fail(self):
        (record,) = self.get("--on-exist", "fail", self.web.url("/x"), exit=1)
        self.assertEqual((record["error"]["kind"], record["error"]["fault"]), ("exists", "policy"))
        self.assertEqual((self.files("out"), self.read("out", "x")), (["x"], b"old"))

    def test_same_name_many_times_in_one_run(self):
        self.get("-o", "same", self.web.url("/[1-50]"))
        expected = ["same"] + [f"same.{i}" for i in range(1, 50)] + ["x"]
        self.assertEqual(self.files("out"), sorted(expected))

    def test_failed_status_writes_no_file(self):
        self.web.respond = lambda request: ("500 Oops", [], "sorry")
        (record,) = self.get("--retry", 0, self.web.url("/y"), exit=1)
        self.assertEqual((record["path"], self.files("out")), (None, ["x"]))
        (record,) = self.get("--retry", 0, "--no-fail", self.web.url("/y"))
        self.assertEqual((record["status"], record["ok"], self.read("out", "y")), (500, True, b"sorry"))

    def test_max_filesize(self):
        self.web.respond = lambda request: "0123456789" * (1 + 9 * int(request.target[1:]))
        records = self.get("--max-filesize", 10, "--retry", 0, self.web.url("/[0-1]"), exit=1)
        kinds = {record["n"]: record["error"] and record["error"]["kind"] for record in records}
        self.assertEqual(kinds, {1: None, 2: "too-large"})
        self.assertEqual(self.files("out"), ["0", "x"])

    def test_max_filesize_of_unknown_length(self):
        def respond(request):
            request.connection.send("HTTP/1.1 200 OK\r\n\r\n" + "x" * 11)

        self.web.respond = respond
        (record,) = self.get("--max-filesize", 10, self.web.url("/y"), exit=1)
        self.assertEqual((record["error"]["kind"], record["attempts"]), ("too-large", 1))
        self.assertEqual(self.files("out"), ["x"])


class ResumeTest(harness.Case):
    BODY = random.Random(1).randbytes(3 << 20)

    def serve(self, etag='"one"', cut=None, honour=True):
        """A server of BODY that breaks off after `cut` bytes and knows ranges and If-Range."""

        def respond(request):
            want = request.fields.get("range")
            body, status, headers = self.BODY, "200 OK", []
            if honour and want and request.fields.get("if-range", etag) == etag:
                start = int(want[6:].rstrip("-"))
                body, status = body[start:], "206 Partial Content"
                headers = [f"Content-Range: bytes {start}-{len(self.BODY) - 1}/{len(self.BODY)}"]
            if cut:
                head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"ETag: {etag}", *headers, "", ""]
                request.connection.send("\r\n".join(head))
                request.connection.send(body[:cut])
                return None
            return status, [f"ETag: {etag}", *headers], body

        return Web(respond)

    def get(self, web, exit=0):
        args = ["-P", self.path("out"), "--on-exist", "resume", "--retry", 0, "--output", "jsonl:-"]
        resolve = ["--connect-to", f"host.test:80:127.0.0.1:{web.port}"]
        (record,) = self.ringfetch("get", *args, *resolve, "http://host.test/file", exit=exit).records
        return record

    def test_continues_where_it_was(self):
        with self.serve(cut=2 << 20) as web:
            self.assertEqual(self.get(web, exit=1)["error"]["kind"], "truncated")
        self.assertNotIn("file", self.files("out"))
        with self.serve() as web:
            record = self.get(web)
            request = web.requests[0]
        start = int(request.fields["range"].removeprefix("bytes=").removesuffix("-"))
        self.assertIn(start, range((2 << 20) - 4096, (2 << 20) + 1))
        self.assertEqual(request.fields["if-range"], '"one"')
        self.assertEqual((record["status"], self.files("out")), (206, ["file"]))
        self.assertEqual(self.read("out", "file"), self.BODY)
        with self.serve() as web:
            self.assertTrue(self.get(web)["skipped"])
            self.assertEqual(web.count, 0)

    def test_changed_meanwhile(self):
        with self.serve(etag='"zero"', cut=2 << 20) as web:
            self.get(web, exit=1)
        with self.serve() as web:
            self.assertEqual(self.get(web)["status"], 200)
        self.assertEqual((self.files("out"), self.read("out", "file")), (["file"], self.BODY))

    def test_server_without_ranges(self):
        with self.serve(cut=2 << 20) as web:
            self.get(web, exit=1)
        with self.serve(honour=False) as web:
            self.assertEqual(self.get(web)["status"], 200)
        self.assertEqual((self.files("out"), self.read("out", "file")), (["file"], self.BODY))

    def test_killed_in_the_middle(self):
        web = self.serve()
        plain = web.respond

        def slowly(request):
            if "range" in request.fields:
                return plain(request)
            head = f"HTTP/1.1 200 OK\r\nETag: \"one\"\r\nContent-Length: {len(self.BODY)}\r\n\r\n"
            request.connection.send(head)
            request.connection.send(self.BODY[: 5 << 19])
            request.connection.wait_for_close()
            return None

        web.respond = slowly
        self.start(web)
        resolve = ["--connect-to", f"host.test:80:127.0.0.1:{web.port}"]
        args = ["-P", self.path("out"), "--on-exist", "resume", *resolve, "http://host.test/file"]
        with harness.ringfetch_start("get", *args) as process:
            arrived = lambda: sum(os.path.getsize(self.path("out", name)) for name in self.files("out")) >= 5 << 19
            harness.wait_until(arrived, what="the first part on disk")
            process.kill()
        self.assertNotIn("file", self.files("out"))
        self.get(web)
        self.assertEqual((self.files("out"), self.read("out", "file")), (["file"], self.BODY))


class WholeTest(harness.Case):
    def setUp(self):
        # In memory where that is possible: thousands of files on a busy disk take their time.
        if os.access("/dev/shm", os.W_OK):
            self.addCleanup(setattr, tempfile, "tempdir", tempfile.tempdir)
            tempfile.tempdir = "/dev/shm"
        super().setUp()

    def test_thousands_of_files_are_what_nginx_has(self):
        nginx = self.start(harness.Nginx())
        count = 5000
        for i in range(count):
            nginx.put(f"d{i % 7}/{i}.bin", body_of(i))
        lines = "".join(nginx.url(f"/d{i % 7}/{i}.bin") + "\n" for i in range(count))
        args = ["-P", self.path("out"), "-o", "{path}", "-j", 100, "--per-host", 100, "-i", "-"]
        self.ringfetch("get", *args, "--output", "jsonl:" + self.path("r"), input=lines)
        self.assertEqual(len(self.files("out")), count)
        for i in range(count):
            self.assertEqual(self.read("out", f"d{i % 7}", f"{i}.bin"), body_of(i), i)
        records = [json.loads(line) for line in self.read("r").splitlines()]
        self.assertEqual(sorted(record["n"] for record in records), list(range(1, count + 1)))
        self.assertEqual({record["n"]: record["body_bytes"] for record in records},
                         {i + 1: len(body_of(i)) for i in range(count)})

    def interrupt(self, how, code):
        nginx = self.start(harness.Nginx("limit_rate 256k;"))
        content = random.Random(3).randbytes(100000)
        for i in range(300):
            nginx.put(str(i), content[: 1 + (i * 7919) % 100000])
        args = ["-P", self.path("out"), "--output", "jsonl:" + self.path("r"), nginx.url("/[0-299]")]
        with harness.ringfetch_start("get", "-j", 64, "--per-host", 64, *args) as process:
            whole = lambda: [name for name in self.files("out") if not name.endswith(".part")]
            harness.wait_until(lambda: len(whole()) > 20, what="some files")
            process.send_signal(how)
            process.communicate(timeout=10 * harness.SLOW)
        self.assertEqual(process.returncode, code)
        found = whole()
        self.assertLess(len(found), 300)
        for name in found:
            self.assertEqual(self.read("out", name), content[: 1 + (int(name) * 7919) % 100000])
        return found

    def test_killed(self):
        self.interrupt(signal.SIGKILL, -signal.SIGKILL)

    def test_interrupted(self):
        found = self.interrupt(signal.SIGINT, 130)
        self.assertEqual(self.files("out"), sorted(found), "temporary files are left")
        records = [json.loads(line) for line in self.read("r").splitlines()]
        done = {os.path.basename(record["path"]) for record in records if record["ok"]}
        self.assertEqual(done, set(found))
        for record in records:
            if not record["ok"]:
                self.assertEqual((record["error"]["kind"], record["error"]["fault"]), ("interrupted", "cancelled"))

    def test_truncated_bodies_leave_nothing(self):
        def respond(request):
            request.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + "x" * 4999)
            return None

        web = self.start(Web(respond))
        self.ringfetch("get", "-s", "--retry", 0, "-P", self.path("out"), web.url("/[1-20]"), exit=1)
        self.assertEqual(self.files("out"), [])


if __name__ == "__main__":
    harness.main()
