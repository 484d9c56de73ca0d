# SPDX-License-Identifier: GPL-3.0-or-later
"""tls_servers.py: what the tests of https share: nginx with many certificates, openssl s_server, a proxy that cuts, TlsCase.

Names that end in .test need no resolver: TlsCase.to(server) is the --connect-to that leads all of them to one server, while
SNI, verification and Host stay with the URL. Nothing but loopback is ever asked. pki.py makes the certificates.
"""

import fcntl
import json
import os
import queue
import random
import socket
import struct
import subprocess
import termios
import threading

import harness
import pki


def path_of(text):
    """In nginx's configuration."""
    return '"' + text + '"'


class Https(harness.Nginx):
    """nginx that serves the certificates named, each under its host and names below that; the first one is for who sends no SNI.

    `server` goes into every server block, `more` maps a name to what goes into that one only.
    """

    scheme, listen = "https", " ssl default_server"
    SHOW = "location /show { return 200 $ssl_server_name,$ssl_alpn_protocol,$ssl_protocol,$ssl_cipher,$ssl_session_reused,$ssl_curve; }"

    def __init__(self, *names, server="", http="", more=None, **options):
        self.pki = pki.shared()
        self.env = {"OPENSSL_CONF": self.pki.lax_config}
        self.common, self.more = self.SHOW + " " + server, more or {}
        first, *others = names or ("good",)
        blocks = "".join(
            f"server {{ listen 127.0.0.1:{{port}} ssl; root {{dir}}/html; {self._block(name)} }}\n" for name in others
        )
        super().__init__(self._block(first), "ssl_protocols TLSv1.2 TLSv1.3;\n" + http + "\n" + blocks, **options)

    def _block(self, name):
        cert = self.pki[name]
        block = f"server_name .{cert.host}; ssl_certificate {path_of(cert.chain)}; ssl_certificate_key {path_of(cert.key)};"
        return block + self.common + self.more.get(name, "")


class SServer(harness.Server):
    """openssl s_server, which does what nginx can't: tell("K\\n") asks for new keys, other text is sent to the client."""

    scheme = "https"

    def __init__(self, *args, cert="good", cwd=None):
        self.cert, self.args, self.cwd = pki.shared()[cert], [str(arg) for arg in args], cwd

    def start(self):
        files = ["-cert", self.cert.cert, "-cert_chain", self.cert.chain, "-key", self.cert.key]
        self.process = subprocess.Popen(
            [pki.OPENSSL, "s_server", "-accept", "127.0.0.1:0", *files, *self.args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.cwd,
        )
        self._lines = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.port = int(self.wait_for("ACCEPT ").rpartition(":")[2])

    def _listen(self):
        for line in self.process.stdout:
            self._lines.put(line.decode("latin-1").rstrip("\r\n"))
        self._lines.put(None)

    def wait_for(self, beginning):
        """The next line of its output that begins so (with "": the next empty one)."""
        seen = []
        while True:
            line = self._lines.get(timeout=10 * harness.SLOW)
            if line is None:
                raise AssertionError("s_server ended:\n" + "\n".join(seen))
            if line.startswith(beginning) and (beginning or not line):
                return line
            seen.append(line)

    def tell(self, text):
        """What arrives in one read either is one command or goes to the client: so wait until it has been read."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        unread = lambda: struct.unpack("i", fcntl.ioctl(self.process.stdin, termios.FIONREAD, bytes(4)))[0]
        harness.wait_until(lambda: not unread() or self.process.poll() is not None, 10, "s_server reading")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self._listener.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Cutter(harness.Liar):
    """A TCP proxy that passes bytes on in pieces of `sizes`, each in a segment of its own. After `limit` bytes for the client it
    stops, and does `end` to it: "close", "reset" or "stall"."""

    def __init__(self, port, sizes=(1, 7), limit=None, end="close"):
        super().__init__(self._forward)
        self.target, self.sizes, self.limit, self.end = port, sizes, limit, end

    def _forward(self, connection):
        random_sizes = random.Random(connection.number)
        client = connection.socket
        with socket.create_connection((self.host, self.target)) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            up = threading.Thread(target=self._pump, args=(client, server, random_sizes, None), daemon=True)
            up.start()
            if self._pump(server, client, random_sizes, self.limit) and self.end == "stall":
                up.join()
            # A socket that a thread is reading stays open whoever closes it; this wakes the thread.
            with harness.contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RD)
            up.join()
            if self.end == "reset":
                connection.reset()

    def _pump(self, source, sink, random_sizes, limit):
        """True when the limit was reached, False at the end of what came."""
        passed = 0
        with harness.contextlib.suppress(OSError):
            while data := source.recv(65536):
                data = data if limit is None else data[: limit - passed]
                while data:
                    size = random_sizes.randint(*self.sizes)
                    sink.sendall(data[:size])
                    passed, data = passed + len(data[:size]), data[size:]
                if passed == limit:
                    return True
            sink.shutdown(socket.SHUT_WR)
        return False


class TlsCase(harness.Case):
    """get() returns the records by n. It trusts pki's root, unless told otherwise by cacert, and does not try again."""

    def setUp(self):
        super().setUp()
        self.pki = pki.shared()

    def to(self, server):
        return ("--connect-to", f"::127.0.0.1:{getattr(server, 'port', server)}")

    def library_is_ours(self):
        """Whether tools/dev/build-wolfssl built wolfSSL: the system's knows less of TLS 1.2's tickets and key logs."""
        return "built for ringfetch" in self.ringfetch("info").out

    def get(self, *args, exit=0, cacert="root", output=("null",), **options):
        trust = ["--cacert", self.pki[cacert].cert] if cacert else []
        outputs = [word for one in output for word in ("--output", one)]
        run = self.ringfetch("get", "-s", *outputs, "--output", "jsonl:-", "--retry", 0, *trust, *args, exit=exit, **options)
        return sorted(run.records, key=lambda record: record["n"])

    def body(self, *args, exit=0, cacert="root", **options):
        """(the body or bodies on stdout, the records by n)"""
        trust = ["--cacert", self.pki[cacert].cert] if cacert else []
        outputs = ["--output", "stdout", "--output", "jsonl:" + self.path("records")]
        run = self.ringfetch("get", "-s", *outputs, "--retry", 0, *trust, *args, exit=exit, **options)
        records = [json.loads(line) for line in self.read("records").splitlines()]
        os.unlink(self.path("records"))
        return run.out, sorted(records, key=lambda record: record["n"])

    def fails(self, record, stage, *kinds):
        """The record failed there, in one of these ways, and by the server's fault."""
        error = record["error"]
        self.assertIsNotNone(error, record)
        self.assertEqual(error["stage"], stage, record)
        self.assertIn(error["kind"], kinds, record)
        self.assertEqual((record["ok"], error["fault"]), (False, "target"), record)
        self.assertTrue(error["detail"], record)
