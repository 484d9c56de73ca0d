# SPDX-License-Identifier: GPL-3.0-or-later
"""check_html_test.py: the page of `check --html` as a browser sees it: headless Chromium, driven through chromedriver.

Browser speaks as much of the WebDriver protocol as the tests need, with Python's own HTTP client; Selenium was rejected
for being larger than what is tested. Where Chromium isn't installed, or is a stub that asks for snap, the tests are skipped.
RINGFETCH_SCREENSHOTS names a directory for pictures of the page, to be looked at.
"""

import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import harness
from web import Web

HOSTILE = "<img src=x onerror=\"document.title='pwned'\"></title></script><script>document.title='pwned'</script>"
GOOD, MISSING = 40, 3
ENTER, SPACE = "\ue007", " "


# ---- the browser -----------------------------------------------------------------------------------------------


def find(*names):
    path = os.environ.get("PATH", "") + ":/usr/bin:/usr/lib/chromium:/usr/lib/chromium-browser"
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def browser_missing():
    """Why there is no browser to test with, or None."""
    chromium, driver = find("chromium", "chromium-browser"), find("chromedriver")
    if not chromium or not driver:
        return "chromium and chromium-driver are not installed: tools/dev/setup test"
    try:
        said = subprocess.run([chromium, "--version"], capture_output=True, timeout=60 * harness.SLOW, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        return f"{chromium} does not run: {fault}"
    return None if re.search(rb"Chrom\w+ \d", said.stdout) else f"{chromium} is no browser"


class Browser:
    """One session of headless Chromium."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="rf-chromium-")
        self.log = open(os.path.join(self.profile, "driver.log"), "w+b")
        self.session = None
        self._start()
        try:
            self.port = harness.wait_until(self._port, 30, "chromedriver listening")
            self._begin()
        except BaseException:
            self.close()
            raise

    def _start(self):
        self.log.truncate(0)
        self.driver = subprocess.Popen(
            [find("chromedriver"), "--port=0"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )

    def _port(self):
        if self.driver.poll() is not None:
            # It lets the kernel pick a port of IPv6 and wants the same one of IPv4, which somebody may have.
            if "port not available" not in self._said():
                raise AssertionError("chromedriver did not start: " + self._said())
            self._start()
        found = re.search(r"started successfully on port (\d+)", self._said())
        return found and int(found[1])

    def _said(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _begin(self):
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        arguments += ["--disable-background-networking", "--no-proxy-server", f"--user-data-dir={self.profile}/data"]
        options = {"binary": find("chromium", "chromium-browser"), "args": arguments}
        logging = {"browser": "ALL", "performance": "ALL"}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logging}
        answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = "/session/" + answer["sessionId"]

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120 * harness.SLOW)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{method} {path}: {answer['error']}: {answer['message']}")
        return answer

    def ask(self, path, body):
        return self._ask("POST", self.session + path, body)

    def close(self):
        if self.session:
            self._ask("DELETE", self.session)
        self.driver.terminate()
        self.driver.wait(30 * harness.SLOW)
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def cdp(self, command, **parameters):
        return self.ask("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, path):
        self.ask("/url", {"url": "file://" + path})

    def run(self, script, *args):
        """The value that the script returns."""
        return self.ask("/execute/sync", {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        """What the script passes to its last argument, a function."""
        return self.ask("/execute/async", {"script": script, "args": list(args)})

    def element(self, selector):
        (reference,) = self.ask("/element", {"using": "css selector", "value": selector}).values()
        return f"/element/{reference}"

    def click(self, selector):
        self.ask(self.element(selector) + "/click", {})

    def type(self, selector, text):
        self.ask(self.element(selector) + "/value", {"text": text})

    def logged(self, kind):
        return self.ask("/se/log", {"type": kind})

    def look(self, width, height=1000, dark=False, wait=True):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        # Where scrolling takes time, clicks miss.
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme, still])
        if wait:
            self.settle()

    def settle(self):
        """Waits until resized charts and scheduled rows have been drawn."""
        self.run_async("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def screenshot(self, name):
        folder = os.environ.get("RINGFETCH_SCREENSHOTS")
        if folder:
            picture = self.cdp("Page.captureScreenshot", captureBeyondViewport=True, clip={
                **self.run("return {x: 0, y: 0, width: innerWidth, height: document.documentElement.scrollHeight, scale: 1}")
            })
            with open(os.path.join(folder, name + ".png"), "wb") as file:
                file.write(base64.b64decode(picture["data"]))


class BrowserCase(harness.Case):
    @classmethod
    def setUpClass(cls):
        why = browser_missing()
        if why:
            print(f"check_html_test.py: {why}")
            raise unittest.SkipTest(why)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.browser.look(1280, wait=False)

    def script(self, script, *args):
        return self.browser.run(script, *args)

    def texts(self, selector):
        return self.script("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)

    def column(self, name):
        """What the rows in sight have in that column."""
        return self.texts(f"#body tr.row td.c-{name}")

    def shown(self):
        return self.script("return document.getElementById('shown').textContent")

    def search(self, text):
        self.script("const box = document.getElementById('search'); box.value = ''; box.focus()")
        self.browser.type("#search", text)
        self.browser.settle()

    def scroll_to_end(self):
        self.script("const box = document.getElementById('scroll'); box.scrollTop = box.scrollHeight")

    def shows(self, text):
        harness.wait_until(lambda: self.shown() == text, 10, f"{text!r} instead of {self.shown()!r}")


# ---- a page of a real run --------------------------------------------------------------------------------------


def respond(request):
    if request.path.startswith("/missing"):
        return "404 Not Found", (), "no such page"
    if request.path == "/forbidden":
        return "403 Forbidden", (), "not for you"
    if request.path == "/hostile":
        title = HOSTILE.replace("<", "&lt;")
        return "200 OK", ("Content-Type: text/html",), f"<!DOCTYPE html><title>{title}</title>"
    return "200 OK", ("Content-Type: text/html",), "<!DOCTYPE html><title>fine</title>"


class PageTest(BrowserCase):
    """Against real servers: 40 that are well, 3 missing, 1 refused, 1 forbidden, 1 with a hostile title, 1 that can't be asked."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(prefix="rf-html-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.page = os.path.join(cls.folder, "out.html")
        holder, closed = harness.closed_port()
        with holder, Web(respond) as web:
            cls.hostile_url = web.url("/hostile?<script>document.title='pwned'</script>")
            urls = [web.url(f"/good/{number}") for number in range(GOOD)]
            urls += [web.url(f"/missing/{number}") for number in range(MISSING)]
            urls += [web.url("/forbidden"), cls.hostile_url, f"http://127.0.0.1:{closed}/", "javascript:document.title='pwned'"]
            cls.list = os.path.join(cls.folder, "list")
            with open(cls.list, "w", encoding="utf-8") as file:
                file.write("\n".join(urls) + "\n")
            limits = ("--retry", 0, "--confirm", 0, "--title", "--output", "null")
            cls.run_of_check = harness.ringfetch("check", "-s", *limits, "-i", cls.list, "--html", cls.page)

    def setUp(self):
        super().setUp()
        self.assertEqual(self.run_of_check.code, 1, self.run_of_check)
        for kind in ("browser", "performance"):
            self.browser.logged(kind)
        self.browser.open(self.page)
        self.browser.settle()

    def test_it_needs_nothing_but_itself(self):
        self.assertEqual(self.browser.logged("browser"), [])
        asked = []
        for entry in self.browser.logged("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                asked.append(event["params"]["request"]["url"])
        self.assertEqual([url for url in asked if not url.startswith("data:")], ["file://" + self.page])
        with open(self.page, encoding="utf-8") as file:
            text = file.read()
        self.assertNotRegex(text, r"<(?:link|script|img|iframe)[^>]+(?:src|href)=[\"']?(?!data:)\w")

    def test_it_may_ask_for_nothing(self):
        with Web() as web:
            how = self.browser.run_async(
                "const done = arguments[1]; fetch(arguments[0]).then(() => done('fetched'), (fault) => done(fault.name))", web.url()
            )
            self.assertEqual(how, "TypeError")
            blocked = self.browser.run_async(
                "const [url, done] = arguments, image = new Image(); image.onload = image.onerror = (event) => done(event.type); image.src = url",
                web.url(),
            )
            self.assertEqual(blocked, "error")
            self.assertEqual(web.count, 0)

    def test_script_that_was_smuggled_in_does_not_run(self):
        self.script("const one = document.createElement('script'); try { one.textContent = \"document.title = 'pwned'\"; document.body.append(one) } catch {}")
        self.script("try { document.body.insertAdjacentHTML('beforeend', '<i onclick=1>') } catch {}")
        self.assertNotIn("pwned", self.script("return document.title"))
        self.assertEqual(self.script("return document.querySelectorAll('[onclick]').length"), 0)

    def test_counts(self):
        asked = GOOD + MISSING + 3
        heading = self.texts("#headline")[0]
        self.assertEqual(heading, f"{MISSING + 1} of {asked} URLs broken")
        self.assertIn(heading, self.script("return document.title"))
        tiles = dict(zip(("dead", "flaky", "blocked", "inconclusive", "ok", "skipped"), self.texts(".tile b")))
        self.assertEqual(
            tiles, {"dead": f"{MISSING + 1}", "flaky": "0", "blocked": "1", "inconclusive": "0", "ok": f"{GOOD + 1}", "skipped": "1"}
        )
        self.shows(f"{asked + 1} rows")
        self.assertEqual(self.texts("#left-out"), ["Every result of the run has a row here."])
        self.assertEqual(self.column("v")[: MISSING + 2], ["dead"] * (MISSING + 1) + ["blocked"])
        self.assertIn(os.path.basename(self.list), " ".join(self.texts("#facts dd")))

    def test_charts_have_words(self):
        titles = self.texts("figure h3")
        for title in ("Latency by phase", "Total time, cumulative", "Status of the last response", "Errors by kind"):
            self.assertIn(title, titles)
        labels = self.script("return [...document.querySelectorAll('svg')].map((one) => one.getAttribute('role') + one.getAttribute('aria-label'))")
        self.assertGreaterEqual(len(labels), 6)
        for label in labels:
            self.assertRegex(label, r"^img\w.{20,}")
        self.assertEqual(self.script("return [...document.querySelectorAll('figure')].filter((one) => !one.querySelector('table tbody tr')).length"), 0)
        rows = self.script(
            "const one = [...document.querySelectorAll('figure')].find((one) => one.textContent.startsWith('Status'));"
            "return [...one.querySelectorAll('tbody tr')].map((row) => [row.cells[0].textContent, row.cells[1].textContent])"
        )
        self.assertIn(["404", str(MISSING)], rows)
        self.assertIn(["403", "1"], rows)
        self.assertIn(["200", str(GOOD + 1)], rows)

    def test_sorting(self):
        sort_of = lambda name: self.script("return document.querySelector(`th.c-${arguments[0]}`).getAttribute('aria-sort')", name)
        self.assertEqual(sort_of("v"), "ascending")
        self.browser.click("th.c-url button")
        self.assertEqual((sort_of("url"), sort_of("v")), ("ascending", None))
        urls = self.column("url")
        self.assertEqual(urls, sorted(urls))
        self.browser.click("th.c-url button")
        self.assertEqual(sort_of("url"), "descending")
        self.assertEqual(self.column("url"), sorted(self.column("url"), reverse=True))
        for name in ("status", "kind", "total", "wait", "attempts", "source"):
            self.browser.click(f"th.c-{name} button")
            self.assertIn(sort_of(name), ("ascending", "descending"), name)
        self.browser.click("th.c-status button")
        self.assertEqual(self.column("status")[0], "200")
        self.browser.click("th.c-status button")
        self.assertEqual(self.column("status")[: MISSING + 1], ["404"] * MISSING + ["403"])

    def test_what_has_no_value_comes_last(self):
        for order in ("descending", "ascending"):
            self.browser.click("th.c-total button")
            self.assertEqual(self.script("return document.querySelector('th.c-total').getAttribute('aria-sort')"), order)
            self.scroll_to_end()
            harness.wait_until(lambda: self.column("v")[-1] == "skipped", 10, "the skipped row at the end")

    def test_sorting_by_keyboard(self):
        self.browser.type("th.c-url button", ENTER)
        self.assertEqual(self.script("return document.querySelector('th.c-url').getAttribute('aria-sort')"), "ascending")
        self.browser.type("th.c-url button", SPACE)
        self.assertEqual(self.script("return document.querySelector('th.c-url').getAttribute('aria-sort')"), "descending")
        self.assertTrue(self.script("return document.activeElement === document.querySelector('th.c-url button')"))

    def test_searching(self):
        rows = GOOD + MISSING + 4
        for words, found in (
            ("missing", MISSING),
            ("MISSING/1", 1),
            ("status:404", MISSING),
            ("good 127.0.0.1", GOOD),
            ("error:refused", 1),
            (os.path.basename(self.list) + " forbidden", 1),
            ("nothing-of-the-kind", 0),
        ):
            with self.subTest(words):
                self.search(words)
                self.shows(f"{found} of {rows} rows")
        self.assertEqual(self.texts("#body .empty"), ["No row matches."])
        self.browser.click("#reset")
        self.shows(f"{rows} rows")

    def test_filters(self):
        rows = GOOD + MISSING + 4
        self.browser.click(".chip[data-value=dead]")
        self.shows(f"{MISSING + 1} of {rows} rows")
        self.browser.click(".chip[data-value=blocked]")
        self.shows(f"{MISSING + 2} of {rows} rows")
        self.search("missing")
        self.shows(f"{MISSING} of {rows} rows")
        pressed = self.script("return [...document.querySelectorAll('.chip[aria-pressed=true]')].map((one) => one.dataset.value)")
        self.assertEqual(pressed, ["dead", "blocked"])
        self.browser.click(".tile.v-ok")
        self.shows(f"{GOOD + 1} of {rows} rows")

    def test_strangers_write_text_only(self):
        self.search("hostile")
        self.shows(f"1 of {GOOD + MISSING + 4} rows")
        self.browser.type("#body .c-more button", ENTER)
        detail = self.texts("#detail-body")[0]
        self.assertIn(HOSTILE, detail)
        self.assertIn(self.hostile_url, self.texts("#detail-title")[0])
        self.assertEqual(self.script("return document.querySelectorAll('body img, dialog script').length"), 0)
        self.assertNotIn("pwned", self.script("return document.title"))
        self.assertTrue(self.script("return document.getElementById('detail').open"))

    def test_links(self):
        self.search("javascript:")
        self.assertEqual(self.texts("#body a"), [])
        self.assertEqual(self.column("url"), ["javascript:document.title='pwned'"])
        self.search("good")
        links = self.script("return [...document.querySelectorAll('#body a')].map((one) => [one.protocol, one.rel])")
        self.assertGreater(len(links), 5)
        self.assertEqual({tuple(link) for link in links}, {("http:", "noopener noreferrer")})

    def test_widths(self):
        for dark in (False, True):
            for width in (390, 720, 1600):
                with self.subTest(width=width, dark=dark):
                    self.browser.look(width, dark=dark)
                    wide, seen = self.script("return [document.documentElement.scrollWidth, innerWidth]")
                    self.assertEqual(seen, width)
                    self.assertLessEqual(wide, width)
                    charts = self.script("return [...document.querySelectorAll('svg')].map((one) => one.getBoundingClientRect().right)")
                    self.assertLessEqual(max(charts), width)
                    self.browser.screenshot(f"{width}-{'dark' if dark else 'light'}")

    def test_contrast(self):
        for dark in (False, True):
            self.browser.look(1280, dark=dark)
            colours = self.script(
                "const style = getComputedStyle(document.documentElement);"
                "return Object.fromEntries(arguments[0].map((name) => [name, style.getPropertyValue('--' + name).trim()]))",
                ["ground", "card", "soft", "text", "muted", "link", "warn", "warn-ground", "dead", "ok", "flaky", "blocked", "accent", "inconclusive", "skipped", "accent-2"],
            )
            light = {name: luminance(value) for name, value in colours.items()}
            self.assertEqual(light["ground"] < 0.2, dark)
            for front, back in [(a, b) for a in ("text", "muted", "link") for b in ("ground", "card", "soft")] + [("warn", "warn-ground")]:
                self.assertGreaterEqual(contrast(light[front], light[back]), 4.5, (front, back, dark))
            for mark in ("dead", "ok", "flaky", "blocked", "accent", "inconclusive", "skipped", "accent-2"):
                self.assertGreaterEqual(contrast(light[mark], light["card"]), 3 if mark != "accent-2" else 2.5, (mark, dark))

    def test_paper(self):
        """Nothing scrolls on paper: all rows are there."""
        self.script("dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(len(self.column("url")), GOOD + MISSING + 4)
        self.script("dispatchEvent(new Event('afterprint'))")
        self.assertGreater(len(base64.b64decode(self.browser.ask("/print", {}))), 10000)


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


# ---- pages of runs that never were -----------------------------------------------------------------------------


class LargePageTest(BrowserCase):
    ROWS = 100000

    def page(self, rows):
        """The page of an empty run with other rows."""
        self.ringfetch("check", "-s", "--output", "null", "-i", self.write("list", "# nothing\n"), "--html", self.path("empty.html"), exit=None)
        text = self.read("empty.html").decode()
        return self.write("page.html", re.sub(r'(id="rows">)\[[^<]*', lambda found: found[1] + json.dumps(rows), text))

    def test_a_hundred_thousand_rows(self):
        row = lambda n: {
            "n": n, "v": "dead" if n % 1000 == 0 else "ok", "url": f"http://h{n % 977}.test/{n}", "status": 200 + n % 7,
            "ms": [0, None, 1, None, n % 613, None, n % 1013], "attempts": 1, "line": n, "source": "list",
        }  # fmt: skip
        self.browser.open(self.page([row(n) for n in range(1, self.ROWS + 1)]))
        self.shows("100,000 rows")
        there = lambda: self.script("return document.querySelectorAll('#body tr.row').length")
        self.assertLess(there(), 150)
        self.assertEqual(self.script("return document.getElementById('table').getAttribute('aria-rowcount')"), "100001")
        began = time.monotonic()
        self.search("host:h5.test/ verdict:ok")
        self.shows("0 of 100,000 rows")
        self.search("http://h5.test/")
        self.shows("103 of 100,000 rows")
        self.script("document.getElementById('reset').click()")
        for name in ("total", "url", "kind", "v"):
            self.browser.click(f"th.c-{name} button")
        self.assertLess(time.monotonic() - began, 30 * harness.SLOW)
        self.assertEqual(self.column("v")[:3], ["dead"] * 3)
        self.script("dispatchEvent(new Event('beforeprint'))")
        self.browser.cdp("Emulation.setEmulatedMedia", media="print")
        self.browser.settle()
        self.assertEqual(there(), 1000)
        self.assertEqual(self.texts("#print-note"), ["The first 1,000 of 100,000 rows."])
        self.browser.cdp("Emulation.setEmulatedMedia", media="")
        self.script("dispatchEvent(new Event('afterprint'))")
        self.scroll_to_end()
        last = f"http://h{(self.ROWS - 1) % 977}.test/{self.ROWS - 1}"
        harness.wait_until(lambda: self.column("url")[-1] == last, 10, "the last row in sight")
        self.assertLess(there(), 150)

    def test_a_page_that_is_cut_off(self):
        text = self.read_cut(self.page([]))
        self.browser.open(self.write("cut.html", text))
        self.assertEqual(self.texts("#headline"), ["This page is not whole"])

    def read_cut(self, path):
        with open(path, encoding="utf-8") as file:
            return re.sub(r'(id="rows">)\[[^<]*', r'\1[{"n":1,', file.read())


if __name__ == "__main__":
    harness.main()
