# SPDX-License-Identifier: GPL-3.0-or-later
"""bench_formats_test.py: every report of real `ringfetch bench` runs, held against the rules of who reads it: JUnit's (report_formats.py),
the JSON result's schema, cmark-gfm for Markdown, a decoder of HdrHistogram's log written from the format's description, and
github-action-benchmark's and Bencher's rules as their documentation and sources have them. And the example workflow: YAML
whose shell lines parse and whose options exist.

Runs are short and say nothing of speed; where a busy machine is the limit, they end with 6 instead of 0, which is no fault here.
"""

import base64
import html.parser
import json
import math
import os
import re
import shutil
import struct
import subprocess
import unittest
import zlib

import harness
import report_formats

SHORT = ["-d", "400ms", "--warmup", "100ms", "-c", "4", "-t", "1", "--seed", "7"]
PAIR = ["--max-duration", "2s", "--block", "50ms", "--warmup", "100ms", "-c", "4", "-t", "1"]
SCHEMA = os.path.join(harness.ROOT, "docs", "bench.schema.json")
WORKFLOW = os.path.join(harness.ROOT, "docs", "examples", "bench-workflow.yml")
GUIDE = os.path.join(harness.ROOT, "docs", "bench-in-ci.md")
REPORTS = {"json": "json", "junit": "xml", "markdown": "md", "hdr": "hlog", "gha-benchmark": "gha.json", "bmf": "bmf.json"}


# ---- a reader of .hlog ---------------------------------------------------------------------------------------------


class Interval:
    """A line of a log: what its fields say, and value -> count of what is encoded in it."""

    def __init__(self, line):
        fields = line.split(",")
        self.tag = fields.pop(0)[len("Tag="):] if line.startswith("Tag=") else None
        self.start, self.length, self.max = (float(field) for field in fields[:3])
        (text,) = fields[3:]
        self.counts = decode(base64.b64decode(text, validate=True))

    @property
    def total(self):
        return sum(self.counts.values())

    def percentile(self, percent):
        """The highest value of the bucket."""
        left = math.ceil(percent / 100 * self.total)
        for value, count in sorted(self.counts.items()):
            left -= count
            if left <= 0:
                return value
        return 0


def decode(packed):
    """HdrHistogram's V2 compressed encoding: 3 digits, from 1 on, integers."""
    cookie, length = struct.unpack(">II", packed[:8])
    assert cookie == 0x1C849314, hex(cookie)
    assert length == len(packed) - 8
    plain = zlib.decompress(packed[8:])
    cookie, length, offset, digits, lowest, _, ratio = struct.unpack(">IIIIQQd", plain[:40])
    assert cookie == 0x1C849313, hex(cookie)
    assert (offset, digits, lowest, ratio) == (0, 3, 1, 1.0)
    assert length == len(plain) - 40
    counts, index, at = {}, 0, 40
    while at < len(plain):
        number, at = zigzag(plain, at)
        if number < 0:
            index -= number
            continue
        if number:
            counts[value_of(index)] = number
        index += 1
    return counts


def zigzag(plain, at):
    """Seven bits a byte, the lowest first; a ninth byte has eight."""
    number = 0
    for place in range(9):
        byte = plain[at]
        at += 1
        number |= (byte if place == 8 else byte & 0x7F) << (7 * place)
        if place == 8 or not byte & 0x80:
            break
    return (number >> 1) ^ -(number & 1), at


def value_of(index):
    """The largest value that is counted at this place: 2,048 by ones, then 1,024 of twice the width each time."""
    if index < 2048:
        return index
    bucket = (index >> 10) - 1
    return (((index & 1023) + 1024) << bucket) + (1 << bucket) - 1


def read_hlog(text):
    lines = text.decode("ascii").split("\n")
    assert lines.pop() == "", "the last line has an end"
    assert lines[0] == "#[Histogram log format version 1.3]", lines[0]
    assert any(re.fullmatch(r"#\[StartTime: \d+\.\d{3} \(seconds since epoch\).*\]", line) for line in lines)
    legend = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    assert legend in lines
    return {line.tag: line for line in (Interval(line) for line in lines if line[0] not in '#"')}


# ---- rules of the services -----------------------------------------------------------------------------------------


def unique_members(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a name stands twice in {names}"
    return dict(pairs)


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


def load(text):
    return json.loads(text, object_pairs_hook=unique_members, parse_constant=no_constant)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def check_gha(text):
    """An array that isn't empty of name, value, unit, and range and extra as texts; names are keys, and are shown between
    back-quotes in a table; ranges of "± number" are converted when a unit changes. Returns name -> item."""
    items = load(text)
    assert isinstance(items, list) and items
    for item in items:
        assert {"name", "unit", "value"} <= set(item) <= {"name", "unit", "value", "range", "extra"}, item
        assert is_number(item["value"]) and item["value"] >= 0, item
        assert all(isinstance(item[name], str) and item[name] for name in item if name != "value"), item
        assert not re.search(r"[`|\x00-\x1f]", item["name"]), item
        assert re.fullmatch(r"± \d+(\.\d+)?(e[+-]?\d+)?", item.get("range", "± 1")), item
        assert item["unit"] in ("ms", "us", "%"), item
        assert "throughput" not in item["name"] and "/s" not in item["unit"], "more would be worse"
    names = [item["name"] for item in items]
    assert len(names) == len(set(names)), names
    return {item["name"]: item for item in items}


BMF_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"minLength": 1, "maxLength": 1024},
    "additionalProperties": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"maxLength": 64, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "additionalProperties": {
            "type": "object",
            "properties": {name: {"type": "number"} for name in ("value", "lower_value", "upper_value")},
            "required": ["value"],
            "additionalProperties": False,
        },
    },
}


def check_bmf(text):
    import jsonschema

    benchmarks = load(text)
    jsonschema.validate(benchmarks, BMF_SCHEMA)
    for measures in benchmarks.values():
        for measure in measures.values():
            assert measure.get("lower_value", measure["value"]) <= measure["value"], measure
            assert measure.get("upper_value", measure["value"]) >= measure["value"], measure
    return benchmarks


class Rendered(html.parser.HTMLParser):
    """What became of Markdown: headings, tables as rows of texts, all elements' names."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.tables, self.names, self.text = [], [], set(), ""
        self._cell = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.add(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th", "h2"):
            self._cell = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(self._cell.strip())
        elif tag == "h2":
            self.headings.append(self._cell)

    def handle_data(self, data):
        self.text += data
        if self._cell is not None:
            self._cell += data


def render(path):
    run = subprocess.run(["cmark-gfm", "-e", "table", "--unsafe", path], capture_output=True, check=True, timeout=20)
    page = Rendered(run.stdout.decode("utf-8"))
    for table in page.tables:
        assert len({len(row) for row in table}) == 1, table
    assert not re.search(r"^\|", page.text, re.MULTILINE), "a table that was none: " + page.text
    return page


# ---- the runs ------------------------------------------------------------------------------------------------------


@unittest.skipUnless(shutil.which("cmark-gfm"), "cmark-gfm is not installed: tools/dev/setup test")
class FormatsTest(harness.Case):
    def bench(self, *args, exit=(0, 6), **options):
        """One run with all reports; keeps them as self.reports."""
        files = {name: self.path("bench." + ending) for name, ending in REPORTS.items()}
        for path in files.values():
            if os.path.exists(path):
                os.unlink(path)
        wanted = [word for name, path in files.items() for word in ("--" + name, path)]
        run = self.ringfetch("bench", *args, *wanted, exit=None, **options)
        self.assertIn(run.code, exit, run.out + run.err)
        self.suite = report_formats.validate_junit(files["junit"])
        self.result = load(self.read("bench.json"))
        self.check_schema(self.result)
        self.page = render(files["markdown"])
        self.log = read_hlog(self.read("bench.hlog"))
        self.gha = check_gha(self.read("bench.gha.json"))
        self.bmf = check_bmf(self.read("bench.bmf.json"))
        self.assertEqual(self.page.names & {"script", "a", "img"}, set())
        self.assertEqual(len(self.page.headings), 1)
        return run

    def check_schema(self, result):
        import jsonschema

        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        validator(schema).validate(result)

    def cases(self):
        """name -> how it ended, None where well."""
        return {case.get("name"): (case[0].tag if len(case) else None) for case in self.suite.iter("testcase")}

    def test_one_server(self):
        origin = self.start(harness.Origin("--threads", 1))
        run = self.bench(*SHORT, origin.url("/bytes/100"))
        result, latency = self.result, self.log[None]
        self.assertGreater(result["requests"], 0)
        self.assertEqual(result["errors"], 0)
        self.assertEqual(latency.total, result["requests"])
        self.assertEqual({"first_byte", "connect"} - set(self.log), set())
        # The same figure everywhere, to three digits.
        p99 = latency.percentile(99)
        for other in (self.gha["latency p99"]["value"] * 1e6, result["latency_us"]["p99"] * 1e3):
            self.assertAlmostEqual(other / p99, 1, delta=0.002)
        (name,) = self.bmf
        self.assertEqual(name, "GET /bytes/100")
        self.assertAlmostEqual(self.bmf[name]["latency-p99"]["value"] / p99, 1, delta=0.002)
        self.assertAlmostEqual(latency.max * 1e6 / max(latency.counts), 1, delta=0.002)
        self.assertEqual(self.cases()["answers"], None)
        self.assertIn(f"{result['requests']:,}", self.page.text)
        self.assertIn(f"{result['requests']:,}", run.out)
        self.assertNotIn("\x1b", run.out)
        self.assertLessEqual(max(map(len, run.out.split("\n"))), 120)

    def test_open_loop_and_entries(self):
        origin = self.start(harness.Origin("--threads", 1))
        lines = [
            {"url": "/bytes/10?a=1", "weight": 3},
            {"url": "/bytes/10?b=2"},
            {"url": "/status/404", "name": "lost | `found`"},
        ]
        path = self.write("requests.jsonl", "\n".join(map(json.dumps, lines)))
        self.bench(*SHORT, "-R", 400, "--requests-file", path, origin.url("/"), exit=(1, 6))
        self.assertEqual({"raw", "slip"} - set(self.log), set())
        self.assertEqual(self.log["raw"].total, self.log[None].total)
        self.assertEqual(self.log["GET_/bytes/10"].total + self.log["GET_/bytes/10_#2"].total, self.log[None].total)
        self.assertNotIn("time between answers", self.gha)
        self.assertIn("GET /bytes/10 #2: latency p50", self.gha)
        self.assertEqual(list(self.bmf), ["all requests", "GET /bytes/10", "GET /bytes/10 #2", "lost | `found`"])
        self.assertEqual(self.bmf["lost | `found`"], {"error-rate": {"value": 1}})
        self.assertEqual(self.cases()["answers"], "failure")
        self.assertTrue(any("lost | `found`" in row for table in self.page.tables for row in table))

    def test_two_servers(self):
        a = self.start(harness.Origin("--threads", 1))
        b = self.start(harness.Origin("--threads", 1))
        run = self.bench(*PAIR, a.url("/bytes/100"), b.url("/bytes/100"), exit=(0, 5, 6))
        self.assertEqual({"A", "B"} - set(self.log), set())
        self.assertIn("A: latency p50", self.gha)
        self.assertEqual(list(self.bmf), ["A: GET /bytes/100", "B: GET /bytes/100"])
        ended = self.cases()
        metrics = ["rps", "mean", "p50", "p90", "p99", "errors"]
        self.assertEqual([name for name in ended if name in metrics], metrics)
        outcomes = {"regressed": "failure", "inconclusive": "error"}
        head = self.page.tables[0]
        self.assertEqual(head[0][1:4], ["A", "B", "change"])
        self.assertEqual([row[0] for row in head[1:]], metrics)
        for row in head[1:]:
            self.assertEqual(ended[row[0]], outcomes.get(row[-1]), row)
        self.assertIn(self.result["verdict"], outcomes.keys() | {"same", "improved"})
        self.assertIn(self.result["verdict"] + ":", run.out.rstrip("\n").split("\n")[-1] + ":")

    def test_a_slower_server_fails_the_job(self):
        a = self.start(harness.Origin("--threads", 1))
        b = self.start(harness.Origin("--threads", 1, "--work-us", 1000))
        args = ["--max-duration", "20s", "--warmup", "100ms", "-c", "2", "-t", "1", "--metrics", "p50"]
        run = self.bench(*args, a.url("/bytes/100"), b.url("/bytes/100"), exit=(5,))
        self.assertEqual(self.cases()["p50"], "failure")
        self.assertNotIn("rps", self.cases())
        self.assertRegex(self.page.headings[0], r"regressed: p50 \+\d+")
        self.assertRegex(run.out, r"\np50 +\S+ \S+ +\S+ \S+ +\+\d+% +\+\d+% \.\. \+\d+%  regressed\n")

    def test_thresholds(self):
        origin = self.start(harness.Origin("--threads", 1))
        limits = ["--fail-if", "p99>3600s", "--fail-if", "p50>1ns", "--fail-if", "errors>50%"]
        self.bench(*SHORT, *limits, origin.url("/bytes/100"), exit=(5,))
        ended = self.cases()
        self.assertEqual([ended["p99>3600s"], ended["p50>1ns"], ended["errors>50%"]], [None, "failure", None])
        self.assertIn("1 of 3 thresholds failed", self.page.headings[0])

    def test_only_errors(self):
        origin = self.start(harness.Origin("--threads", 1))
        run = self.bench(*SHORT, origin.url("/status/500"), exit=(1, 6))
        self.assertEqual(self.result["errors"], self.result["requests"])
        self.assertEqual(self.cases()["answers"], "failure")
        self.assertEqual([name for name in self.gha if "latency" in name or "time" in name], [])
        self.assertEqual(self.gha["errors"]["value"], 100)
        self.assertNotIn("latency", self.bmf["GET /status/500"])
        self.assertEqual(sum(line.total for tag, line in self.log.items() if tag is None), 0)
        self.assertRegex(run.out, r"\nstatus 500 +\d")

    def test_a_summary_is_added_to(self):
        origin = self.start(harness.Origin("--threads", 1))
        path = self.write("summary.md", "# Before\n\n")
        for _ in range(2):
            run = self.ringfetch("bench", *SHORT, "--markdown", path, origin.url("/bytes/1"), exit=None)
            self.assertIn(run.code, (0, 6))
        page = render(path)
        self.assertEqual(len(page.headings), 2)
        self.assertTrue(self.read("summary.md").startswith(b"# Before\n\n## "))


# ---- the example and the guide -------------------------------------------------------------------------------------


class WorkflowTest(harness.Case):
    def steps(self):
        import yaml

        with open(WORKFLOW, encoding="utf-8") as file:
            workflow = yaml.safe_load(file)
        self.assertEqual(set(workflow), {"name", True, "permissions", "jobs"})  # YAML 1.1 takes `on` for a truth value
        for job in workflow["jobs"].values():
            self.assertLessEqual({"runs-on", "steps", "timeout-minutes"}, set(job))
            yield from job["steps"]

    def test_steps(self):
        scripts = 0
        for step in self.steps():
            self.assertEqual(("run" in step) + ("uses" in step), 1, step)
            if "uses" in step:
                self.assertRegex(step["uses"], r"^[\w-]+/[\w-]+@v\d+$")
                continue
            # What GitHub puts into a script before the shell sees it can be a stranger's text.
            self.assertNotIn("${{", step["run"])
            shell = subprocess.run(["sh", "-n"], input=step["run"].encode(), capture_output=True, timeout=20)
            self.assertEqual((shell.returncode, shell.stderr), (0, b""), step["run"])
            scripts += 1
        self.assertGreaterEqual(scripts, 5)

    def test_options_exist(self):
        known = set(re.findall(r"--[a-z][a-z-]+", self.ringfetch("bench", "--help").out))
        commands = [step["run"] for step in self.steps() if "run" in step and "ringfetch bench" in step["run"]]
        self.assertEqual(len(commands), 2)
        with open(GUIDE, encoding="utf-8") as file:
            guide = file.read()
        other = {"--port", "--adapter", "--security-opt"}
        for text in [*commands, guide]:
            self.assertEqual(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - known - other, set())


if __name__ == "__main__":
    harness.main()
