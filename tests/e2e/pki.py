# SPDX-License-Identifier: GPL-3.0-or-later
"""pki.py: certificates for the tests of https, honest and otherwise, made by the openssl command when first asked for.

`shared()` is this process's Pki: a temporary directory that goes with the process. `pki["expired"]` is the Certificate that
RECIPES describes under that name; its host is expired.test unless the recipe says otherwise. Roots are never sent;
`.chain` is what a server sends, `.cert` the certificate alone, `.key` its key, all of them paths of PEM files.

Certificates kept in the repository were rejected: they expire, and nobody sees how they were made. Python's `cryptography`
would be a package more for set-up; `openssl ca` sets dates in the past just as well.
"""

import atexit
import base64
import functools
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
import unittest

OPENSSL = shutil.which("openssl")

CONFIG = """
[req]
distinguished_name = none
string_mask = utf8only
[none]
[ca]
database = {dir}/index.txt
new_certs_dir = {dir}/issued
unique_subject = no
rand_serial = yes
policy = any
default_md = sha256
preserve = yes
[any]
C = optional
O = optional
CN = optional
"""
CA = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign, digitalSignature\n"
LEAF = "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature, keyEncipherment\n"
KEY_IDS = "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"

# issuer: who signs (itself: self-signed). days: from and to, from now. host, san, cn: who it is for. key: the algorithm; with
# "own " in front it is not shared with others; or "of:NAME", that of another certificate. ext: further lines. digest: of
# the signature. sends: names of what a server sends along.
RECIPES = {
    "root": {"ca": True, "issuer": "root", "cn": "Test Root", "sends": []},
    "inter": {"ca": True, "issuer": "root", "cn": "Test Intermediate", "sends": []},
    "strange-root": {"ca": True, "issuer": "strange-root", "cn": "Strange Root", "sends": []},
    "good": {"subject": "/C=NO/O=Example, Inc./CN=good.test", "san": "DNS:good.test,DNS:www.good.test,IP:127.0.0.1,IP:::1"},
    "other": {},
    "direct": {"issuer": "root", "sends": []},
    "expired": {"days": (-30, -2)},
    "not-yet-valid": {"days": (2, 30)},
    "expired-yesterday": {"days": (-30, -1.5)},
    "wrong-host": {"san": "DNS:elsewhere.test,DNS:*.wrong-host.test"},
    "self-signed": {"issuer": "self-signed", "sends": []},
    "unknown-issuer": {"issuer": "strange-root", "sends": []},
    "missing-intermediate": {"sends": []},
    "ip": {"san": "IP:127.0.0.1,IP:::1"},
    "other-ip": {"san": "IP:127.0.0.2,DNS:127.0.0.1", "cn": "127.0.0.1"},
    "wildcard": {"host": "wild.test", "san": "DNS:*.wild.test"},
    "partial-wildcard": {"san": "DNS:a*.partial-wildcard.test,DNS:*.partial-wildcard.test.example"},
    "cn-only": {"san": None},
    "idn": {"host": "xn--bcher-kva.test", "san": "DNS:xn--bcher-kva.test"},
    "constrained-ca": {
        "ca": True,
        "issuer": "root",
        "cn": "Constrained CA",
        "sends": [],
        "ext": "nameConstraints = critical, permitted;DNS:inside.test\n",
    },
    "constrained": {"issuer": "constrained-ca", "host": "inside.test", "sends": ["constrained-ca"]},
    "unconstrained": {"issuer": "constrained-ca", "sends": ["constrained-ca"]},
    "leaf-as-ca": {"issuer": "good", "sends": ["good", "inter"]},
    "old-inter": {"ca": True, "issuer": "root", "cn": "Expired Intermediate", "days": (-30, -2), "sends": []},
    "old-issuer": {"issuer": "old-inter", "sends": ["old-inter"]},
    "weak-key": {"key": "rsa:1024"},
    "sha1": {"digest": "sha1"},
    "client-only": {"ext": "extendedKeyUsage = clientAuth\n"},
    "server-only": {"ext": "extendedKeyUsage = serverAuth\n"},
    "rsa2048": {"key": "rsa:2048"},
    "rsa4096": {"key": "rsa:4096"},
    "rsa8192": {"key": "rsa:8192"},
    "ed25519": {"key": "ed25519"},
    "p384": {"key": "secp384r1"},
    "p521": {"key": "secp521r1"},
    "rsa-root": {"ca": True, "issuer": "rsa-root", "cn": "RSA Root", "key": "own rsa:4096", "sends": []},
    "rsa-signed": {"issuer": "rsa-root", "sends": []},
    "client": {"cn": "the client", "san": None, "ext": "extendedKeyUsage = clientAuth\n"},
    "strange-client": {"cn": "a stranger", "san": None, "issuer": "strange-root", "sends": []},
    "stapled": {},
    "revoked": {},
    # The issuer's own root signed once more by another one, as public authorities do while they are young. The server sends
    # that link, too, and it leads to a root which is unknown or has expired.
    "expired-root": {"ca": True, "issuer": "expired-root", "cn": "Old Root", "days": (-30, -2), "sends": []},
    "cross-unknown": {"ca": True, "issuer": "strange-root", "cn": "Test Root", "key": "of:root", "sends": []},
    "cross-expired": {"ca": True, "issuer": "expired-root", "cn": "Test Root", "key": "of:root", "sends": []},
    "alternative-unknown": {"sends": ["inter", "cross-unknown"]},
    "alternative-expired": {"sends": ["inter", "cross-expired"]},
    "alternative-root": {"sends": ["inter", "cross-unknown", "strange-root"]},
    # The same for the intermediate: the one that is sent leads nowhere.
    "inter-unknown": {"ca": True, "issuer": "strange-root", "cn": "Test Intermediate", "key": "of:inter", "sends": []},
    "alternative-inter": {"sends": ["inter-unknown"]},
    "with-root": {"sends": ["inter", "root"]},
    "wrong-order": {"sends": ["root", "inter"]},
    "needless": {"sends": ["inter", "strange-root", "constrained-ca"]},
}

# Leaves that have no reason for a key of their own share one of these.
LEAF_KEY = "prime256v1"


def openssl(*args, input=None):
    done = subprocess.run([OPENSSL, *args], input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise AssertionError(f"openssl {' '.join(args)}: {done.stderr.decode()}")
    return done.stdout


class Certificate:
    """Paths of PEM files, and what openssl says of the certificate."""

    def __init__(self, name, host, cert, key, chain):
        self.name, self.host, self.cert, self.key, self.chain = name, host, cert, key, chain

    @functools.cached_property
    def der(self):
        return openssl("x509", "-in", self.cert, "-outform", "DER")

    @property
    def fingerprint(self):
        said = openssl("x509", "-in", self.cert, "-noout", "-fingerprint", "-sha256").decode()
        return said.partition("=")[2].strip().replace(":", "").lower()

    @functools.cached_property
    def public_key(self):
        """Path of the public key in PEM."""
        path = self.cert.removesuffix(".pem") + ".pub.pem"
        with open(path, "wb") as file:
            file.write(openssl("x509", "-in", self.cert, "-noout", "-pubkey"))
        return path

    @property
    def pin(self):
        """As --pinnedpubkey wants it."""
        der = openssl("pkey", "-pubin", "-in", self.public_key, "-outform", "DER")
        return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()

    @property
    def dates(self):
        """(not before, not after), seconds since 1970."""
        said = openssl("x509", "-in", self.cert, "-noout", "-dates").decode()
        return tuple(ssl.cert_time_to_seconds(line.partition("=")[2]) for line in said.splitlines())

    @property
    def serial(self):
        return openssl("x509", "-in", self.cert, "-noout", "-serial").decode().partition("=")[2].strip()


class Pki:
    def __init__(self):
        if not OPENSSL:
            raise unittest.SkipTest("openssl is not installed: tools/dev/setup test")
        self.dir = tempfile.mkdtemp(prefix="rf-pki-")
        os.mkdir(self.path("issued"))
        self._write("index.txt", "")
        self.config = self._write("openssl.cnf", CONFIG.replace("{dir}", self.dir))
        # For servers that have to present what openssl by itself would be ashamed of.
        lax = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCipherString = ALL@SECLEVEL=0\nMinProtocol = TLSv1\n"
        self.lax_config = self._write("lax.cnf", lax)
        self._made = {}

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def _write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return self.path(name)

    def bundle(self, name, *paths):
        """Several PEM files as one; its path."""
        texts = []
        for path in paths:
            with open(path, "rb") as file:
                texts.append(file.read())
        return self._write(name, b"".join(texts))

    def __getitem__(self, name):
        if name not in self._made:
            self._made[name] = self._make(name, **RECIPES[name])
        return self._made[name]

    def context(self, name="good", **members):
        """An ssl.SSLContext of a server with that certificate; `members` are set on it, `ciphers` through its method."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(members.pop("ciphers", "DEFAULT@SECLEVEL=0"))
        context.load_cert_chain(self[name].chain, self[name].key)
        for member, value in members.items():
            setattr(context, member, value)
        return context

    # ---- how they are made ----

    def _make(self, name, issuer="inter", ca=False, days=(-1, 30), cn=None, subject=None, san="", ext="", **rest):
        key = self._key(rest.get("key", "own " + LEAF_KEY if ca or issuer == name else LEAF_KEY), name)
        host = rest.get("host", f"{name}.test")
        lines = (CA if ca else LEAF) + KEY_IDS + ext
        if not ca and san is not None:
            lines += f"subjectAltName = {san or 'DNS:' + host}\n"
        files = [self.path(f"{name}.{suffix}") for suffix in ("csr", "pem")]
        subject = subject or f"/CN={cn or host}"
        openssl("req", "-new", "-config", self.config, "-key", key, "-subj", subject, "-out", files[0])
        signer = ["-selfsign", "-keyfile", key] if issuer == name else ["-cert", self[issuer].cert, "-keyfile", self[issuer].key]
        dates = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * day)) for day in days]
        command = ["ca", "-config", self.config, "-name", "ca", "-batch", "-notext", *signer, "-in", files[0], "-out", files[1]]
        command += ["-startdate", dates[0], "-enddate", dates[1], "-extfile", self._write(name + ".ext", lines)]
        openssl(*command, "-md", rest.get("digest", "sha256"))
        sent = [self[other].cert for other in rest.get("sends", ["inter"])]
        return Certificate(name, host, files[1], key, self.bundle(name + ".chain", files[1], *sent))

    def _key(self, kind, name):
        """The path of a key: `kind` as in RECIPES, "own" for one of this certificate's own. Leaves share the others."""
        if kind.startswith("of:"):
            return self[kind[3:]].key
        own, _, algorithm = kind.rpartition(" ")
        path = self.path((name if own else algorithm.replace(":", "-")) + ".key")
        if os.path.exists(path):
            return path
        if algorithm == "rsa:8192":
            return self._key_of_known_primes(path)
        if algorithm.startswith("rsa:"):
            # Four primes are found much sooner than two, and nobody can tell from the public key.
            primes = "4" if algorithm == "rsa:4096" else "2"
            options = ["RSA", "-pkeyopt", "rsa_keygen_bits:" + algorithm[4:], "-pkeyopt", "rsa_keygen_primes:" + primes]
        else:
            options = ["ED25519"] if algorithm == "ed25519" else ["EC", "-pkeyopt", "ec_paramgen_curve:" + algorithm]
        openssl("genpkey", "-algorithm", *options, "-out", path)
        return path

    def _key_of_known_primes(self, path):
        """RSA 8192 takes openssl many seconds. So these primes are those of two Diffie-Hellman groups, which everybody knows."""
        p, q = (self._group_prime(group) for group in ("modp_4096", "ffdhe4096"))
        d = pow(65537, -1, (p - 1) * (q - 1))
        numbers = [0, p * q, 65537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
        fields = "".join(f"n{i} = INTEGER:{number:#x}\n" for i, number in enumerate(numbers))
        recipe = self._write("rsa8192.asn1", "asn1 = SEQUENCE:key\n[key]\n" + fields)
        openssl("asn1parse", "-genconf", recipe, "-noout", "-out", path + ".der")
        openssl("rsa", "-inform", "DER", "-in", path + ".der", "-out", path)
        return path

    def _group_prime(self, group):
        made = openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:" + group)
        parameters = base64.b64decode(b"".join(made.splitlines()[1:-1]))
        return int.from_bytes(der_items(der_items(parameters)[0][1])[0][1], "big")

    # ---- OCSP ----

    def revoke(self, name):
        cert, issuer = self[name].cert, self["inter"]
        openssl("ca", "-config", self.config, "-name", "ca", "-cert", issuer.cert, "-keyfile", issuer.key, "-revoke", cert)

    def staple(self, name, stale=False, forged=False):
        """A response about that certificate from its issuer, in DER: a path for ssl_stapling_file."""
        issuer = self["inter"]
        path = self.path(f"{name}{'-stale' * stale}{'-forged' * forged}.ocsp")
        signer = self["strange-root"] if forged else issuer
        command = ["ocsp", "-index", self.path("index.txt"), "-CA", issuer.cert, "-issuer", issuer.cert, "-cert", self[name].cert]
        command += ["-rsigner", signer.cert, "-rkey", signer.key, "-no_nonce", "-resp_no_certs", "-ndays", "7", "-respout", path]
        openssl(*command)
        if stale:
            with open(path, "rb") as file:
                response = file.read()
            self._write(os.path.basename(path), self._backdate(response, issuer.key))
        return path

    def _backdate(self, response, key):
        """The same response, signed a year ago and good for a week."""
        # OCSPResponse { status, [0] { ResponseBytes { type, OCTET STRING { BasicOCSPResponse { data, algorithm, ... } } } } }
        status, wrapped = der_items(der_items(response)[0][1])
        kind, octets = der_items(der_items(wrapped[1])[0][1])
        data, algorithm, *_ = der_items(der_items(octets[1])[0][1])
        year = lambda match: b"\x18\x0f" + str(int(match[1]) - 1).encode() + match[2]
        data = re.sub(rb"\x18\x0f(\d{4})(\d{10}Z)", year, data[2])
        signature = openssl("dgst", "-sha256", "-sign", key, input=data)
        basic = der(0x30, data, algorithm[2], der(0x03, b"\0", signature))
        return der(0x30, status[2], der(0xA0, der(0x30, kind[2], der(0x04, basic))))


def der(tag, *parts):
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = (len(content).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


def der_items(data):
    """What stands side by side in `data`: (tag, content, the whole)."""
    items = []
    while data:
        length, start = data[1], 2
        if length > 127:
            start += length & 0x7F
            length = int.from_bytes(data[2:start], "big")
        items.append((data[0], data[start : start + length], data[: start + length]))
        data = data[start + length :]
    return items


@functools.lru_cache(None)
def shared():
    pki = Pki()
    atexit.register(shutil.rmtree, pki.dir, ignore_errors=True)
    return pki
