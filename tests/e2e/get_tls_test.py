# SPDX-License-Identifier: GPL-3.0-or-later
"""get_tls_test.py: the protocol: versions, ciphers, groups, SNI, ALPN, resumption, key logs, KeyUpdate, renegotiation."""

import collections
import os
import re
import socket

import harness
from tls_servers import Cutter, Https, SServer, TlsCase
from web import Web

RSA_AND_CBC = "ECDHE-RSA-AES128-SHA256"


def only(version):
    return ["--tls-min", version, "--tls-max", version]


class VersionTest(TlsCase):
    def show(self, nginx, *args, exit=0):
        out, (record,) = self.body(*self.to(nginx), *args, "https://good.test/show", exit=exit)
        return out.split(","), record

    def test_what_the_server_has(self):
        for version in ("1.2", "1.3"):
            with self.subTest(version=version), Https("good", server=f"ssl_protocols TLSv{version};") as nginx:
                said, record = self.show(nginx)
                self.assertEqual((said[2], record["tls"]["version"]), ("TLSv" + version, version))
                self.assertEqual(self.show(nginx, *only(version))[1]["tls"]["version"], version)
                other = "1.2" if version == "1.3" else "1.3"
                _, record = self.show(nginx, *only(other), exit=1)
                self.fails(record, "tls", "protocol-mismatch")

    def test_what_the_client_allows(self):
        nginx = self.start(Https("good"))
        for args, version in (([], "1.3"), (["--tls-max", "1.2"], "1.2"), (["--tls-min", "1.3"], "1.3"), (only("1.2"), "1.2")):
            with self.subTest(args):
                said, record = self.show(nginx, *args)
                self.assertEqual((said[2], record["tls"]["version"]), ("TLSv" + version, version))

    def test_old_versions_are_not_spoken(self):
        for version in ("-tls1", "-tls1_1"):
            with self.subTest(version), SServer("-www", version, "-cipher", "ALL@SECLEVEL=0") as server:
                (record,) = self.get(*self.to(server), "https://good.test/", exit=1)
                self.fails(record, "tls", "protocol-mismatch")

    def test_contradictions_are_refused(self):
        for args in (["--tls-min", "1.3", "--tls-max", "1.2"], ["--tls-min", "1.1"], ["--tls-max", "x"]):
            run = self.ringfetch("get", *args, "https://good.test/", exit=2)
            self.assertEqual(len(run.err.splitlines()), 1, run)

    def test_ciphers_of_1_2(self):
        """By the server's choice; the record has the standard's name."""
        names = {
            "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            RSA_AND_CBC: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
            "DHE-RSA-AES128-GCM-SHA256": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        }
        for name, standard in names.items():
            cert = "good" if "ECDSA" in name else "rsa2048"
            with self.subTest(name), SServer("-www", "-tls1_2", "-cipher", name, cert=cert) as server:
                args = [*self.to(server), f"https://{cert}.test/"]
                (record,) = self.get(*args, exit=None)
                if record["ok"]:
                    self.assertEqual(record["tls"]["cipher"], standard)
                    self.get("--ciphers", name, *args)
                else:
                    # Not everything that is old need be offered, but what public sites need is.
                    self.assertIn(name, (RSA_AND_CBC, "DHE-RSA-AES128-GCM-SHA256"))
                    self.fails(record, "tls", "protocol-mismatch")

    def test_ciphers_of_1_3(self):
        for name in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
            with self.subTest(name), SServer("-www", "-ciphersuites", name) as server:
                (record,) = self.get(*self.to(server), "https://good.test/")
                self.assertEqual((record["tls"]["version"], record["tls"]["cipher"]), ("1.3", name))

    def test_ciphers_asked_for(self):
        nginx = self.start(Https("good", server="ssl_prefer_server_ciphers off;"))
        said, _ = self.show(nginx, "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256", *only("1.2"))
        self.assertEqual(said[3], "ECDHE-ECDSA-AES256-GCM-SHA384")
        said, _ = self.show(nginx, "--ciphers", "TLS_CHACHA20_POLY1305_SHA256", *only("1.3"))
        self.assertEqual(said[3], "TLS_CHACHA20_POLY1305_SHA256")

    def test_no_cipher_in_common(self):
        nginx = self.start(Https("good", server="ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;"))
        _, record = self.show(nginx, "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384", *only("1.2"), exit=1)
        self.fails(record, "tls", "protocol-mismatch")

    def test_unknown_ciphers_are_refused(self):
        run = self.ringfetch("get", "--ciphers", "NO-SUCH-CIPHER", "https://good.test/", exit=2)
        self.assertIn("NO-SUCH-CIPHER", run.err)

    def test_groups(self):
        """A server that wants another group than the client guessed asks again: HelloRetryRequest."""
        for group in ("X25519", "P-256", "P-384", "P-521"):
            for version in ("-tls1_3", "-tls1_2"):
                with self.subTest(group=group, version=version), SServer("-www", version, "-groups", group) as server:
                    (record,) = self.get(*self.to(server), "https://good.test/")
                    self.assertTrue(record["ok"])

    def test_no_group_in_common(self):
        server = self.start(SServer("-www", "-tls1_3", "-groups", "X448"))
        (record,) = self.get(*self.to(server), "https://good.test/", exit=1)
        self.fails(record, "tls", "protocol-mismatch", "tls-alert")

    def test_cheap_groups_come_first(self):
        nginx = self.start(Https("good"))
        for version in ("1.2", "1.3"):
            self.assertIn(self.show(nginx, *only(version))[0][5], ("X25519", "prime256v1"))


class NameTest(TlsCase):
    def setUp(self):
        super().setUp()
        self.nginx = self.start(Https("good", "other", "idn"))

    def shown(self, url, *args):
        out, _ = self.body(*args, url)
        return out.split(",")

    def test_sni_and_alpn(self):
        hosts = {"good.test": "good.test", "other.test": "other.test", "GOOD.test": "good.test"}
        hosts |= {"bücher.test": "xn--bcher-kva.test", "good.test.": "good.test"}
        for host, name in hosts.items():
            for version in ("1.2", "1.3"):
                with self.subTest(host, version=version):
                    said = self.shown(f"https://{host}/show", *self.to(self.nginx), *only(version))
                    self.assertEqual(said[:2], [name, "http/1.1"])

    def test_no_sni_for_addresses(self):
        self.assertEqual(self.shown(self.nginx.url("/show"))[0], "")
        self.assertEqual(self.shown("https://[::1]/show", "-g", *self.to(self.nginx))[0], "")

    def test_resolve_keeps_the_name(self):
        resolve = ["--resolve", f"good.test:{self.nginx.port}:127.0.0.1"]
        self.assertEqual(self.shown(f"https://good.test:{self.nginx.port}/show", *resolve)[0], "good.test")

    def test_connect_to_keeps_the_name(self):
        """Also where it leads to a name that the certificate would be for."""
        to = ["--connect-to", f"wrong.test:443:good.test:{self.nginx.port}"]
        to += ["--resolve", f"good.test:{self.nginx.port}:127.0.0.1"]
        (record,) = self.get(*to, "https://wrong.test/show", exit=1)
        self.fails(record, "tls", "wrong-host")
        to = ["--connect-to", f"good.test:443:wrong.test:{self.nginx.port}", "--resolve", f"wrong.test:{self.nginx.port}:127.0.0.1"]
        self.assertEqual(self.shown("https://good.test/show", *to)[0], "good.test")

    def test_the_host_field_decides_nothing(self):
        (record,) = self.get(*self.to(self.nginx), "-H", "Host: good.test", "https://wrong.test/show", exit=1)
        self.fails(record, "tls", "wrong-host")

    def test_hosts_at_one_address_share_no_connection(self):
        out, records = self.body(*self.to(self.nginx), "-j", 1, "-t", 1, "--ordered", *2 * ["https://{good,other}.test/show"])
        self.assertEqual([record["reused"] for record in records], [False, False, True, True])
        self.assertEqual([record["tls"]["subject"].partition(",")[0] for record in records], 2 * ["CN=good.test", "CN=other.test"])

    def test_unix_socket(self):
        nginx = self.start(Https("good", server="listen unix:{dir}/socket ssl;"))
        args = ["--unix-socket", os.path.join(nginx.dir, "socket")]
        self.assertEqual(self.shown("https://good.test/show", *args)[0], "good.test")
        (record,) = self.get(*args, "https://wrong.test/show", exit=1)
        self.fails(record, "tls", "wrong-host")

    def test_https_and_http_of_one_port_are_two_origins(self):
        """nginx answers 400 to plain HTTP on a port of TLS; neither connection may serve the other scheme."""
        urls = [f"{scheme}://good.test:{self.nginx.port}/show" for scheme in ("https", "http", "https")]
        records = self.get(*self.to(self.nginx), "-j", 1, "-t", 1, *urls, exit=1)
        self.assertEqual([record["status"] for record in records], [200, 400, 200])


class ResumptionTest(TlsCase):
    """Every request needs a connection. The server says "r" where it resumed a session."""

    SESSIONS = "ssl_session_cache shared:all:1m;"

    def start_nginx(self, server="", *names):
        return self.start(Https("good", *names, server="keepalive_timeout 0;" + server))

    def visits(self, nginx, *args, count=3, url="https://good.test/show"):
        args = [*self.to(nginx), "-j", 1, "-t", 1, "--ordered", *args]
        out, records = self.body(*args, f"{url}?[1-{count}]")
        server = [answer.split(",")[4] for answer in out.replace("good.test,", "\ngood.test,").split()]
        self.assertEqual([record["reused"] for record in records], [False] * count)
        said = [record["tls"]["resumed"] for record in records]
        self.assertEqual(said, [one == "r" for one in server])
        return said, records

    def test_tickets(self):
        said, records = self.visits(self.start_nginx("ssl_session_cache none;"), *only("1.3"))
        self.assertEqual(said, [False, True, True])
        for record in records:
            self.assertEqual(record["tls"]["fingerprint"], self.pki["good"].fingerprint)
            self.assertEqual((record["tls"]["verify"], record["tls"]["version"]), ("ok", "1.3"))
            self.assertIsNotNone(record["tls"]["cipher"])

    def test_tickets_of_1_2(self):
        """With nginx's default, and beside a cache of sessions with an ID."""
        if not self.library_is_ours():
            self.skipTest("this library has sessions with an ID only")
        for sessions in ("ssl_session_cache none;", "ssl_session_cache off;", self.SESSIONS):
            with self.subTest(sessions):
                said, records = self.visits(self.start_nginx(sessions), *only("1.2"))
                self.assertEqual(said, [False, True, True])
                self.assertEqual({record["tls"]["fingerprint"] for record in records}, {self.pki["good"].fingerprint})
                self.assertEqual({record["tls"]["verify"] for record in records}, {"ok"})

    def test_session_ids(self):
        nginx = self.start_nginx("ssl_session_tickets off;" + self.SESSIONS)
        self.assertEqual(self.visits(nginx, *only("1.2"))[0], [False, True, True])

    def test_stateful_tickets(self):
        nginx = self.start_nginx("ssl_session_tickets off;" + self.SESSIONS)
        self.assertEqual(self.visits(nginx, *only("1.3"))[0], [False, True, True])

    def test_a_server_that_keeps_none(self):
        nginx = self.start_nginx("ssl_session_tickets off; ssl_session_cache off;")
        for version in ("1.2", "1.3"):
            self.assertEqual(self.visits(nginx, *only(version))[0], [False, False, False])

    def test_not_wanted(self):
        nginx = self.start_nginx()
        for version in ("1.2", "1.3"):
            self.assertEqual(self.visits(nginx, "--no-sessionid", *only(version))[0], [False, False, False])

    def test_insecure(self):
        nginx = self.start_nginx()
        said, records = self.visits(nginx, "-k")
        self.assertEqual(said, [False, True, True])
        self.assertEqual({record["tls"]["verify"] for record in records}, {"off"})

    def test_a_refused_certificate_leaves_no_session(self):
        nginx = self.start_nginx()
        records = self.get(*self.to(nginx), "-j", 1, "-t", 1, "https://wrong.test/show?[1-3]", exit=1)
        for record in records:
            self.fails(record, "tls", "wrong-host")
            self.assertFalse(record["tls"]["resumed"])

    def test_hosts_and_ports_share_no_sessions(self):
        nginx = self.start_nginx(self.SESSIONS, "other")
        args = [*self.to(nginx), "-j", 1, "-t", 1]
        urls = ["https://good.test/show", "https://www.good.test/show", "https://other.test/show", "https://good.test:444/show"]
        records = self.get(*args, *urls, *urls)
        self.assertEqual([record["tls"]["resumed"] for record in records], [False] * 4 + [True] * 4)
        self.assertEqual(records[6]["tls"]["fingerprint"], self.pki["other"].fingerprint)

    def turns(self, servers, *args, count=6, exit=0):
        """The records of visits to one address, where the servers answer by turns, a connection each."""
        proxies = [Cutter(server.port, (5000, 9000)) for server in servers]
        door = self.start(harness.Liar(lambda connection: proxies[connection.number % len(servers)]._forward(connection)))
        return self.get(*self.to(door), "-j", 1, "-t", 1, *args, f"https://good.test/show?[1-{count}]", exit=exit)

    def test_a_server_that_has_forgotten(self):
        """Servers with keys of their own: full handshakes then, verified, and no failure."""
        for sessions in ("", "ssl_session_cache off;", self.SESSIONS, "ssl_session_tickets off;" + self.SESSIONS):
            servers = [self.start_nginx(sessions), self.start_nginx(sessions)]
            for version in ("1.2", "1.3"):
                with self.subTest(sessions, version=version):
                    records = self.turns(servers, *only(version))
                    self.assertEqual([record["attempts"] for record in records], [1] * 6)
                    self.assertEqual({record["tls"]["resumed"] for record in records}, {False})
                    self.assertEqual({record["tls"]["verify"] for record in records}, {"ok"})

    def test_a_declined_ticket_is_replaced(self):
        if not self.library_is_ours():
            self.skipTest("this library has sessions with an ID only")
        servers = [self.start_nginx(), self.start_nginx()]
        said = [record["tls"]["resumed"] for record in self.turns([servers[0], *[servers[1]] * 5], *only("1.2"))]
        self.assertEqual(said, [False, False, True, True, True, True])

    def test_openssl_declines_tickets_too(self):
        webs = [self.start(Web(lambda request: ("200 OK", ["Connection: close"], "x"), tls=self.pki.context())) for _ in range(2)]
        for version in ("1.2", "1.3"):
            records = self.turns(webs, *only(version))
            self.assertEqual({(record["ok"], record["attempts"], record["tls"]["resumed"]) for record in records}, {(True, 1, False)})
            self.assertEqual(self.turns(webs[:1], *only(version), count=2)[1]["tls"]["resumed"], version == "1.3" or self.library_is_ours())

    def test_who_forgets_is_verified(self):
        """A session says nothing of who cannot resume it: another's certificate at the same address is refused."""
        good = self.start_nginx()
        for name in ("expired", "wrong-host", "unknown-issuer", "self-signed", "other"):
            impostor = self.start(Https(name))
            for version in ("1.2", "1.3"):
                with self.subTest(name, version=version):
                    first, second, third = self.turns([good, impostor, good], *only(version), count=3, exit=1)
                    self.assertEqual((first["ok"], third["ok"], third["tls"]["resumed"]), (True, True, False))
                    self.fails(second, "tls", "expired", "wrong-host", "unknown-issuer", "self-signed")
                    self.assertEqual(second["tls"]["fingerprint"], self.pki[name].fingerprint)
                    self.assertFalse(second["tls"]["resumed"])

    def test_who_forgets_may_be_another(self):
        """In all that a session fixes: the cipher with its hash, extended master secrets (RFC 7627)."""
        tickets = "keepalive_timeout 0; ssl_session_cache off;"
        servers = [
            tickets + "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;",
            tickets + "ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;",
            tickets + "ssl_conf_command Options -ExtendedMasterSecret;",
            tickets + "ssl_conf_command Options -ExtendedMasterSecret; ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;",
            tickets + "ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305; ssl_session_tickets off;",
            tickets,
        ]
        records = self.turns([self.start(Https("good", server=server)) for server in servers], *only("1.2"), count=13)
        for record in records:
            self.assertEqual((record["ok"], record["attempts"], record["tls"]["resumed"], record["tls"]["verify"]), (True, 1, False, "ok"))
        self.assertEqual([record["tls"]["cipher"].rpartition("_")[2] for record in records[:2]], ["SHA256", "SHA384"])

    def test_who_forgets_may_speak_another_version(self):
        servers = [self.start_nginx(f"ssl_protocols TLSv{version};") for version in ("1.2", "1.3")]
        records = self.turns(servers, "--retry", 2, "--retry-delay", 0, count=4)
        self.assertEqual({(record["ok"], record["tls"]["resumed"]) for record in records}, {(True, False)})

    def test_whoever_can_not_resume_can_not_skip_the_certificate(self):
        """Messages that a server of TLS 1.2 may send, but not these alone: with a ticket offered there are two ways to go on."""
        good = self.start_nginx()
        sized = lambda data: len(data).to_bytes(3, "big") + data
        handshake = lambda kind, body: bytes([22, 3, 3]) + (len(body) + 4).to_bytes(2, "big") + bytes([kind]) + sized(body)
        hello = handshake(2, b"\3\3" + bytes(32) + b"\0" + b"\xc0\x2b" + b"\0")
        request, done = handshake(13, b"\1\x40\0\2\4\3\0\0"), handshake(14, b"")
        signed = lambda signature: handshake(12, b"\3\0\x1d\x20" + bytes(range(32)) + b"\4\3\0" + bytes([len(signature)]) + signature)
        exchange, forged = signed(b""), signed(b"\x30\6\2\1\5\2\1\7")
        ccs, finished = bytes([20, 3, 3, 0, 1, 1]), handshake(20, bytes(12))
        ours = self.library_is_ours()
        flights = [request, done, request + done, exchange, exchange + done, request + exchange + done, finished]
        flights += [ccs + finished, ccs + done, request + ccs + finished, exchange + done + ccs + finished]
        # The right certificate is no secret; the signature of its key is what nobody else can make.
        chain = handshake(11, sized(b"".join(sized(self.pki[name].der) for name in ("good", "inter"))))
        flights += [chain, chain + done, chain + exchange + done, chain + request + done, chain + ccs + finished, exchange + chain + done]
        flights += [forged + done, chain + forged + done, chain + forged + request + done, chain + forged + done + ccs + finished]
        for number, flight in enumerate(flights):
            offered, heard = [], []

            def behave(connection, flight=flight, offered=offered, heard=heard):
                if connection.number == 0:
                    return Cutter(good.port, (5000, 9000))._forward(connection)
                connection.socket.settimeout(10 * harness.SLOW)
                # An extension of type 35 that isn't empty.
                offered += re.findall(rb"\x00\x23(?:\x00[\x40-\xff]|\x01.)", connection.socket.recv(65536))
                connection.send(hello + flight)
                connection.socket.shutdown(socket.SHUT_WR)
                while data := connection.socket.recv(65536):
                    heard.append(data)

            with self.subTest(number), harness.Liar(behave) as door:
                urls = "https://good.test/show?[1-2]"
                first, second = self.get(*self.to(door), *only("1.2"), "-j", 1, "-t", 1, "-m", 5 * harness.SLOW, urls, exit=1)
                self.assertEqual((first["ok"], len(offered)), (True, 1 if ours else 0))
                self.fails(second, "tls", "bad-tls", "bad-certificate", "handshake-cut")
            # An alert at most: neither keys nor a request.
            self.assertIn(b"".join(heard)[:1], (b"", b"\x15"))
            self.assertLessEqual(len(b"".join(heard)), 7)

    def test_many_at_once(self):
        nginx = self.start_nginx()
        records = self.get(*self.to(nginx), "-j", 40, "https://good.test/show?[1-200]")
        count = collections.Counter(record["tls"]["resumed"] for record in records)
        self.assertGreater(count[True], 50)
        self.assertEqual({record["tls"]["fingerprint"] for record in records}, {self.pki["good"].fingerprint})


class KeyLogTest(TlsCase):
    def lines(self, path):
        with open(path, encoding="ascii") as file:
            return [line.strip() for line in file if line.strip() and not line.startswith("#")]

    def count(self, version, *args, close=False):
        """Of the lines with each label; all of them are the server's as well."""
        log, theirs = self.path("ours" + version), self.path("theirs" + version)
        context = self.pki.context("good", keylog_filename=theirs)
        web = self.start(Web(lambda request: ("200 OK", ["Connection: close"] * close, "x"), tls=context))
        self.get(*self.to(web), *only(version), *args, "https://good.test/?[1-3]", env={"SSLKEYLOGFILE": log})
        ours, theirs = self.lines(log), self.lines(theirs)
        self.assertEqual(set(ours) - set(theirs), set())
        return collections.Counter(line.split()[0] for line in ours)

    def test_tls_1_2(self):
        self.assertEqual(self.count("1.2", "-j", 1), {"CLIENT_RANDOM": 1} if self.library_is_ours() else {})

    def test_each_connection_of_1_2(self):
        """Resumed ones too."""
        count = self.count("1.2", "-j", 1, "-t", 1, close=True)
        self.assertEqual(count, {"CLIENT_RANDOM": 3} if self.library_is_ours() else {})

    def test_tls_1_3(self):
        count = self.count("1.3", "-j", 1)
        for label in ("HANDSHAKE_TRAFFIC_SECRET", "TRAFFIC_SECRET_0"):
            self.assertEqual([count[f"{side}_{label}"] for side in ("CLIENT", "SERVER")], [1, 1], count)

    def test_each_connection(self):
        count = self.count("1.3", "-j", 3, close=True)
        self.assertEqual(count["CLIENT_TRAFFIC_SECRET_0"], 3)

    def test_it_is_private(self):
        self.count("1.3")
        self.assertEqual(os.stat(self.path("ours1.3")).st_mode & 0o077, 0)

    def test_appended_to(self):
        self.count("1.3")
        before = self.lines(self.path("ours1.3"))
        self.count("1.3")
        after = self.lines(self.path("ours1.3"))
        self.assertEqual((after[: len(before)], len(after)), (before, 2 * len(before)))
        self.assertTrue(before)


class RekeyTest(TlsCase):
    """openssl s_server in the hands of the test: half a response, a turn of the protocol, the other half."""

    BODY = "0123456789" * 10

    def converse(self, version, *commands):
        server = self.start(SServer(version))
        args = ["get", "-s", "--retry", 0, "--output", "jsonl:-", "--output", "null", "--cacert", self.pki["root"].cert]
        args += ["--max-time", 20 * harness.SLOW, *self.to(server), "https://good.test/"]
        with harness.ringfetch_start(*args) as process:
            server.wait_for("GET ")
            server.wait_for("")
            server.tell(f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.BODY)}\r\n\r\n{self.BODY[:30]}")
            for command in commands:
                server.tell(command + "\n")
            server.tell(self.BODY[30:])
            out, _ = process.communicate(timeout=20 * harness.SLOW)
        return harness.Result(args, process.returncode, out, b"", 0).records[0]

    def test_key_update(self):
        record = self.converse("-tls1_3", "k")
        self.assertEqual((record["ok"], record["body_bytes"]), (True, 100), record)

    def test_key_update_both_ways(self):
        record = self.converse("-tls1_3", "K", "K", "k", "K")
        self.assertEqual((record["ok"], record["body_bytes"]), (True, 100), record)

    def test_renegotiation_is_refused(self):
        """The client goes on without it, or ends the connection; the server's word is then a fatal alert or a close."""
        record = self.converse("-tls1_2", "r")
        if not record["ok"]:
            self.assertIn(record["error"]["stage"], ("tls", "body"), record)
            self.assertEqual(record["error"]["fault"], "target", record)
        else:
            self.assertEqual(record["body_bytes"], 100)


if __name__ == "__main__":
    harness.main()
