"""The key pairs that Google keeps for service accounts, and the certificates that it publishes of them.

https://cloud.google.com/iam/docs/service-account-creds#google-managed-keys: the private half never leaves Google and
signs through the IAM Credentials API.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha1

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from scripts.local import clock

CERTIFICATE_LIFETIME = timedelta(days=16)


@dataclass
class ServiceAccountKeys:
    """A key per account, made when it is first needed, since making one takes a tenth of a second."""

    accounts: Iterable[str]
    _keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.accounts = frozenset(self.accounts)

    def sign(self, account: str, message: bytes) -> tuple[str, bytes]:
        """The key's id and the signature (RSA PKCS #1 v1.5 with SHA-256). Raises KeyError for a stranger."""
        key = self._key(account)
        return self.key_id(account), key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def has_signed(self, account: str, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this account's; never of a stranger."""
        try:
            self._key(account).public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except (KeyError, InvalidSignature):
            return False
        return True

    def key_id(self, account: str) -> str:
        """What names the key among the account's certificates. Raises KeyError for a stranger."""
        public = self._key(account).public_key()
        encoded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return sha1(encoded, usedforsecurity=False).hexdigest()

    def certificates(self, account: str) -> dict[str, str]:
        """The certificates by key id, as https://www.googleapis.com/service_accounts/v1/metadata/x509/EMAIL has them.

        Raises KeyError for a stranger.
        """
        key, now = self._key(account), clock.now()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, account.partition("@")[0])])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + CERTIFICATE_LIFETIME)
            .sign(key, hashes.SHA256())
        )
        return {self.key_id(account): certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def _key(self, account: str) -> rsa.RSAPrivateKey:
        if account not in self.accounts:
            raise KeyError(account)
        if account not in self._keys:
            self._keys[account] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._keys[account]
