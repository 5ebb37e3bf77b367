"""Identifiers on the wire: opaque and stable; they name the account and the thing at its provider."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

from lib.core.errors import NotFound

MAXIMUM_CHARACTERS = 2048
_ACCOUNT = re.compile(r"acc_[0-9a-v]{24}")

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=MAXIMUM_CHARACTERS)]


@dataclass(frozen=True)
class Named:
    """What an identifier names: an account, and the provider's own ids on the way to the thing."""

    account_id: str
    provider_ids: tuple[str, ...]


def encode(account_id: str, *provider_ids: str) -> str:
    """The identifier, such as `acc_….MThjMg`: the same for the same thing, always."""
    return ".".join([account_id, *(_text(provider_id) for provider_id in provider_ids)])


def decode(identifier: str, parts: int = 1) -> Named:
    """What an identifier with this many provider ids names. Raises `NotFound` for what is none."""
    account_id, *encoded = identifier.split(".")
    if len(encoded) != parts or not _ACCOUNT.fullmatch(account_id) or len(identifier) > MAXIMUM_CHARACTERS:
        raise NotFound()
    try:
        provider_ids = tuple(urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode() for text in encoded)
    except ValueError:
        raise NotFound() from None
    if encode(account_id, *provider_ids) != identifier or not all(provider_ids):
        raise NotFound()
    return Named(account_id, provider_ids)


def _text(provider_id: str) -> str:
    return urlsafe_b64encode(provider_id.encode()).decode().rstrip("=")
