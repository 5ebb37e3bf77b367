"""The key material behind a Cloud KMS key version: what seals, opens and signs, knowing no names."""

import os
import uuid
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = b"\x01"
ID_LENGTH = 16
NONCE_LENGTH = 12


class Unreadable(ValueError):
    """The ciphertext was not made by this key with this associated data."""


class Unsignable(ValueError):
    """The key's algorithm does not sign what it was given."""


def version_in(ciphertext: bytes) -> bytes:
    """The id of the key version that made a ciphertext; raises Unreadable if it has none."""
    if len(ciphertext) < len(FORMAT) + ID_LENGTH + NONCE_LENGTH + 16 or not ciphertext.startswith(FORMAT):
        raise Unreadable
    return ciphertext[len(FORMAT) : len(FORMAT) + ID_LENGTH]


class SymmetricMaterial:
    """AES-256 in Galois/Counter Mode: https://cloud.google.com/kms/docs/algorithms#symmetric_encryption_algorithms

    A ciphertext names the version that made it, so that Decrypt needs only the key:
    https://cloud.google.com/kms/docs/encrypt-decrypt#decrypt
    """

    def __init__(self) -> None:
        self.id = uuid.uuid4().bytes
        self._cipher = AESGCM(AESGCM.generate_key(256))

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Encrypt under a fresh nonce."""
        nonce = os.urandom(NONCE_LENGTH)
        return FORMAT + self.id + nonce + self._cipher.encrypt(nonce, plaintext, associated_data)

    def open(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        """Decrypt; raises Unreadable if anything was changed."""
        header = len(FORMAT) + ID_LENGTH
        nonce, sealed = ciphertext[header : header + NONCE_LENGTH], ciphertext[header + NONCE_LENGTH :]
        try:
            return self._cipher.decrypt(nonce, sealed, associated_data)
        except InvalidTag as error:
            raise Unreadable from error


@dataclass(frozen=True)
class SigningMaterial:
    """A key that signs: https://cloud.google.com/kms/docs/algorithms#asymmetric_signing_algorithms"""

    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

    @property
    def public_pem(self) -> str:
        """The public key as SubjectPublicKeyInfo in PEM."""
        public = self.key.public_key()
        encoded = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return encoded.decode()

    def sign(self, data: bytes) -> bytes:
        """Sign a whole message."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest; raises Unsignable for a key or a digest that does not allow it."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            raise Unsignable("this algorithm signs data, not a digest")
        if len(digest) != hashes.SHA256.digest_size:
            raise Unsignable("a SHA-256 digest has 32 bytes")
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        return self.key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))


Material = SymmetricMaterial | SigningMaterial
