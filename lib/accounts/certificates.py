"""Certificates of erasure: signed, kept by the receipt of the deletion, and saying nothing of whose it was."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from lib.core import storage
from lib.core.object_names import shared
from lib.users.models import Receipt

BUCKET = "certificates"
CONTENT_TYPE = "application/json"

TEXT = """\
Briefly deleted the keyset under which it had sealed the access and refresh tokens of the person with this receipt. \
That keyset was only ever wrapped by versions of the key named here up to the version named here. By `destroyed_at` \
the destruction of all of these versions had been ordered, which takes effect within hours: they open nothing any \
more, and so those tokens cannot be opened from any backup. Until `final_at` Briefly could still call the destruction \
off; after that nobody can. Whatever else Briefly deleted of the person dies with the last backup that holds it, \
`backups_kept_days` days after it was deleted. This certificate says nothing more."""


class Statement(BaseModel):
    """What a certificate says."""

    format: Literal["briefly/erasure-certificate/1"] = "briefly/erasure-certificate/1"
    receipt: str
    erased_at: datetime
    key: str
    destroyed_up_to_version: int
    destroyed_at: datetime
    final_at: datetime
    backups_kept_days: int
    issued_at: datetime
    text: str = TEXT


class Certificate(BaseModel):
    """A `Statement` as the very text that is signed, in UTF-8; signature in base64, public key in PEM.

    RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2).
    """

    statement: str
    signature: str
    algorithm: str
    key_version: str
    public_key: str


def read(receipt: Receipt) -> Certificate:
    """The certificate of a deletion. Raises `NotFound` while there is none, and `Unavailable`."""
    name = shared(receipt)
    content = b"".join(storage.read(BUCKET, storage.describe(BUCKET, name)))
    return Certificate.model_validate_json(content)
