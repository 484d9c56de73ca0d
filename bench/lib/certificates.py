# SPDX-License-Identifier: GPL-3.0-or-later
"""certificates.py: a throw-away authority and a certificate for every host, as public sites have them: a root that clients
are told to trust, an intermediate that the servers send along, and a leaf with a key of its own for each address. All P-256.

Nothing is kept: 3,000 of them take about as long to make as to read.
"""

import datetime
import ipaddress
import os

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:  # said by the work that needs it, not by those that don't
    x509 = None

from lib.measure import Failed

DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _key_usage(**true):
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    usage = {name: False for name in (*names.split(), "encipher_only", "decipher_only")}
    return x509.KeyUsage(**{**usage, **true})


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class _Issuer:
    """A certificate that signs others; signed by `by`, or by itself."""

    def __init__(self, name, by=None, path_length=None):
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), _name(name)
        self.key_id = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        by = by or self
        self.certificate = (
            by.start(self.name, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(self.key_id, critical=False)
            .sign(by.key, hashes.SHA256())
        )

    def start(self, subject, public_key):
        now = datetime.datetime.utcnow()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 30 * DAY)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self.key_id), critical=False)
        )


class Authority:
    """Its files are beneath `top`: ca.pem for clients, NAME.pem (leaf, intermediate, key) for servers."""

    def __init__(self, top):
        if x509 is None:
            raise Failed("python3-cryptography is not installed: tools/dev/setup bench")
        self.top = top
        os.makedirs(top, exist_ok=True)
        root = _Issuer("ringfetch bench root")
        self._issuer = _Issuer("ringfetch bench intermediate", by=root, path_length=0)
        self._chain = _pem(self._issuer.certificate)
        self.cacert = os.path.join(top, "ca.pem")
        self._write(self.cacert, _pem(root.certificate))

    @staticmethod
    def _write(path, text):
        with open(path, "wb") as file:
            file.write(text)

    def host(self, address):
        """The path of a new host's certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        leaf = (
            self._issuer.start(_name(address), key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(server, critical=False)
            .add_extension(names, critical=False)
            .add_extension(key_id, critical=False)
            .sign(self._issuer.key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = os.path.join(self.top, f"{address}.pem")
        self._write(path, _pem(leaf) + self._chain + secret)
        return path
