# SPDX-License-Identifier: GPL-3.0-or-later
"""check_kinds_test.py: a lying server for each kind of error: the record has that kind, its fault and the verdict that follows.

Nearly all of it is one run over a list with one line for each way to fail, confirmed, so that the confirm pass sees them
all, too. The last test holds the kinds that were seen against those that docs/formats.md promises.
"""

import os
import re

import harness
import pki
from check_case import CheckCase, Dns, Paths, reset, wait_for_close
from tls_servers import Cutter, Https, SServer

OK = "HTTP/1.1 200 OK\r\n"
CHUNKED = OK + "Transfer-Encoding: chunked\r\n\r\n"

seen = set()

# Which this file does not bring about, and why.
ELSEWHERE = {
    "bad-glob": "refused as usage: patterns are for the command line",
    "unreadable": "no record of its own where the input can't be opened: check_exit_test.py",
    "network-down unreachable": "needs a network namespace",
    "ports descriptors memory socket": "needs a machine that runs out of them: tests/fault",
    "tls-failed resolver-failed": "needs a library that fails",
    "no-roots": "needs a machine without certificates",
    "bad-staple revoked": "as get does it: get_tls_verify_test.py",
    "forbidden not-permitted no-source-address": "as get does it: get_net_test.py",
    "bad-scheme": "skipped: check_verdict_test.py",
    "bad-range": "check asks for no ranges",
    "unsolicited": "an answer that is its own stands: check_verdict_test.py",
    "no-such-file exists bad-name disk-full not-written pipe-closed": "check writes no bodies",
    "interrupted cancelled": "check_confirm_test.py",
    "line-too-long bad-gzip": "check_input_test.py",
    "no-such-fragment": "links of documents",
}


def endless(first, more):
    def behave(connection, head):
        connection.send(first)
        while True:
            connection.send(more)

    return behave


def half(connection, head):
    connection.send(OK + "Content-Length: 10\r\n\r\nhello")
    connection.wait_for_close()


# path: (kind, stage, what is sent). A GET is asked for, as HEAD is forgiven many of these.
ANSWERS = {
    "/status": ("http-status", "head", "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"),
    "/html": ("http-0.9", "head", "<html>hello</html>"),
    "/ssh": ("http-0.9", "head", "SSH-2.0-OpenSSH_9.2\r\n"),
    "/status-line": ("bad-status-line", "head", "HTTP/1.1 abc OK\r\n\r\n"),
    "/field": ("bad-field", "head", OK + "no colon\r\n\r\n"),
    "/large-head": ("head-too-large", "head", endless(OK, "X: " + "y" * 8000 + "\r\n")),
    "/interim": ("too-many-interim", "head", endless("", "HTTP/1.1 100 Continue\r\n\r\n" * 10)),
    "/length": ("bad-length", "head", OK + "Content-Length: 5, 6\r\n\r\nhello"),
    "/coding": ("bad-transfer-encoding", "head", OK + "Transfer-Encoding: gzip\r\n\r\n"),
    "/upgrade": ("bad-upgrade", "head", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    "/closed": ("closed", "head", ""),
    "/reset": ("reset", "head", reset),
    "/cut-head": ("truncated", "head", OK + "Content-Le"),
    "/cut-body": ("truncated", "body", OK + "Content-Length: 10\r\n\r\nhello"),
    "/cut-chunk": ("truncated", "body", CHUNKED + "5\r\nhel"),
    "/chunk": ("bad-chunk", "body", CHUNKED + "xyz\r\n"),
    "/silent": ("timed-out", "head", wait_for_close),
    "/half": ("timed-out", "body", half),
    "/location": ("bad-redirect", "head", "HTTP/1.1 302 x\r\nLocation: http://[/\r\nContent-Length: 0\r\n\r\n"),
    "/ftp": ("redirect-scheme", "head", "HTTP/1.1 302 x\r\nLocation: ftp://h/\r\nContent-Length: 0\r\n\r\n"),
    "/loop": ("redirect-loop", "head", "HTTP/1.1 302 x\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"),
    "/round": ("too-many-redirects", "head",
               lambda connection, head: connection.answer(status="302 x", headers=["Location: /round?" + head.split()[1][7:] + "x"])),
    "/big": ("too-large", "body", OK + "Content-Length: 1000001\r\n\r\n" + "x" * 1000),
    "/big-chunks": ("too-large", "body", CHUNKED + ("8000\r\n" + "x" * 0x8000 + "\r\n") * 40 + "0\r\n\r\n"),
    "/size": ("size-mismatch", "body", OK + "Content-Length: 5\r\n\r\nhello"),
    "/hash": ("hash-mismatch", "body", OK + "Content-Length: 5\r\n\r\nhello"),
    "/expect": ("expectation", "expect", OK + "Content-Length: 5\r\n\r\nhello"),
}
POLICY = {"redirect-scheme", "too-many-redirects", "too-large"}
MEMBERS = {
    "/size": {"size": 6},
    "/hash": {"sha256": "00" * 32},
    "/expect": {"expect": "body contains goodbye"},
    "/big-chunks": {"size": 7},
}


class KindsCase(CheckCase):
    def check_ending(self, record, stage, kind, verdict, fault="target", confirmed=True):
        with self.subTest(record["url"]):
            error = record["error"]
            self.assertIsNotNone(error, record)
            self.assertEqual((error["stage"], error["kind"], error["fault"]), (stage, kind, fault), record)
            self.assertEqual(record["verdict"], verdict, record)
            self.assertTrue(error["detail"])
            self.assertEqual(record["passes"], int(confirmed))
            if confirmed:
                self.assertEqual(self.said(record["first"], "stage", "kind", "fault"), (stage, kind, fault))
            seen.add(kind)


class HttpTest(KindsCase):
    def test_answers(self):
        liar = self.start(Paths({path: answer for path, (_, _, answer) in ANSWERS.items()}))
        lines = [{"url": liar.url(path), **MEMBERS.get(path, {})} for path in ANSWERS]
        args = ["--method", "GET", "-m", 1 * harness.SLOW, "--max-filesize", "1000000"]
        records = self.check(*args, lines=lines, exit=1)
        for record, (path, (kind, stage, _)) in zip(records, ANSWERS.items(), strict=True):
            policy = kind in POLICY
            verdict, fault = ("inconclusive", "policy") if policy else ("dead", "target")
            self.check_ending(record, stage, kind, verdict, fault)
        self.assertGreaterEqual(min(len(liar.heads[path]) for path in ANSWERS), 2)

    def test_stall(self):
        liar = self.start(Paths({"/silent": wait_for_close, "/half": half}))
        records = self.check("--method", "GET", "--stall-time", 0.25 * harness.SLOW, liar.url("/{silent,half}"), exit=1)
        self.check_ending(records[0], "head", "stalled", "dead")
        self.check_ending(records[1], "body", "stalled", "dead")

    def test_lines(self):
        lines = {
            "http://": "bad-url",
            "http://[::1": "bad-url",
            "http://h:99999/": "bad-url",
            "http://h/\tname\tmore": "bad-line",
            '{"url": 1}': "bad-json",
            "{broken": "bad-json",
        }
        records = self.check(lines=list(lines), exit=1)
        for record, kind in zip(records, lines.values(), strict=True):
            self.check_ending(record, "input", kind, "dead", "policy", confirmed=False)


class AddressTest(KindsCase):
    def test_names_and_addresses(self):
        real = self.start(harness.Dnsmasq({"six.test": ["::1"], "refused.test": ["127.0.0.1"]}))
        holder, closed = harness.closed_port()
        self.addCleanup(holder.close)
        urls = [f"http://missing.test:{closed}/", f"http://six.test:{closed}/", f"http://refused.test:{closed}/"]
        records = self.check("-4", "--dns-servers", real.server, *urls, exit=1)
        self.check_ending(records[0], "resolve", "no-such-host", "dead")
        self.check_ending(records[1], "resolve", "no-address", "dead")
        self.check_ending(records[2], "connect", "refused", "dead")

    def test_name_servers(self):
        for code, kind, verdict, fault, exit in (
            (Dns.SERVFAIL, "servfail", "dead", "target", 1),
            (Dns.REFUSED, "resolver-refused", "inconclusive", "local", 6),
        ):
            dns = self.start(Dns.saying(code))
            (record,) = self.check("--dns-servers", dns.server, "http://a.test/", exit=exit)
            self.check_ending(record, "resolve", kind, verdict, fault)

    def test_silent_name_server(self):
        dns = self.start(Dns(lambda query: None))
        (record,) = self.check("-m", 2, "--dns-servers", dns.server, "--confirm", 0, "http://a.test/", exit=6)
        self.check_ending(record, "resolve", "resolver-timeout", "inconclusive", "local", confirmed=False)


class TlsTest(KindsCase):
    CERTIFICATES = {
        "expired": "expired",
        "not-yet-valid": "not-yet-valid",
        "wrong-host": "wrong-host",
        "self-signed": "self-signed",
        "unknown-issuer": "unknown-issuer",
        "weak-key": "weak-key",
        "client-only": "bad-certificate",
    }

    def setUp(self):
        super().setUp()
        self.pki = pki.shared()

    def to(self, host, server, port=443):
        return ["--connect-to", f"{host}:{port}:127.0.0.1:{server.port}"]

    def test_certificates_and_handshakes(self):
        names = ["good", *self.CERTIFICATES]
        nginx = self.start(Https(*names))
        old = self.start(Https("good", server="ssl_protocols TLSv1.1;"))
        cutter = self.start(Cutter(nginx.port, (5000, 9000), 100))
        picky = self.start(SServer("-www", "-tls1_3", "-Verify", 1, "-verify_return_error"))
        plain = self.start(harness.Nginx())
        args = ["--cacert", self.pki["root"].cert]
        urls = []
        for name in names:
            args += self.to(self.pki[name].host, nginx)
            urls.append(f"https://{self.pki[name].host}/show")
        for port, server in enumerate((old, cutter, picky, plain), 1001):
            args += self.to("good.test", server, port)
            urls.append(f"https://good.test:{port}/")
        records = self.check(*args, *urls, exit=1)
        self.assertEqual(self.said(records[0], "verdict", "status"), ("ok", 200))
        for record, kind in zip(records[1:], self.CERTIFICATES.values()):
            self.check_ending(record, "tls", kind, "dead")
            self.assertEqual(record["tls"]["verify"], kind)
        last = records[len(names) :]
        for record, kind in zip(last, ("protocol-mismatch", "handshake-cut", "tls-alert", "bad-tls"), strict=True):
            self.check_ending(record, "tls", kind, "dead")

    def test_pins(self):
        nginx = self.start(Https("good"))
        args = ["--cacert", self.pki["root"].cert, *self.to("good.test", nginx)]
        args += ["--pinnedpubkey", self.pki["ed25519"].pin, "https://good.test/show"]
        (record,) = self.check(*args, exit=1)
        self.check_ending(record, "tls", "pin-mismatch", "dead")

    def test_insecure_believes_them_all(self):
        nginx = self.start(Https(*self.CERTIFICATES))
        args = [word for name in self.CERTIFICATES for word in self.to(self.pki[name].host, nginx)]
        records = self.check("-k", *args, *(f"https://{self.pki[name].host}/show" for name in self.CERTIFICATES))
        self.assertEqual({self.said(record, "verdict", "status") for record in records}, {("ok", 200)})


class ZCompletenessTest(harness.Case):
    """Comes last in its file, by its name."""

    def test_every_kind_was_seen(self):
        with open(os.path.join(harness.ROOT, "docs", "formats.md"), encoding="utf-8") as file:
            kinds = set(re.findall(r"^\| `([a-z0-9.-]+)` \| (?:target|local|policy|cancelled) \|", file.read(), re.M))
        self.assertGreater(len(kinds), 50)
        elsewhere = {kind for kinds in ELSEWHERE for kind in kinds.split()}
        self.assertEqual(sorted(kinds - seen - elsewhere), [])
        self.assertEqual(sorted(seen & elsewhere), [], "they are seen here")


if __name__ == "__main__":
    harness.main()
