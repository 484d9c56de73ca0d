# SPDX-License-Identifier: GPL-3.0-or-later
"""bench_html_test.py: the page of `bench --html` as a browser sees it: headless Chromium, driven as in check_html_test.py.

Runs are short and say nothing of speed: what is tested is that what they came to is on the page, readable at every width, in both colour
schemes and on paper, and that what strangers wrote stays text. RINGFETCH_SCREENSHOTS names a directory for pictures.
"""

import base64
import json
import os
import shutil
import tempfile
import unittest

import check_html_test as pages
import harness
from web import Web

HOSTILE = "<img src=x onerror=\"document.title='pwned'\"></p></script><script>document.title='pwned'</script>"
SHORT = ("-t", "1", "-c", "4", "--warmup", "100ms", "--progress", "none")
WIDTHS = (390, 720, 1280, 1600)
# What a busy machine, errors and a slower side make of a run: none of it matters here.
ENDS = (0, 1, 5, 6)

OVERLAPS = """
const seen = (one) => one.getClientRects().length > 0;
return [...document.querySelectorAll('svg.area, svg.interval')].flatMap((area) => {
    const boxes = [...area.querySelectorAll('text')].filter(seen).map((one) => [one.textContent, one.getBoundingClientRect()]);
    return boxes.flatMap(([text, a], at) => boxes.slice(at + 1).filter(([, b]) =>
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3).map(([other]) => `${text} | ${other}`));
});
"""


class BenchPageTest(pages.BrowserCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(prefix="rf-html-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        with harness.Origin() as fast, harness.Origin("--work-us", "500") as slow:
            cls.one(fast)
            cls.two(fast, slow)
            cls.saved(fast)
        cls.hostile()

    @classmethod
    def at(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def bench(cls, name, *args):
        run = harness.ringfetch("bench", *SHORT, "--html", cls.at(name), "--json", cls.at(name + ".json"), *args)
        if run.code not in ENDS or not os.path.exists(cls.at(name)):
            raise AssertionError(run)

    @classmethod
    def one(cls, server):
        requests = [{"url": server.url("/bytes/100"), "name": "small"}, {"url": server.url("/bytes/20000")}]
        requests += [{"url": server.url("/status/503"), "weight": 0.1}]
        with open(cls.at("requests"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(request) + "\n" for request in requests)
        cls.bench("one.html", "-d", "2500ms", "-R", "400", "--requests-file", cls.at("requests"), "--fail-if", "p99>1000s", "--fail-if", "rps<1000000000")

    @classmethod
    def two(cls, fast, slow):
        cls.bench("two.html", "--max-duration", "3s", "--block", "50ms", fast.url("/bytes/10"), slow.url("/bytes/10"))

    @classmethod
    def saved(cls, server):
        cls.bench("first.html", "-d", "1s", "--save", cls.at("saved"), server.url("/bytes/10"))
        cls.bench("saved.html", "-d", "1s", "--baseline", cls.at("saved"), server.url("/bytes/10"))

    @classmethod
    def hostile(cls):
        with open(cls.at("hostile"), "w", encoding="utf-8") as file:
            with Web(lambda request: ("200 OK", ("Server: " + HOSTILE,), "x")) as web:
                for number in range(3):
                    file.write(json.dumps({"url": web.url(f"/{number}?<script>"), "name": f"{number} {HOSTILE}"}) + "\n")
                file.flush()
                cls.bench("hostile.html", "-n", "60", "--requests-file", file.name)

    def open(self, name):
        self.browser.open(self.at(name))

    def result(self, name):
        with open(self.at(name + ".json"), encoding="utf-8") as file:
            return json.load(file)

    # ---- what is there ------------------------------------------------------------------------------------------

    def test_figures(self):
        self.open("one.html")
        said = self.result("one.html")
        totals = dict(self.script(
            "const card = [...document.querySelectorAll('section.card')].find((one) => one.querySelector('h2').textContent === 'Totals');"
            "return [...card.querySelectorAll('tbody tr')].map((row) => [row.cells[0].textContent, row.cells[1].textContent])"
        ))
        self.assertEqual(totals["Requests"], f"{said['requests']:,}")
        self.assertEqual(totals["Errors"], f"{said['errors']:,}")
        self.assertEqual(totals["Scheduled a second"], "400")
        self.assertEqual(self.texts("h1 span:last-child"), ["1 of 2 thresholds failed"])
        self.assertEqual(self.texts(".thresholds .sign-box"), ["✓held", "×failed"])
        self.assertEqual(self.texts("#entries tbody th"), ["small", "GET /bytes/20000", "GET /status/503"])
        self.assertIn("http-status", self.texts(".cards th.words b"))
        self.assertIn("1 of 2 thresholds failed – ", self.script("return document.title"))

    def test_charts(self):
        for name in ("one.html", "two.html", "saved.html"):
            with self.subTest(name):
                self.open(name)
                titles = ["Latency by percentile", "Histogram of latencies", "Throughput over time", "Latency over time"]
                self.assertEqual(self.texts("figure h3"), titles)
                drawn = self.script(
                    "return [...document.querySelectorAll('figure')].map((one) => Math.max(...[...one.querySelectorAll('path.line, path.bar')]"
                    ".filter((path) => !path.closest('.key')).map((path) => path.getBoundingClientRect().width)))"
                )
                self.assertGreater(min(drawn), 5, drawn)
                rows = self.script("return [...document.querySelectorAll('figure')].map((one) => one.querySelectorAll('tr[data-x]').length)")
                self.assertGreater(min(rows), 0, rows)

    def test_two_sides(self):
        self.open("two.html")
        self.assertEqual(self.texts("h1 span:last-child"), ["Regressed"])
        self.assertEqual(len(self.texts(".compare tbody tr")), 6)
        self.assertEqual(self.texts(".compare .c-verdict .sign-box")[0], "×regressed")
        left, middle = self.script(
            "const row = document.querySelector('.compare tbody tr'); return ['.best', '.none-line'].map((one) => row.querySelector(one).getBoundingClientRect().right)"
        )
        self.assertLess(left, middle, "a throughput that fell lies left of no change")

    def test_saved_run(self):
        self.open("saved.html")
        self.assertEqual(self.texts("#compare-title"), ["This run against the baseline"])
        self.assertIn(self.at("saved"), self.texts(".facts dd"))

    # ---- strangers ----------------------------------------------------------------------------------------------

    def test_strangers_write_text_only(self):
        self.browser.logged("browser")
        self.browser.logged("performance")
        self.open("hostile.html")
        self.assertEqual(self.script("return document.querySelectorAll('img, iframe, object, form, body a').length"), 0)
        self.assertEqual(self.script("return document.scripts.length"), 1)
        self.assertNotIn("pwned", self.script("return document.title"))
        self.assertEqual(self.texts("#entries tbody th"), [f"{number} {HOSTILE}" for number in range(3)])
        self.assertIn(HOSTILE, self.texts(".cards td"))
        asked = [json.loads(entry["message"])["message"] for entry in self.browser.logged("performance")]
        urls = [one["params"]["request"]["url"] for one in asked if one["method"] == "Network.requestWillBeSent"]
        self.assertEqual({url.split(":")[0] for url in urls} - {"data"}, {"file"}, urls)
        self.assertEqual(self.browser.logged("browser"), [])

    def test_console_is_silent(self):
        self.browser.logged("browser")
        for name in ("one.html", "two.html", "saved.html"):
            self.open(name)
        self.assertEqual(self.browser.logged("browser"), [])

    # ---- looks --------------------------------------------------------------------------------------------------

    def test_widths(self):
        for name in ("one.html", "two.html", "saved.html", "hostile.html"):
            self.open(name)
            for width in WIDTHS:
                for dark in (False, True):
                    with self.subTest(name=name, width=width, dark=dark):
                        self.browser.look(width, dark=dark)
                        wide, seen = self.script("return [document.documentElement.scrollWidth, innerWidth]")
                        self.assertEqual(seen, width)
                        self.assertLessEqual(wide, width)
                        edges = self.script("return [...document.querySelectorAll('svg.area, svg.area > text, svg.interval')].map((one) => one.getBoundingClientRect()).filter((box) => box.width).map((box) => [box.left, box.right])")
                        self.assertGreaterEqual(min(left for left, _ in edges), 0)
                        self.assertLessEqual(max(right for _, right in edges), width)
                        self.assertEqual(self.script(OVERLAPS), [])
                        self.browser.screenshot(f"bench-{name[:-5]}-{width}-{'dark' if dark else 'light'}")

    def test_contrast(self):
        self.open("two.html")
        for dark in (False, True):
            self.browser.look(1280, dark=dark)
            names = ["ground", "card", "a", "b", "old", "p90", "same", "dead", "ok", "flaky"]
            colours = self.script(
                "const style = getComputedStyle(document.documentElement); return arguments[0].map((name) => style.getPropertyValue('--' + name).trim())", names
            )
            light = {name: pages.luminance(colour) for name, colour in zip(names, colours)}
            for name in ("a", "b", "old", "same", "dead", "ok", "flaky"):
                for back in ("card", "ground"):
                    self.assertGreaterEqual(pages.contrast(light[name], light[back]), 4.5 if name in ("a", "b", "old") else 4, (name, back, dark))
            self.assertGreaterEqual(pages.contrast(light["p90"], light["card"]), 3)

    def test_paper(self):
        self.open("two.html")
        self.assertGreater(len(base64.b64decode(self.browser.ask("/print", {}))), 20000)

    # ---- what the script adds -------------------------------------------------------------------------------------

    def test_reading_out(self):
        self.open("one.html")
        read = lambda: self.texts(".chart .read.on")
        self.assertEqual(read(), [])
        box = self.script("const box = document.querySelectorAll('svg.area')[3].getBoundingClientRect(); scrollTo(0, box.top - 100);"
                          "const at = document.querySelectorAll('svg.area')[3].getBoundingClientRect(); return [at.left, at.right, at.top + 50]")  # fmt: skip
        self.browser.cdp("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + 2, y=box[2])
        self.browser.settle()
        self.assertEqual(len(read()), 1)
        self.assertRegex(read()[0], r"(?s)^0\.0 to 1\.0 s\nmax: .*\np99: .*\np90: .*\np50: \S+ .s$")
        self.browser.cdp("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
        self.browser.settle()
        self.assertEqual(read(), [])
        self.script("document.querySelectorAll('.plot')[0].focus()")
        self.browser.ask("/actions", {"actions": [{"type": "key", "id": "keys", "actions": [{"type": "keyDown", "value": "\ue014"}, {"type": "keyUp", "value": "\ue014"}]}]})
        self.assertRegex(read()[0], r"^0%\n")

    def test_sorting(self):
        self.open("one.html")
        names = lambda: self.texts("#entries tbody th")
        column = lambda number: f"#entries thead th:nth-child({number}) button"
        self.browser.click(column(4))
        self.assertEqual(names()[0], "GET /status/503", "the most errors first")
        self.browser.click(column(4))
        self.assertEqual(names()[-1], "GET /status/503")
        self.browser.click(column(1))
        self.assertEqual(names(), sorted(names()))
        self.assertEqual(self.script("return document.querySelectorAll('#entries th[aria-sort]').length"), 1)


if __name__ == "__main__":
    harness.main()
