# SPDX-License-Identifier: GPL-3.0-or-later
"""get_input_test.py: what to fetch: lists in three formats, URL globs, malformed lines, streaming, shards."""

import contextlib
import json

import harness
from web import Web

GET = ("get", "--output", "null", "--output", "jsonl:-")


class FormatsTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.web = self.start(Web())

    def get(self, text, *args, exit=0):
        run = self.ringfetch(*GET, "-s", "-i", "-", *args, input=text, exit=exit)
        return sorted(run.records, key=lambda record: record["n"])

    def test_three_formats_and_comments(self):
        lines = ["# a comment", self.web.url("/plain"), self.web.url("/named") + "\tname", "", "   "]
        lines += [json.dumps({"url": self.web.url("/json"), "tag": "t"}), "#" + self.web.url("/not")]
        records = self.get("\n".join(lines))
        self.assertEqual([record["url"].rsplit("/")[-1] for record in records], ["plain", "named", "json"])
        self.assertEqual([record["tag"] for record in records], [None, None, "t"])
        self.assertEqual(sorted(self.web.targets), ["/json", "/named", "/plain"])

    def test_line_ends(self):
        records = self.get(self.web.url("/a") + "\r\n" + self.web.url("/b") + "\n" + self.web.url("/c"))
        self.assertEqual(sorted(self.web.targets), ["/a", "/b", "/c"])
        self.assertEqual([record["url"] for record in records], [self.web.url("/" + name) for name in "abc"])

    def test_json_members(self):
        self.web.respond = lambda request: request.body or "x"
        headers = {"X-One": "1", "User-Agent": "mine"}
        lines = [{"url": self.web.url("/put"), "method": "PUT", "headers": headers, "body": "päckchen", "size": 9}]
        lines += [{"url": self.web.url("/post"), "body": ""}, {"url": self.web.url("/list"), "headers": ["X-Two: 2"]}]
        self.get("\n".join(json.dumps(line) for line in lines))
        requests = {request.target: request for request in self.web.requests}
        put = requests["/put"]
        self.assertEqual((put.method, put.body.decode()), ("PUT", "päckchen"))
        self.assertEqual((put.fields["x-one"], put.fields["user-agent"]), ("1", "mine"))
        self.assertEqual(put.head.lower().count("user-agent"), 1)
        self.assertEqual((requests["/post"].method, requests["/post"].fields["content-length"]), ("POST", "0"))
        self.assertEqual((requests["/list"].method, requests["/list"].fields["x-two"]), ("GET", "2"))

    def test_malformed_lines_are_records(self):
        bad = ["not a url", "http://", "http://[::1", "ftp://h/x", "{broken", '{"path":"x"}', '{"url":1}', "http://a b/"]
        bad += ['{"url":"http://h/","method":"A B"}', '{"url":"http://h/","sha256":"xyz"}', "http://h:99999/"]
        bad += ['{"url":"http://h/","size":-1}', '{"url":"http://h/","headers":{"Content-Length":"5"}}', '["http://h/"]']
        text = "".join(f"{line}\n{self.web.url(f'/{i}')}\n" for i, line in enumerate(bad))
        records = self.get(text, exit=1)
        self.assertEqual(len(records), 2 * len(bad))
        for i, record in enumerate(records):
            if i % 2:
                self.assertTrue(record["ok"], record)
                continue
            self.assertFalse(record["ok"], record)
            self.assertEqual((record["error"]["stage"], record["error"]["fault"]), ("input", "policy"), record)
            self.assertIn(f"line {i + 1}", record["error"]["detail"], record)
        self.assertEqual(len(self.web.requests), len(bad))

    def test_lines_that_are_too_long_or_binary(self):
        text = b"x" * 3000000 + b"\n" + self.web.url("/1").encode() + b"\n\0\xff\xfe\n" + self.web.url("/2").encode()
        records = self.get(text, exit=1)
        self.assertEqual([record["ok"] for record in records], [False, True, False, True])
        self.assertEqual(records[0]["error"]["kind"], "line-too-long")

    def test_empty_input(self):
        self.assertEqual(self.get(""), [])
        self.assertEqual(self.get("# nothing\n\n"), [])

    def test_several_inputs_in_order(self):
        one = self.write("one", self.web.url("/1") + "\n")
        two = self.write("two", self.web.url("/3") + "\n")
        run = self.ringfetch(*GET, "-i", one, self.web.url("/2"), "-i", two, "-i", "-", input=self.web.url("/4"))
        by_n = {record["n"]: record["url"][-1] for record in run.records}
        self.assertEqual(by_n, {1: "1", 2: "2", 3: "3", 4: "4"})

    def test_unreadable_input_is_a_local_fault(self):
        for path in (self.path("missing"), self.tmp):
            run = self.ringfetch(*GET, "-i", path, exit=4)
            self.assertIn(path, run.err)

    def test_unreadable_input_loses_nothing_finished(self):
        one = self.write("one", self.web.url("/1") + "\n")
        run = self.ringfetch(*GET, "-i", one, "-i", "/proc/self/mem", exit=4)
        self.assertTrue(any(record["ok"] for record in run.records), run)

    def test_international_urls(self):
        port = self.web.port
        run = self.ringfetch(*GET, "--connect-to", f"::127.0.0.1:{port}", "http://bücher.example/ä?ö")
        self.assertEqual(run.records[0]["final_url"], "http://xn--bcher-kva.example/%C3%A4?%C3%B6")
        self.assertEqual(self.web.requests[0].fields["host"], "xn--bcher-kva.example")

    def test_schemes_that_can_not_be_fetched(self):
        records = self.get("ftp://127.0.0.1/\nfile:///etc/passwd\ngopher://127.0.0.1/\n", exit=1)
        self.assertEqual([record["error"]["kind"] for record in records], ["bad-scheme"] * 3)

    def test_a_url_without_scheme_is_http(self):
        (record,) = self.get(f"127.0.0.1:{self.web.port}/x")
        self.assertEqual(record["final_url"], self.web.url("/x"))


class GlobTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.web = self.start(Web())

    def targets(self, *args, exit=0):
        run = self.ringfetch(*GET, "-j", 1, *args, exit=exit)
        self.assertEqual([record["n"] for record in run.records], list(range(1, len(run.records) + 1)))
        return self.web.targets

    def test_numbers(self):
        self.assertEqual(self.targets(self.web.url("/[8-11]")), ["/8", "/9", "/10", "/11"])

    def test_zeros(self):
        self.assertEqual(self.targets(self.web.url("/[008-010]")), ["/008", "/009", "/010"])

    def test_steps(self):
        self.assertEqual(self.targets(self.web.url("/[0-90:30]")), ["/0", "/30", "/60", "/90"])

    def test_letters(self):
        self.assertEqual(self.targets(self.web.url("/[a-c]")), ["/a", "/b", "/c"])

    def test_alternatives(self):
        self.assertEqual(self.targets(self.web.url("/{one,two}")), ["/one", "/two"])

    def test_several_in_one(self):
        expected = ["/a1x", "/a1y", "/a2x", "/a2y", "/b1x", "/b1y", "/b2x", "/b2y"]
        self.assertEqual(self.targets(self.web.url("/[a-b][1-2]{x,y}")), expected)

    def test_globoff(self):
        self.assertEqual(self.targets("-g", self.web.url("/[1-2]{a}")), ["/[1-2]%7Ba%7D"])

    def test_malformed(self):
        for pattern in ("/[1-", "/{a", "/[5-1]", "/[1-9:0]", "/[a-9]"):
            run = self.ringfetch(*GET, self.web.url(pattern), exit=None)
            self.assertIn(run.code, (1, 2), pattern)
            self.assertTrue(run.err)
        self.assertEqual(self.web.count, 0)

    def test_lists_are_not_globbed(self):
        self.ringfetch(*GET, "-i", "-", input=self.web.url("/[1-3]"))
        self.assertEqual(self.web.targets, ["/[1-3]"])


class StreamTest(harness.Case):
    def test_the_first_request_leaves_before_the_last_line(self):
        web = self.start(Web())
        with harness.ringfetch_start(*GET, "-i", "-") as process:
            for i in range(3):
                process.stdin.write((web.url(f"/{i}") + "\n").encode())
                process.stdin.flush()
                harness.wait_until(lambda: len(web.requests) == i + 1, what=f"request {i}")
                record = json.loads(process.stdout.readline())
                self.assertEqual((record["n"], record["ok"]), (i + 1, True))
            process.stdin.close()
            self.assertEqual(process.wait(10 * harness.SLOW), 0)

    def test_half_a_line_waits_for_its_rest(self):
        web = self.start(Web())
        with harness.ringfetch_start(*GET, "-i", "-") as process:
            process.stdin.write((web.url("/first") + "\n" + web.url("/sec")).encode())
            process.stdin.flush()
            harness.wait_until(lambda: web.requests)
            process.stdin.write(b"ond\n")
            process.stdin.close()
            self.assertEqual(process.wait(10 * harness.SLOW), 0)
        self.assertEqual(web.targets, ["/first", "/second"])

    @staticmethod
    def note_size(process, sizes):
        """Adds the highest resident size so far in KiB; true when the process has ended."""
        with contextlib.suppress(OSError), open(f"/proc/{process.pid}/status", encoding="ascii") as file:
            sizes += [int(line.split()[1]) for line in file if line.startswith("VmHWM:")]
        return process.poll() is not None

    def test_a_big_list_in_little_memory(self):
        if harness.is_sanitized():
            self.skipTest("a sanitizer takes memory of its own")
        nginx = self.start(harness.Nginx("location / { return 204; }", http="access_log off;"))
        count = 200000
        rest = "x" * 200

        def peak(lines):
            with open(self.path("list"), "w", encoding="ascii") as file:
                file.writelines(f"{nginx.url('/')}{i}?{rest}\n" for i in range(lines))
            args = ["-s", "--output", "jsonl:" + self.path("r"), "-i", self.path("list")]
            with harness.ringfetch_start("get", *args) as process:
                sizes = [0]  # getrusage would count what this process has, too
                harness.wait_until(lambda: self.note_size(process, sizes), 60, "the end")
            self.assertEqual(process.returncode, 0)
            return max(sizes)

        small, large = peak(5000), peak(count)
        self.assertLess(large, small + 16000)  # KiB; the list has 45 MB
        with open(self.path("r"), "rb") as file:
            numbers = [int(line.split(b'"n":', 1)[1].split(b",", 1)[0]) for line in file]
        self.assertEqual(sorted(numbers), list(range(1, count + 1)))


class ShardTest(harness.Case):
    def test_parts_are_disjoint_and_complete(self):
        web = self.start(Web(host="0.0.0.0"))
        urls = [f"http://127.0.{i % 3}.{i + 1}:{web.port}/{k}" for i in range(40) for k in range(2)]
        seen = {}
        for part in range(1, 5):
            run = self.ringfetch(*GET, "--shard", f"{part}/4", "-i", "-", input="\n".join(urls))
            self.assertGreater(len(run.records), 0)
            for record in run.records:
                self.assertNotIn(record["url"], seen)
                seen[record["url"]] = part
        self.assertEqual(sorted(seen), sorted(urls))
        for url, part in seen.items():
            self.assertEqual(part, seen[url[:-1] + ("1" if url[-1] == "0" else "0")], "a host is in one part")

    def test_a_malformed_line_is_in_exactly_one_part(self):
        count = 0
        for part in range(1, 4):
            run = self.ringfetch(*GET, "-s", "--shard", f"{part}/3", "-i", "-", input="no url at all\n", exit=None)
            count += len(run.records)
        self.assertEqual(count, 1)


if __name__ == "__main__":
    harness.main()
