# SPDX-License-Identifier: GPL-3.0-or-later
"""get_tls_load_test.py: https for real work: many files, large bodies both ways, slow readers, redirects, addresses, resume."""

import hashlib
import os
import time

import harness
from tls_servers import Https, TlsCase
from web import Web


class BulkTest(TlsCase):
    def test_files(self):
        nginx = self.start(Https("good", connections=2048))
        names = [f"file{i}" for i in range(500)]
        contents = {name: os.urandom(1 + 37 * i) for i, name in enumerate(names)}
        for name, content in contents.items():
            nginx.put(name, content)
        self.get(*self.to(nginx), "-j", 100, "--per-host", 100, "https://good.test/file[0-499]", output=["files:" + self.path("out")])
        self.assertEqual(self.files("out"), sorted(names))
        for name, content in contents.items():
            self.assertEqual(self.read("out", name), content, name)

    def test_handshakes_at_once(self):
        """A thousand at one server; each request is a connection."""
        nginx = self.start(Https("good", server="keepalive_timeout 0;", connections=2100))
        args = ["-j", 1000, "--per-host", 1000, "--connect-timeout", 30 * harness.SLOW, "--no-sessionid"]
        records = self.get(*self.to(nginx), *args, "https://good.test/show?[1-1000]")
        self.assertEqual({(one["status"], one["reused"], one["tls"]["resumed"]) for one in records}, {(200, False, False)})

    def test_a_large_body(self):
        nginx = self.start(Https("good"))
        content = os.urandom(1 << 20) * 48
        nginx.put("large", content)
        for version in ("1.2", "1.3"):
            out = self.path(version)
            self.get(*self.to(nginx), "--tls-max", version, "https://good.test/large", output=["files:" + out])
            self.assertEqual(hashlib.sha256(self.read(version, "large")).digest(), hashlib.sha256(content).digest())

    def test_many_hosts(self):
        nginx = self.start(Https("wildcard", connections=2048))
        hosts = [f"https://h{i}.wild.test/show" for i in range(300)]
        records = self.get(*self.to(nginx), "-j", 100, "-i", "-", input="\n".join(hosts))
        self.assertEqual({one["tls"]["verify"] for one in records}, {"ok"})
        self.assertEqual(len(records), 300)


class UploadTest(TlsCase):
    def setUp(self):
        super().setUp()
        answer = lambda request: hashlib.sha256(request.body).hexdigest()
        self.web = self.start(Web(answer, tls=self.pki.context("good")))

    def check(self, content, *args):
        path = self.write("content", content)
        out, (one,) = self.body(*args, "-d", "@" + path, self.web.url())
        # -d drops line ends, as curl's does.
        self.assertEqual(out, hashlib.sha256(content).hexdigest())
        self.assertEqual(self.web.requests[-1].method, "POST")

    def bytes_without_line_ends(self, count):
        return os.urandom(65536).replace(b"\n", b"x").replace(b"\r", b"y").replace(b"\0", b"z") * (count // 65536)

    def test_nothing(self):
        self.check(b"")

    def test_a_mebibyte(self):
        for version in ("1.2", "1.3"):
            self.check(self.bytes_without_line_ends(1 << 20), "--tls-max", version)

    def test_forty_mebibytes(self):
        self.check(self.bytes_without_line_ends(40 << 20))

    def test_to_nginx(self):
        """In as many records as nginx likes to read, each answered by what it received."""
        nginx = self.start(Https("good", server="client_max_body_size 64m; dav_methods PUT;"))
        content = self.bytes_without_line_ends(1 << 20)
        path = self.write("content", content)
        self.get(*self.to(nginx), "-X", "PUT", "-d", "@" + path, "https://good.test/there")
        with open(os.path.join(nginx.dir, "html", "there"), "rb") as file:
            self.assertEqual(file.read(), content)

    def test_refused_early(self):
        """A server that answers, and closes, before it has read the body."""

        def behave(connection):
            connection.read_head()
            connection.answer("no", "413 Too Large", ["Connection: close"])
            connection.say_goodbye()
            connection.wait_for_close()

        liar = self.start(harness.Liar(behave, tls=self.pki.context("good")))
        path = self.write("content", self.bytes_without_line_ends(8 << 20))
        (one,) = self.get("-d", "@" + path, liar.url(), exit=1)
        self.assertEqual(one["status"], 413, one)


class FlowTest(TlsCase):
    CONTENT = bytes(range(256)) * 4096 * 16

    def setUp(self):
        super().setUp()
        self.nginx = self.start(Https("good"))
        self.nginx.put("large", self.CONTENT)

    def test_a_slow_reader_of_stdout(self):
        args = ["get", "-s", "--output", "stdout", "--cacert", self.pki["root"].cert, *self.to(self.nginx)]
        with harness.ringfetch_start(*args, "https://good.test/large?[1-3]") as process:
            digest, count = hashlib.sha256(), 0
            while piece := os.read(process.stdout.fileno(), 20000 if count < 2000000 else 1 << 20):
                digest.update(piece)
                count += len(piece)
                if count < 2000000:
                    time.sleep(0.001)
            process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(digest.digest(), hashlib.sha256(self.CONTENT * 3).digest())

    def test_a_reader_that_stops(self):
        """While nobody reads, the server's data must stay with the server."""
        args = ["get", "-s", "--output", "stdout", "--cacert", self.pki["root"].cert, "--stall-time", "0.3", *self.to(self.nginx)]
        with harness.ringfetch_start(*args, "https://good.test/large?[1-20]") as process:
            got = len(os.read(process.stdout.fileno(), 1000))
            time.sleep(0.6)
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
            out, _ = process.communicate()
        self.assertEqual((process.returncode, got + len(out)), (0, 20 * len(self.CONTENT)))
        if not harness.is_sanitized():
            self.assertLess(resident, 200000)

    def test_limit_rate(self):
        self.nginx.put("part", self.CONTENT[:1000000])
        began = time.monotonic()
        out, (one,) = self.body(*self.to(self.nginx), "--limit-rate", "1M", "https://good.test/part")
        took = time.monotonic() - began
        self.assertEqual(one["body_bytes"], 1000000)
        self.assertGreater(took, 0.7)
        self.assertLess(took, 3 * harness.SLOW)

    def test_max_filesize(self):
        (one,) = self.get(*self.to(self.nginx), "--max-filesize", "100k", "https://good.test/large", exit=1)
        self.assertEqual(one["error"]["kind"], "too-large")


class ResumeTest(TlsCase):
    def test_a_file_cut_short(self):
        content = os.urandom(300000)
        cut = [True]

        def respond(request):
            fields = ['ETag: "one"', "Accept-Ranges: bytes"]
            if cut:
                cut.clear()
                head = "\r\n".join(["HTTP/1.1 200 OK", *fields, f"Content-Length: {len(content)}", "", ""])
                request.connection.send(head.encode() + content[:200000])
                return None
            first = int(request.fields["range"].removeprefix("bytes=").rstrip("-"))
            fields.append(f"Content-Range: bytes {first}-{len(content) - 1}/{len(content)}")
            return "206 Partial Content", fields, content[first:]

        web = self.start(Web(respond, tls=self.pki.context("good")))
        args = ["--on-exist", "resume", web.url("/file")]
        (one,) = self.get(*args, output=["files:" + self.path("out")], exit=1)
        self.fails(one, "body", "truncated")
        self.assertEqual(one["tls"]["verify"], "ok")
        self.get(*args, output=["files:" + self.path("out")])
        self.assertEqual(self.read("out", "file"), content)
        first = int(web.requests[1].fields["range"].removeprefix("bytes=").rstrip("-"))
        self.assertGreater(first, 0)
        self.assertEqual(web.requests[1].fields["if-range"], '"one"')


class WayTest(TlsCase):
    def setUp(self):
        super().setUp()
        self.secure = self.start(Web(self.respond, tls=self.pki.context("good")))
        self.plain = self.start(Web(self.respond))

    def respond(self, request):
        places = {"/up": self.secure.url("/end"), "/down": self.plain.url("/end"), "/both": self.plain.url("/up")}
        if request.path in places:
            return "302 x", ["Location: " + places[request.path]], ""
        return "the end"

    def test_redirects(self):
        for url, end in ((self.plain.url("/up"), self.secure), (self.secure.url("/down"), self.plain), (self.secure.url("/both"), self.secure)):
            out, (one,) = self.body(url)
            self.assertEqual((out, one["final_url"]), ("the end", end.url("/end")))
            self.assertEqual(one["tls"] is not None, end is self.secure)

    def test_a_redirect_to_a_host_that_fails(self):
        nginx = self.start(Https("expired"))
        web = self.start(Web(lambda request: ("302 x", ["Location: https://expired.test/"], "")))
        (one,) = self.get("--connect-to", f"expired.test:443:127.0.0.1:{nginx.port}", web.url(), exit=1)
        self.fails(one, "tls", "expired")
        self.assertEqual((len(one["redirects"]), one["final_url"]), (1, "https://expired.test/"))

    def test_secrets_stay_with_https(self):
        self.get("-u", "me:secret", "-H", "Cookie: c=secret", self.secure.url("/down"))
        self.assertIn("authorization", self.secure.requests[0].fields)
        for name in ("authorization", "cookie"):
            self.assertNotIn(name, self.plain.requests[0].fields)

    def test_the_first_address_is_dead(self):
        port = self.secure.port
        for dead in ("127.0.0.9", "127.0.0.9,127.0.0.10"):
            resolve = ["--resolve", f"good.test:{port}:{dead},127.0.0.1"]
            (one,) = self.get(*resolve, f"https://good.test:{port}/end")
            self.assertEqual((one["ip"], one["tls"]["verify"], one["attempts"]), ("127.0.0.1", "ok", 1))

    def test_the_first_address_refuses_by_certificate(self):
        """What one address says of itself is the answer: another one is not asked."""
        port = self.secure.port
        (one,) = self.get("--resolve", f"wrong.test:{port}:127.0.0.1,127.0.0.1", f"https://wrong.test:{port}/", exit=1)
        self.fails(one, "tls", "wrong-host")
        self.assertEqual(self.secure.count, 1)

    def test_default_ports(self):
        to = ["--connect-to", f"good.test:443:127.0.0.1:{self.secure.port}"]
        (one,) = self.get(*to, "https://good.test/end")
        self.assertEqual((one["final_url"], self.secure.requests[0].fields["host"]), ("https://good.test/end", "good.test"))
        self.get(self.secure.url("/end"))
        self.assertEqual(self.secure.requests[1].fields["host"], f"127.0.0.1:{self.secure.port}")

    def test_head(self):
        (one,) = self.get("-I", self.secure.url("/end"))
        self.assertEqual((self.secure.requests[0].method, one["ok"], one["body_bytes"]), ("HEAD", True, 0))


if __name__ == "__main__":
    harness.main()
