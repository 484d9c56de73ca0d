# SPDX-License-Identifier: GPL-3.0-or-later
"""check_input_test.py: lists as they come: byte order marks, CR LF, bytes that are no UTF-8, lines of a megabyte, gzip cut short. Each
line is one record, and the run goes on."""

import gzip
import random

import harness
from check_case import CheckCase
from web import Web


class InputTest(CheckCase):
    def setUp(self):
        super().setUp()
        self.web = self.start(Web())

    def check_bytes(self, data, *args, name="list", exit=0):
        return self.check(*args, "-i", self.write(name, data), exit=exit)

    def test_byte_order_mark_and_line_ends(self):
        urls = [self.web.url(f"/{i}") for i in range(6)]
        text = b"\xef\xbb\xbf" + urls[0].encode() + b"\r\n\r\n   \r\n\n# comment\r\n" + "\r\n".join(urls[1:4]).encode()
        text += b"\n  " + urls[4].encode() + b" \t\r\n" + urls[5].encode()
        records = self.check_bytes(text)
        self.assertEqual([record["url"] for record in records], urls)
        self.assertEqual({record["verdict"] for record in records}, {"ok"})
        self.assertEqual([record["source"]["line"] for record in records], [1, 6, 7, 8, 9, 10])
        self.assertEqual(sorted(self.web.targets), [f"/{i}" for i in range(6)])

    def test_only_blank_lines(self):
        self.assertEqual(self.check_bytes(b"\xef\xbb\xbf\r\n\n  \n#\n"), [])
        self.assertEqual(self.check_bytes(b""), [])

    def test_bytes_that_are_no_utf_8(self):
        """In a path they are sent as they are, or the line fails; never is a neighbour taken along."""
        well = self.web.url("/well").encode()
        bad = [b"/\xff\xfe", b"/caf\xe9", b"/\xc3", b"/\xed\xa0\x80", b"/\xf8\x88\x80\x80\x80"]
        lines = [line for path in bad for line in (self.web.url("").encode() + path, well)]
        lines += [b"http://\xff\xfe.test/", well, b"\xff\xfeh\0t\0t\0p\0", well, b"\x80", well, b'{"url": "\xff"}', well]
        records = self.check_bytes(b"\n".join(lines), exit=1)
        self.assertEqual(len(records), len(lines))
        self.assertEqual({record["verdict"] for record in records[1::2]}, {"ok"})
        for record in records[0::2]:
            self.assertIn(record["verdict"], ("ok", "dead"), record)
            if record["error"]:
                self.assertEqual(record["error"]["stage"], "input", record)
        self.assertEqual([record["verdict"] for record in records[10::2]], ["dead"] * 4)

    def test_long_lines(self):
        well = self.web.url("/well")
        lengths = (1 << 14, 100_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000)
        lines = [line for length in lengths for line in (self.web.url("/").ljust(length, "x"), well)]
        lines += ["x" * 1_500_000, well, '{"url":"' + well + '","tag":"' + "t" * 1_000_000 + '"}', well]
        lines += ['{"url":"' + well + '","tag":"' + "t" * 1_100_000 + '"}', well]
        records = self.check_bytes("\n".join(lines).encode(), exit=1)
        self.assertEqual(len(records), len(lines))
        self.assertEqual({record["verdict"] for record in records[1::2]}, {"ok"})
        kinds = [record["error"] and record["error"]["kind"] for record in records[0::2]]
        self.assertEqual(kinds[1:3], ["bad-url"] * 2)
        self.assertEqual(kinds[4:7], ["line-too-long"] * 3)
        self.assertEqual(kinds[7:], [None, "line-too-long"])
        self.assertEqual(len(records[14]["tag"]), 1_000_000)
        for record in records[0::2]:
            self.assertIn(record["verdict"], ("ok", "dead"))
            self.assertLess(len(record["error"]["detail"]) if record["error"] else 0, 2000)

    def test_schemes_among_the_lines(self):
        well = self.web.url("/well")
        lines = [well, "javascript:alert('x')", "mailto:a@b", well, "tel:1", "ftp://127.0.0.1/", "about:blank", well]
        records = self.check_bytes("\n".join(lines).encode())
        self.assertEqual([record["verdict"] for record in records], ["ok", "skipped", "skipped", "ok", "skipped", "skipped", "skipped", "ok"])

    def test_gzip(self):
        """Whole, several members in one, and cut off anywhere: what came before the cut is asked, the cut is one record."""
        dice = random.Random(7)
        urls = [self.web.url(f"/{dice.getrandbits(64):x}") for _ in range(200)]
        text = "\n".join(urls).encode() + b"\n"
        whole = gzip.compress(text)
        self.assertEqual(len(self.check_bytes(whole, name="list.gz")), 200)
        two = gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :])
        self.assertEqual([record["url"] for record in self.check_bytes(two)], urls)
        for count in (10, len(whole) // 2, len(whole) - 9, len(whole) - 4):
            with self.subTest(count):
                records = self.check_bytes(whole[:count], exit=None)
                self.assert_cut(records, urls)
        damaged = bytearray(whole)
        damaged[len(whole) // 2] ^= 0xFF
        # A damaged URL may name anybody; nobody but ours is asked.
        ours = ["--connect-to", f"::127.0.0.1:{self.web.port}"]
        self.assert_cut(self.check_bytes(bytes(damaged), *ours, exit=None), None)

    def assert_cut(self, records, urls):
        *before, last = records
        self.assertEqual((last["verdict"], last["error"]["stage"], last["error"]["kind"]), ("dead", "input", "bad-gzip"), last)
        for number, record in enumerate(before):
            if urls:
                self.assertEqual(record["url"], urls[number])
                self.assertEqual(record["verdict"], "ok")
            else:
                self.assertIn(record["verdict"], ("ok", "dead", "skipped"))

    def test_the_run_goes_on_in_the_next_list(self):
        cut = self.write("cut", gzip.compress(self.web.url("/1").encode() + b"\n")[:-6])
        rest = self.write("rest", self.web.url("/2"))
        records = self.check("-i", cut, "-i", rest, exit=1)
        self.assertEqual(records[-1]["url"], self.web.url("/2"))
        self.assertIn("bad-gzip", [record["error"] and record["error"]["kind"] for record in records])

    def test_noise(self):
        """Whatever comes in: as many records as lines that are neither blank nor comments, and a run that ends by itself."""
        dice = random.Random(11)
        noise = dice.randbytes(20_000).replace(b"\r", b"x").replace(b"\0", b"y")
        lines = [line for line in noise.split(b"\n") if line.strip(b" \t\f\v") and not line.strip(b" \t").startswith(b"#")]
        holder, closed = harness.closed_port()
        self.addCleanup(holder.close)
        args = ["--dns-servers", f"127.0.0.1:{closed}", "--confirm", 0, "-m", 2]
        records = self.check_bytes(noise + b"\n" + self.web.url("/end").encode(), *args, exit=None)
        self.assertEqual((len(records), records[-1]["verdict"]), (len(lines) + 1, "ok"))


if __name__ == "__main__":
    harness.main()
