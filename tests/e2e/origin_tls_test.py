# SPDX-License-Identifier: GPL-3.0-or-later
"""origin_tls_test.py: `ringfetch serve --tls`: what holds over plain HTTP once more over TLS 1.2 and 1.3, then TLS itself.

The clients are Python's, curl's and OpenSSL's. Where it matters how a connection ends, TLS is driven over memory: only
then does a client see close_notify, FIN and RST apart.
"""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import warnings

import harness
import origin_test
from origin_test import LIMIT, authority, pattern

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def trusting(origin, version=None):
    context = ssl.create_default_context(cafile=authority(origin))
    if version:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


# ---- the same over TLS ------------------------------------------------------------------------------------------


class Tls13:
    transport = ("--tls",)
    version = "1.3"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.context = trusting(cls.origin, cls.version)


class Tls12(Tls13):
    version = "1.2"


class Tls13SizesTest(Tls13, origin_test.SizesTest):
    pass


class Tls12SizesTest(Tls12, origin_test.SizesTest):
    pass


class Tls13StatusTest(Tls13, origin_test.StatusTest):
    test_flaky = None  # Python's TLS takes a reset for an end: EndsTest looks closer


class Tls13FaultsTest(Tls13, origin_test.FaultsTest):
    test_reset = None


class Tls13ProtocolTest(Tls13, origin_test.ProtocolTest):
    pass


class Tls12ProtocolTest(Tls12, origin_test.ProtocolTest):
    pass


class Tls13FileTest(Tls13, origin_test.FileTest):
    pass


# ---- how connections end ----------------------------------------------------------------------------------------


class Memory:
    """A TLS client whose socket is in the open. `end` becomes "notify", "fin" or "reset"."""

    def __init__(self, origin, context, session=None):
        self.socket = socket.create_connection((origin.host, origin.port), timeout=LIMIT)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost", session=session)
        self.end, self.received = None, []
        try:
            self.drive(self.tls.do_handshake)
        except ssl.SSLError:
            self.flush()  # the alert
            self.close()
            raise

    def flush(self):
        if self.outgoing.pending:
            self.socket.sendall(self.outgoing.read())

    def drive(self, call, *args):
        """None: the connection has ended without close_notify."""
        while True:
            try:
                result = call(*args)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
            if not self.receive():
                return None

    def receive(self):
        try:
            more = self.socket.recv(65536)
        except ConnectionResetError:
            more, self.end = b"", "reset"
        if not more:
            self.end = self.end or "fin"
            return False
        self.received.append(more)
        self.incoming.write(more)
        return True

    def get(self, path, *fields):
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *fields, "", ""]
        self.drive(self.tls.write, "\r\n".join(lines).encode())
        return self

    def rest(self):
        got = b""
        while more := self.drive(self.tls.read, 65536):
            got += more
        if more == b"":  # how Python says that close_notify came
            self.end = "notify"
        return got

    def body(self):
        return self.rest().partition(b"\r\n\r\n")[2]

    def close(self):
        self.socket.close()


def records(wire):
    """(type, length) of each record."""
    at = 0
    while at < len(wire):
        length = int.from_bytes(wire[at + 3 : at + 5], "big")
        yield wire[at], length
        at += 5 + length


class EndsTest(origin_test.OriginCase):
    options = ("--tls", "--threads", 1)

    def memory(self, version="1.3"):
        memory = Memory(self.origin, trusting(self.origin, version))
        self.addCleanup(memory.close)
        return memory

    def assert_end(self, path, body, end, *fields):
        for version in VERSIONS:
            with self.subTest(path, version=version):
                memory = self.memory(version).get(path, *fields)
                self.assertTrue(memory.body() == body)
                self.assertEqual(memory.end, end)

    def test_polite(self):
        self.assert_end("/bytes/100", pattern(100), "notify", "Connection: close")
        self.assert_end("/bytes/300000", pattern(300000), "notify", "Connection: close")
        self.assert_end("/close/100", pattern(100), "notify")
        self.assert_end("/close/300000", pattern(300000), "notify")
        self.assert_end("/close/0", b"", "notify")

    def test_refusals_are_polite(self):
        memory = self.memory()
        memory.drive(memory.tls.write, b"GET / HTTP/1.1\r\n\r\n")
        self.assertTrue(memory.rest().startswith(b"HTTP/1.1 400 "))
        self.assertEqual(memory.end, "notify")

    def test_rude(self):
        self.assert_end("/close/100?notify=0", pattern(100), "fin")
        self.assert_end("/close/300000?notify=0", pattern(300000), "fin")
        self.assert_end("/close/0?notify=0", b"", "fin")
        self.assert_end("/truncate/10", pattern(10), "fin")
        self.assert_end("/truncate/0", b"", "fin")
        self.assert_end("/truncate/300000", pattern(300000), "fin")
        self.assert_end("/no-response", b"", "fin")

    def test_reset(self):
        self.assert_end("/reset", b"", "reset")
        self.assert_end("/reset/1000", pattern(1000), "reset")
        self.assert_end("/flaky?status=0&fail=9", b"", "reset")

    def test_client_says_goodbye(self):
        for version in VERSIONS:
            memory = self.memory(version).get("/bytes/300000")
            # OpenSSL's unwrap wants the answer before the rest is read: it is said on the wire only.
            with self.assertRaises(ssl.SSLWantReadError):
                memory.tls.unwrap()
            memory.flush()
            while memory.receive():
                pass
            self.assertEqual(memory.end, "fin")
            kinds, sizes = zip(*records(b"".join(memory.received)))
            self.assertGreater(sum(sizes), 300000)
            self.assertEqual(kinds[-1], 21 if version == "1.2" else 23)  # an alert, disguised in 1.3
            self.assertLess(sizes[-1], 32)

    def test_idle_client_says_goodbye(self):
        memory = self.memory()
        memory.drive(memory.tls.unwrap)
        self.assertIsNone(memory.end)  # unwrap has had its answer
        self.assertFalse(memory.receive())

    def test_client_goes_in_the_handshake(self):
        hello = ssl.MemoryBIO()
        tls = trusting(self.origin).wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        flight = hello.read()
        for cut in (0, 1, 4, 5, 6, 50, len(flight) - 1, len(flight)):
            with socket.create_connection((self.origin.host, self.origin.port), timeout=LIMIT) as plain:
                plain.sendall(flight[:cut])
        gone = lambda: self.json("/stats")["connections"]["now"] == 1
        self.context = trusting(self.origin)
        harness.wait_until(gone, 5, "the end of all cut handshakes")

    def test_not_tls(self):
        self.context = trusting(self.origin)
        failed = self.json("/stats")["tls"]["failed"]
        for text in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", bytes(range(256)), b"\x16\x03\x01\x40\x01" + b"\0" * 0x4001):
            with socket.create_connection((self.origin.host, self.origin.port), timeout=LIMIT) as plain:
                plain.sendall(text)
                plain.shutdown(socket.SHUT_WR)
                got = b""
                while more := plain.recv(100):
                    got += more
            self.assertIn(got[:1], (b"", b"\x15"))  # an alert, if anything
        self.assertEqual(self.json("/stats")["tls"]["failed"], failed + 3)

    def test_broken_record(self):
        self.context = trusting(self.origin)
        for version in VERSIONS:
            memory = self.memory(version)
            memory.tls.write(b"GET /s HTTP/1.1\r\nHost: a\r\n\r\n")
            record = bytearray(memory.outgoing.read())
            record[-1] ^= 1
            memory.socket.sendall(record)
            with self.assertRaisesRegex(ssl.SSLError, "(?i)bad.record.mac"):
                memory.rest()
        self.assertEqual(self.ask("/s")[2], pattern(100))

    def test_unknown_protocol_version(self):
        context = trusting(self.origin)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with self.assertRaisesRegex(ssl.SSLError, "(?i)protocol.version|handshake.failure"):
            Memory(self.origin, context)

    def test_certificate_that_the_client_refuses(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            Memory(self.origin, ssl.create_default_context())
        context = trusting(self.origin)
        self.context = context
        self.assertEqual(self.ask("/s")[0], 200)


# ---- what was agreed on -----------------------------------------------------------------------------------------


class SessionTest(origin_test.OriginCase):
    options = ("--tls", "--threads", 1)

    def setUp(self):
        self.context = trusting(self.origin)

    def tls(self, context=None, session=None):
        memory = Memory(self.origin, context or self.context, session)
        self.addCleanup(memory.close)
        return memory, json.loads(memory.get("/tls", "Connection: close").body())

    def test_facts(self):
        for version in VERSIONS:
            memory, facts = self.tls(trusting(self.origin, version))
            self.assertEqual((facts["version"], facts["resumed"], facts["alpn"]), (version, False, None))
            self.assertRegex(facts["cipher"], "AES|CHACHA")
            self.assertEqual(memory.tls.version(), "TLSv" + version)

    def test_alpn(self):
        for offered, agreed in ((["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1")):
            context = trusting(self.origin)
            context.set_alpn_protocols(offered)
            memory, facts = self.tls(context)
            self.assertEqual((memory.tls.selected_alpn_protocol(), facts["alpn"]), (agreed, agreed))

    def test_resumption(self):
        for version in VERSIONS:
            with self.subTest(version):
                context = trusting(self.origin, version)
                first, facts = self.tls(context)
                self.assertFalse(facts["resumed"])
                second, facts = self.tls(context, first.tls.session)
                self.assertTrue(second.tls.session_reused)
                self.assertEqual((facts["resumed"], facts["version"]), (True, version))

    def test_stats(self):
        before = self.json("/stats")["tls"]
        self.tls()
        after = self.json("/stats")["tls"]
        self.assertEqual(after["handshakes"], before["handshakes"] + 2)
        self.assertEqual(after["failed"], before["failed"])


class ClientsTest(origin_test.OriginCase):
    """curl, whose TLS may be another library's, and OpenSSL's own client."""

    options = ("--tls", "--threads", 1)

    def curl(self, path, *options, exit=0):
        url = f"https://127.0.0.1:{self.origin.port}{path}"
        command = ["curl", "-sS", "--max-time", str(LIMIT), "--cacert", authority(self.origin), *options, url]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual(run.returncode, exit, run.stderr)
        return run.stdout

    def test_curl(self):
        for version in VERSIONS:
            only = f"--tlsv{version}", "--tls-max", version
            with self.subTest(version):
                self.assertEqual(self.curl("/bytes/100", *only), pattern(100))
                self.assertTrue(self.curl("/bytes/1M", *only) == pattern(1 << 20))
                self.assertTrue(self.curl("/chunked/100000?trailers=1", *only) == pattern(100000))
                self.assertTrue(self.curl("/close/100000", *only) == pattern(100000))
                self.assertEqual(self.curl("/delay/0.05", *only), b"here at last\n")
                self.assertEqual(self.curl("/slow-head?delay=0.001", *only), b"done\n")
                self.assertEqual(self.curl("/interim/3", *only), b"final\n")
                self.assertEqual(self.curl("/redirect/3", "-L", *only), pattern(2))
                self.curl("/truncate/1000", *only, exit=18)
                self.curl("/reset", *only, exit=56)

    def test_curl_uploads(self):
        body = os.urandom(3 << 20)
        for options in ((), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue")):
            command = ["curl", "-sS", "--cacert", authority(self.origin), "--max-time", str(LIMIT), *options]
            command += ["--data-binary", "@-", f"https://localhost:{self.origin.port}/echo/body"]
            got = subprocess.run(command, input=body, stdout=subprocess.PIPE, check=True).stdout
            self.assertTrue(got == body, options)

    def test_curl_keeps_its_connection(self):
        url = f"https://localhost:{self.origin.port}/bytes/[1-50]"
        command = ["curl", "-sS", "--cacert", authority(self.origin), "-o", "/dev/null", "-w", "%{num_connects} ", url]
        got = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(sum(map(int, got.split())), 1)

    def test_curl_without_the_authority(self):
        url = f"https://127.0.0.1:{self.origin.port}/s"
        run = subprocess.run(["curl", "-sS", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual(run.returncode, 60)

    def s_client(self, *options):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.origin.port}", "-ign_eof", *options]
        command += ["-CAfile", authority(self.origin), "-verify_return_error"]
        request = b"GET /tls HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        run = subprocess.run(command, input=request, capture_output=True, timeout=LIMIT, check=True)
        return run.stdout

    def test_s_client_resumes(self):
        with tempfile.TemporaryDirectory(prefix="rf-origin-") as place:
            for version in ("-tls1_2", "-tls1_3"):
                session = os.path.join(place, version)
                first = self.s_client(version, "-sess_out", session)
                self.assertIn(b"Verify return code: 0", first)
                self.assertIn(b'"resumed": false', first)
                self.assertIn(b'"resumed": true', self.s_client(version, "-sess_in", session))


# ---- the certificate and the command ----------------------------------------------------------------------------


class CertificateTest(harness.Case):
    def start_origin(self, *options):
        return self.start(harness.Origin("--tls", "--threads", 1, *options))

    def greet(self, origin, name):
        with socket.create_connection((origin.host, origin.port), timeout=LIMIT) as plain:
            trusting(origin).wrap_socket(plain, server_hostname=name).close()

    def assert_good_for(self, origin, *names):
        for name in names:
            with self.subTest(name):
                self.greet(origin, name)

    def test_names(self):
        origin = self.start_origin("--tls-name", "a.test", "--tls-name", "*.b.test", "--tls-name", "192.0.2.7")
        self.assert_good_for(origin, "localhost", "127.0.0.1", "::1", "a.test", "c.b.test", "192.0.2.7")
        for name in ("b.test", "d.c.b.test", "192.0.2.8"):
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.greet(origin, name)

    def test_wildcard_of_localhost(self):
        # OpenSSL doesn't take a wildcard below a single label, so its word does not count here.
        origin = self.start_origin()
        context = trusting(origin)
        context.check_hostname = False
        with socket.create_connection((origin.host, origin.port), timeout=LIMIT) as plain:
            with context.wrap_socket(plain, server_hostname="x.localhost") as tls:
                certificate = tls.getpeercert()
        self.assertIn(("DNS", "*.localhost"), certificate["subjectAltName"])

    def test_address_is_one_of_them(self):
        origin = self.start_origin("--address", "127.0.0.9")
        self.assert_good_for(origin, "127.0.0.9", "localhost")

    def test_bad_name(self):
        run = self.ringfetch("serve", "--tls", "--tls-name", "a b", exit=2)
        self.assertEqual(len(run.err.splitlines()), 1, run)
        self.assertIn("a b", run.err)

    def test_authority_comes_and_goes(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            origin = self.start_origin()
            self.assertRegex(origin.lines[0], r"^ringfetch serve: listening on https://127\.0\.0\.1:\d+\n$")
            path = authority(origin)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
            with open(path, encoding="ascii") as file:
                self.assertEqual(file.read().count("BEGIN CERTIFICATE"), 1)
            origin.process.send_signal(how)
            self.assertEqual(origin.process.wait(LIMIT), 0)
            self.assertFalse(os.path.exists(path))

    def test_authority_is_kept_on_request(self):
        path = self.path("ca.pem")
        origin = harness.Origin("--tls", "--tls-ca", path)
        origin.start()
        self.assertEqual(authority(origin), path)
        self.assert_good_for(origin, "localhost")
        origin.stop()
        self.assertIn(b"BEGIN CERTIFICATE", self.read("ca.pem"))

    def test_certificate_of_the_users_own(self):
        key, cert = self.path("key.pem"), self.path("cert.pem")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-keyout", key, "-out", cert, "-subj", "/CN=own", "-addext", "subjectAltName=DNS:own.test"]
        subprocess.run(command, stderr=subprocess.DEVNULL, check=True)
        origin = self.start_origin("--cert", cert, "--key", key)
        context = ssl.create_default_context(cafile=cert)
        with socket.create_connection((origin.host, origin.port), timeout=LIMIT) as plain:
            context.wrap_socket(plain, server_hostname="own.test").close()
        both = self.write("both.pem", self.read("cert.pem") + self.read("key.pem"))
        self.start_origin("--cert", both)
        origin.stop()
        self.assertNotIn("--cacert", "".join(origin.lines))
        origin.start()  # for the clean-up
        other = self.write("other.pem", "nonsense")
        run = self.ringfetch("serve", "--tls", "--cert", other, "--key", key, exit=4)
        self.assertIn("other.pem", run.err)

    def test_ends_with_connections_open(self):
        origin = harness.Origin("--tls", "--threads", 3)
        origin.start()
        context = trusting(origin)
        held = [Memory(origin, context) for _ in range(10)]
        paths = ("/delay/60", "/hang", "/bytes/1G", "/s", "/drip?delay=0")
        for memory, path in zip(held, paths):
            memory.get(path)
        plain = [socket.create_connection((origin.host, origin.port), timeout=LIMIT) for _ in range(3)]
        plain[0].sendall(b"\x16\x03\x01")

        def count():
            memory = Memory(origin, context).get("/stats", "Connection: close")
            body = memory.body()
            memory.close()
            return json.loads(body)["requests"]

        harness.wait_until(lambda: count() > len(paths), 5, "all requests")
        origin.process.send_signal(signal.SIGTERM)
        code = origin.process.wait(LIMIT)
        origin.stop()
        for memory in (*held, *plain):
            memory.close()
        self.assertEqual(code, 0)
        self.assertRegex(origin.lines[-1], r"serve: \d+ connections, \d+ requests")

    def test_many_connections(self):
        origin = self.start(harness.Origin("--tls", "--threads", 2))
        context = trusting(origin)
        held = [Memory(origin, context) for _ in range(200)]
        for memory in held:
            memory.get("/delay/0.2", "Connection: close")
        for memory in held:
            self.assertEqual(memory.body(), b"here at last\n")
            self.assertEqual(memory.end, "notify")
            memory.close()


if __name__ == "__main__":
    harness.main()
