"""Certificates for tests, made on the spot: an authority, and what it signs. PEM files in a directory."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFE = timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority with its own self-signed certificate, `ca`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.ca = folder / f"{name}.ca.pem"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self._write(self.ca, self._certificate(self._name, self._key.public_key()).add_extension(basic, critical=True))

    def sign(self, name: str, *, expired: bool = False) -> Signed:
        """A certificate for the loopback address and `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
        age = 3 * LIFE if expired else timedelta(minutes=1)
        signed = Signed(self._folder / f"{name}.cert.pem", self._folder / f"{name}.key.pem")
        self._write(signed.cert, self._certificate(subject, key.public_key(), age).add_extension(names, critical=False))
        signed.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return signed

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, age: timedelta = timedelta(minutes=1)
    ) -> x509.CertificateBuilder:
        begin = datetime.now(UTC) - age
        return x509.CertificateBuilder(
            self._name, subject, key, x509.random_serial_number(), begin, begin + LIFE
        )  # fmt: skip

    def _write(self, path: Path, builder: x509.CertificateBuilder) -> None:
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
