# SPDX-License-Identifier: GPL-3.0-or-later
"""get_tls_verify_test.py: which certificates are trusted and which are not, and what the record says of both."""

import csv
import datetime
import os
import shutil

import harness
import pki
from tls_servers import Https, TlsCase

# What each certificate of pki.RECIPES comes to; "" is trust. Where there are several, the libraries differ.
VERDICTS = {
    "good": "",
    "direct": "",
    "expired": "expired",
    "expired-yesterday": "expired",
    "not-yet-valid": "not-yet-valid",
    "wrong-host": "wrong-host",
    "ip": "wrong-host",
    "cn-only": "wrong-host",
    "self-signed": "self-signed",
    "unknown-issuer": "unknown-issuer",
    "missing-intermediate": "unknown-issuer",
    "rsa-signed": "unknown-issuer",
    "constrained": "",
    "unconstrained": "bad-certificate",
    "leaf-as-ca": "bad-certificate unknown-issuer",
    "old-issuer": "expired",
    "weak-key": "weak-key",
    "sha1": "weak-key",
    "client-only": "bad-certificate",
    "server-only": "",
    "idn": "",
    "rsa2048": "",
    "rsa4096": "",
    "rsa8192": "",
    "ed25519": "",
    "p384": "",
    "p521": "",
    "alternative-unknown": "",
    "alternative-expired": "",
    "alternative-root": "",
    "alternative-inter": "unknown-issuer",
    "with-root": "",
    "wrong-order": "",
    "needless": "",
}


class VerdictTest(TlsCase):
    @classmethod
    def setUpClass(cls):
        cls.nginx = Https(*VERDICTS, "wildcard", "partial-wildcard", "other-ip")
        cls.nginx.start()
        cls.addClassCleanup(cls.nginx.stop)
        cls.nginx.put("file", "the body")

    def urls(self, *names):
        return [f"https://{self.pki[name].host}/file" for name in names]

    def check_verdicts(self, *args):
        records = self.get(*self.to(self.nginx), *args, *self.urls(*VERDICTS), exit=1)
        for record, (name, kinds) in zip(records, VERDICTS.items(), strict=True):
            with self.subTest(name):
                tls, cert = record["tls"], self.pki[name]
                self.assertIsNotNone(tls, record)
                self.assertEqual(tls["fingerprint"], cert.fingerprint)
                if kinds:
                    self.fails(record, "tls", *kinds.split())
                    self.assertEqual(tls["verify"], record["error"]["kind"])
                    self.assertIsNone(record["status"])
                else:
                    self.assertTrue(record["ok"], record)
                    self.assertEqual((tls["verify"], record["body_bytes"]), ("ok", 8))

    def test_verdicts(self):
        self.check_verdicts()

    def test_verdicts_in_tls_1_2(self):
        self.check_verdicts("--tls-max", "1.2")

    def test_one_after_another_in_one_thread(self):
        self.check_verdicts("-t", 1, "-j", 1)

    def test_insecure_takes_all_and_says_so(self):
        out, records = self.body("-k", *self.to(self.nginx), *self.urls(*VERDICTS))
        self.assertEqual(out, "the body" * len(VERDICTS))
        self.assertEqual({record["tls"]["verify"] for record in records}, {"off"})
        for record, name in zip(records, VERDICTS, strict=True):
            self.assertEqual(record["tls"]["fingerprint"], self.pki[name].fingerprint)

    def test_what_failed_is_not_asked(self):
        """A refused certificate's server must not see the request, which may hold secrets."""
        before = self.nginx.read()
        self.get(*self.to(self.nginx), "-u", "me:secret", *self.urls("expired", "wrong-host", "self-signed"), exit=1)
        self.assertEqual(self.nginx.read(), before)

    def test_a_refused_certificate_is_not_retried(self):
        records = self.get(*self.to(self.nginx), "--retry", 3, *self.urls("expired", "unknown-issuer"), exit=1)
        self.assertEqual([record["attempts"] for record in records], [1, 1])

    def test_wildcards(self):
        hosts = {"x.wild.test": "", "X.WILD.test": "", "wild.test": "wrong-host", "x.y.wild.test": "wrong-host"}
        hosts |= {"abc.partial-wildcard.test": "wrong-host", "x.good.test": "wrong-host", "www.good.test": ""}
        records = self.get(*self.to(self.nginx), *(f"https://{host}/file" for host in hosts), exit=1)
        verdicts = [record["error"]["kind"] if record["error"] else "" for record in records]
        self.assertEqual(dict(zip(hosts, verdicts, strict=True)), hosts)

    def test_ip_addresses(self):
        """The first certificate is that of who sends no SNI: `good` names 127.0.0.1 and ::1."""
        (record,) = self.get(self.nginx.url("/file"))
        self.assertEqual((record["ok"], record["tls"]["verify"]), (True, "ok"))
        others = {"127.0.0.2": "wrong-host", "[::1]": "", "[::2]": "wrong-host", "0x7f.1": ""}
        records = self.get(*self.to(self.nginx), *(f"https://{host}/file" for host in others), "-g", exit=1)
        verdicts = [record["error"]["kind"] if record["error"] else "" for record in records]
        self.assertEqual(dict(zip(others, verdicts, strict=True)), others)

    def test_an_address_is_no_name(self):
        """127.0.0.1 in a DNS name or in the common name is not that address."""
        nginx = self.start(Https("other-ip"))
        (record,) = self.get(nginx.url("/show"), exit=1)
        self.fails(record, "tls", "wrong-host")

    def test_international_names(self):
        (record,) = self.get(*self.to(self.nginx), "https://bücher.test/file")
        self.assertEqual(record["tls"]["sans"], ["xn--bcher-kva.test"])

    def test_a_trailing_dot_is_the_same_host(self):
        (record,) = self.get(*self.to(self.nginx), "https://good.test./file")
        self.assertEqual(record["tls"]["verify"], "ok")


class RecordTest(TlsCase):
    def setUp(self):
        super().setUp()
        self.nginx = self.start(Https("good", "expired", "self-signed"))

    def check_dates(self, tls, cert):
        as_text = lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        for member, seconds in zip(("not_before", "not_after"), cert.dates, strict=True):
            self.assertTrue(tls[member].startswith(as_text(seconds)) and tls[member].endswith("Z"), tls)

    def test_members(self):
        (record,) = self.get(*self.to(self.nginx), "https://good.test/show")
        tls, cert = record["tls"], self.pki["good"]
        members = {"version", "cipher", "verify", "resumed", "subject", "issuer", "sans", "not_before", "not_after"}
        self.assertEqual(set(tls), members | {"days_left", "fingerprint"})
        self.assertEqual((tls["version"], tls["verify"], tls["resumed"]), ("1.3", "ok", False))
        self.assertRegex(tls["cipher"], "^TLS_AES_(128|256)_GCM_SHA(256|384)$")
        self.assertEqual(tls["subject"], "CN=good.test, O=Example\\, Inc., C=NO")
        self.assertEqual(tls["issuer"], "CN=Test Intermediate")
        self.assertEqual(tls["sans"], ["good.test", "www.good.test", "127.0.0.1", "::1"])
        ended = datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()
        self.assertEqual(tls["days_left"], (cert.dates[1] - int(ended)) // 86400)
        self.assertEqual(tls["fingerprint"], cert.fingerprint)
        self.check_dates(tls, cert)
        self.assertGreater(record["ms"]["tls"], 0)
        self.assertGreaterEqual(record["ms"]["total"], record["ms"]["tls"])
        self.assertEqual(record["final_url"], "https://good.test/show")

    def test_members_of_a_refused_certificate(self):
        (record,) = self.get(*self.to(self.nginx), "https://expired.test/", exit=1)
        tls, cert = record["tls"], self.pki["expired"]
        self.assertEqual((tls["verify"], tls["resumed"], tls["sans"]), ("expired", False, ["expired.test"]))
        self.assertEqual((tls["subject"], tls["issuer"]), ("CN=expired.test", "CN=Test Intermediate"))
        self.assertIn(tls["days_left"], (-3, -2))
        self.assertEqual(tls["fingerprint"], cert.fingerprint)
        self.check_dates(tls, cert)
        self.assertIn(tls["not_after"][:10], record["error"]["detail"])

    def test_the_detail_names_whom_it_is_for(self):
        (record,) = self.get(*self.to(self.nginx), "https://wrong.test/", exit=1)
        self.assertIn("good.test", record["error"]["detail"])

    def test_http_has_none(self):
        origin = self.start(harness.Liar(lambda connection: connection.read_head() and connection.answer("x")))
        (record,) = self.get(origin.url())
        self.assertEqual((record["tls"], record["ms"]["tls"]), (None, None))

    def test_reused_connections_have_one_too(self):
        records = self.get(*self.to(self.nginx), "-j", 1, "https://good.test/show?[1-3]")
        self.assertEqual([record["reused"] for record in records], [False, True, True])
        for record in records:
            self.assertEqual(record["tls"]["fingerprint"], self.pki["good"].fingerprint)
        self.assertIsNone(records[1]["ms"]["tls"])

    def test_csv(self):
        run = self.ringfetch("get", "-s", "-k", "--output", "null", "--output", "csv:-", *self.to(self.nginx), "https://good.test/show")
        names, values = csv.reader(run.out.splitlines())
        self.assertEqual(len(names), len(values))
        row = dict(zip(names, values, strict=True))
        self.assertGreater(float(row["tls_ms"]), 0)
        said = (row["tls_version"], row["tls_verify"], row["tls_fingerprint"])
        self.assertEqual(said, ("1.3", "off", self.pki["good"].fingerprint))


class RootsTest(TlsCase):
    def setUp(self):
        super().setUp()
        self.nginx = self.start(Https("good"))
        self.args = [*self.to(self.nginx), "https://good.test/show"]

    def test_no_root_no_trust(self):
        (record,) = self.get(*self.args, cacert="strange-root", exit=1)
        self.fails(record, "tls", "unknown-issuer")

    def test_the_systems_roots_know_nothing_of_it(self):
        # A system without any roots fails too, in its own way.
        env = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}
        (record,) = self.get(*self.args, cacert=None, exit=1, env=env)
        self.assertIn(record["error"]["kind"], ("unknown-issuer", "no-roots"), record)

    def test_ssl_cert_file(self):
        (record,) = self.get(*self.args, cacert=None, env={"SSL_CERT_FILE": self.pki["root"].cert})
        self.assertEqual(record["tls"]["verify"], "ok")

    def test_ssl_cert_dir(self):
        for name in ("strange-root", "root"):
            shutil.copy(self.pki[name].cert, self.path(name + ".pem"))
        self.write("README", "no certificate")
        env = {"SSL_CERT_DIR": self.tmp, "SSL_CERT_FILE": ""}
        (record,) = self.get(*self.args, cacert=None, env=env)
        self.assertEqual(record["tls"]["verify"], "ok")

    def test_capath(self):
        shutil.copy(self.pki["root"].cert, self.path("any-name.crt"))
        (record,) = self.get("--capath", self.tmp, *self.args, cacert=None)
        self.assertEqual(record["tls"]["verify"], "ok")

    def test_options_go_before_the_environment(self):
        env = {"SSL_CERT_FILE": self.pki["root"].cert}
        (record,) = self.get(*self.args, cacert="strange-root", env=env, exit=1)
        self.fails(record, "tls", "unknown-issuer")

    def test_several_roots_in_a_file(self):
        names = ("strange-root", "rsa-root", "root")
        bundle = self.pki.bundle("roots.pem", *(self.pki[name].cert for name in names))
        (record,) = self.get("--cacert", bundle, *self.args, cacert=None)
        self.assertEqual(record["tls"]["verify"], "ok")

    def test_comments_between_roots(self):
        with open(self.pki["root"].cert, encoding="ascii") as file:
            bundle = self.write("bundle", "# Root of the tests\r\n=====\r\n" + file.read().replace("\n", "\r\n") + "\n# end")
        (record,) = self.get("--cacert", bundle, *self.args, cacert=None)
        self.assertEqual(record["tls"]["verify"], "ok")

    def test_a_root_by_rsa(self):
        nginx = self.start(Https("rsa-signed"))
        (record,) = self.get(*self.to(nginx), "https://rsa-signed.test/show", cacert="rsa-root")
        self.assertEqual(record["tls"]["verify"], "ok")

    def test_an_expired_root_is_no_root(self):
        nginx = self.start(Https("alternative-expired"))
        roots = self.pki.bundle("roots.pem", self.pki["expired-root"].cert, self.pki["rsa-root"].cert)
        (record,) = self.get("--cacert", roots, *self.to(nginx), "https://alternative-expired.test/show", cacert=None, exit=1)
        self.fails(record, "tls", "expired", "unknown-issuer", "bad-certificate")

    def test_a_self_signed_certificate_that_is_trusted(self):
        nginx = self.start(Https("self-signed"))
        (record,) = self.get(*self.to(nginx), "https://self-signed.test/show", cacert="self-signed")
        self.assertEqual(record["tls"]["verify"], "ok")
        (record,) = self.get(*self.to(nginx), "https://other.test/show", cacert="self-signed", exit=1)
        self.fails(record, "tls", "wrong-host")

    def test_files_that_hold_no_roots(self):
        files = {"missing": self.path("missing"), "empty": self.write("empty", ""), "directory": self.tmp}
        files |= {"garbage": self.write("garbage", os.urandom(3000)), "a key": self.pki["root"].key}
        files["cut"] = self.write("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
        for what, path in files.items():
            with self.subTest(what):
                run = self.ringfetch("get", "--cacert", path, *self.args, exit=2)
                self.assertEqual(len(run.err.splitlines()), 1, run)
                self.assertIn(path, run.err)

    def test_plain_http_does_not_need_the_systems_roots(self):
        origin = self.start(harness.Liar(lambda connection: connection.read_head() and connection.answer("x")))
        self.get(origin.url(), cacert=None, env={"SSL_CERT_FILE": self.path("missing"), "SSL_CERT_DIR": ""})


class PinTest(TlsCase):
    def setUp(self):
        super().setUp()
        self.nginx = self.start(Https("good", "rsa2048", "expired"))
        self.good, self.rsa = self.pki["good"], self.pki["rsa2048"]

    def pinned(self, pin, *args, url="https://good.test/show", exit=0):
        (record,) = self.get(*self.to(self.nginx), "--pinnedpubkey", pin, *args, url, exit=exit)
        return record

    def test_right(self):
        for pin in (self.good.pin, self.rsa.pin + ";" + self.good.pin, self.good.public_key):
            with self.subTest(pin):
                self.assertTrue(self.pinned(pin)["ok"])

    def test_a_file_in_der(self):
        der = pki.openssl("pkey", "-pubin", "-in", self.good.public_key, "-outform", "DER")
        self.assertTrue(self.pinned(self.write("key.der", der))["ok"])

    def test_wrong(self):
        for pin in (self.rsa.pin, self.rsa.public_key):
            with self.subTest(pin):
                self.fails(self.pinned(pin, exit=1), "tls", "pin-mismatch")

    def test_a_pin_holds_without_verification_too(self):
        self.assertTrue(self.pinned(self.good.pin, "-k", url="https://expired.test/show")["ok"])
        self.fails(self.pinned(self.rsa.pin, "-k", exit=1), "tls", "pin-mismatch")

    def test_a_pin_is_no_trust(self):
        record = self.pinned(self.good.pin, url="https://expired.test/show", exit=1)
        self.fails(record, "tls", "expired")

    def test_pins_that_are_none(self):
        for pin in ("sha256//x", "sha256//", self.good.pin + ";x", self.path("missing"), self.write("empty", "")):
            with self.subTest(pin):
                run = self.ringfetch("get", "--pinnedpubkey", pin, "https://good.test/", exit=2)
                self.assertEqual(len(run.err.splitlines()), 1, run)


class StapleTest(TlsCase):
    def check(self, name, file, *kinds):
        more = {name: f"ssl_stapling on; ssl_stapling_file {file};"} if file else {}
        nginx = self.start(Https(name, more=more))
        for version in ("1.2", "1.3"):
            with self.subTest(version=version):
                args = ["--tls-min", version, "--tls-max", version, f"https://{name}.test/show"]
                (record,) = self.get(*self.to(nginx), *args, exit=1 if kinds else 0)
                if kinds:
                    self.fails(record, "tls", *kinds)
                else:
                    self.assertEqual(record["tls"]["verify"], "ok")

    def test_good(self):
        self.check("stapled", self.pki.staple("stapled"))

    def test_none(self):
        self.check("stapled", None)

    def test_revoked(self):
        self.pki.revoke("revoked")
        self.check("revoked", self.pki.staple("revoked"), "revoked")

    def test_stale(self):
        self.check("stapled", self.pki.staple("stapled", stale=True), "bad-staple")

    def test_signed_by_a_stranger(self):
        self.check("stapled", self.pki.staple("stapled", forged=True), "bad-staple")

    def test_about_another_certificate(self):
        self.pki["other"]
        self.check("stapled", self.pki.staple("other"), "bad-staple")

    def test_garbage(self):
        """A server that can't read its staple sends none; this one is well-formed, and says that it knows nothing."""
        self.check("stapled", self.write("try-later", b"\x30\x03\x0a\x01\x03"), "bad-staple")


class ClientCertificateTest(TlsCase):
    def setUp(self):
        super().setUp()
        server = f"ssl_verify_client on; ssl_verify_depth 3; ssl_client_certificate {self.pki['root'].cert};"
        server += "ssl_session_cache shared:all:1m; keepalive_timeout 0; location /who { return 200 $ssl_client_s_dn; }"
        self.nginx = self.start(Https("good", server=server))

    def ask(self, *args, **options):
        return self.body(*self.to(self.nginx), *args, "https://good.test/who", **options)

    def test_versions(self):
        client = self.pki["client"]
        for version in ("1.2", "1.3"):
            with self.subTest(version=version):
                out, _ = self.ask("--cert", client.chain, "--key", client.key, "--tls-min", version, "--tls-max", version)
                self.assertEqual(out, "CN=the client")

    def test_both_in_one_file(self):
        client = self.pki["client"]
        self.assertEqual(self.ask("--cert", self.pki.bundle("both.pem", client.chain, client.key))[0], "CN=the client")
        self.assertEqual(self.ask("--cert", self.pki.bundle("hcraf.pem", client.key, client.chain))[0], "CN=the client")

    def test_none(self):
        _, (record,) = self.ask(exit=1)
        self.assertEqual((record["error"]["kind"], record["status"]), ("http-status", 400))

    def test_a_strangers(self):
        client = self.pki["strange-client"]
        _, (record,) = self.ask("--cert", client.chain, "--key", client.key, exit=1)
        self.assertEqual((record["error"]["kind"], record["status"]), ("http-status", 400))

    def test_keys_of_other_kinds(self):
        for name in ("rsa2048", "p384", "p521"):
            with self.subTest(name):
                client = self.pki[name]
                self.assertEqual(self.ask("--cert", client.chain, "--key", client.key)[0], f"CN={client.host}")

    def test_resumed_by_the_same_client(self):
        client = self.pki["client"]
        for version in ("1.2", "1.3"):
            args = ["--cert", client.chain, "--key", client.key, "--tls-max", version, "-j", 1, "-t", 1]
            out, records = self.ask(*args, "https://good.test/who")
            self.assertEqual(out, "CN=the client" * 2)
            self.assertEqual([record["tls"]["resumed"] for record in records], [False, True])

    def test_refused_at_the_start(self):
        client, other = self.pki["client"], self.pki["rsa2048"]
        garbage, missing = self.write("garbage", "x" * 100), self.path("missing")
        cases = {"another key": (client.chain, other.key), "another EC key": (client.chain, self.pki["root"].key)}
        cases |= {"no key": (client.chain, None), "missing": (missing, None), "key missing": (client.chain, missing)}
        cases |= {"garbage": (garbage, client.key), "garbage as key": (client.chain, garbage)}
        for what, (cert, key) in cases.items():
            with self.subTest(what):
                run = self.ringfetch("get", "--cert", cert, *(["--key", key] if key else []), "https://good.test/", exit=2)
                self.assertEqual(len(run.err.splitlines()), 1, run)


if __name__ == "__main__":
    harness.main()
