"""The vault's door: the only function whose identity may open keys and tokens."""

from typing import Any

import functions_framework

from lib.accounts.google import oauth as google
from lib.accounts.google.settings import GoogleTokenSettings
from lib.accounts.microsoft import oauth as microsoft
from lib.accounts.microsoft.settings import MicrosoftSettings
from lib.accounts.models import (
    AccessToken,
    ExchangedAccount,
    ExchangeRequest,
    HandOutRequest,
    Shredded,
    ShredRequest,
)
from lib.accounts.vault import key_sweeps, shredding, vault
from lib.accounts.vault.settings import BackupSettings, RotationSettings
from lib.core.http import Admits, Service
from lib.core.identity import Identity
from lib.core.keys import KeySettings
from lib.core.signature_settings import SignatureSettings
from lib.core.tasks import TaskSettings
from lib.users.models import Erased, ErasureRequest

service = Service(
    "Tokens",
    admits=Admits.NAMING_CALLERS,
    requires=(
        *(KeySettings, SignatureSettings, RotationSettings, BackupSettings, TaskSettings),
        *(GoogleTokenSettings, MicrosoftSettings),
    ),
    secrets=(google.CLIENT_SECRET, microsoft.CLIENT_SECRET),
)


@service.post("/exchanges")
def exchange_code(identity: Identity, body: ExchangeRequest) -> ExchangedAccount:
    """Turn a code into tokens and keep them"""
    return vault.exchange(identity, body)


@service.post("/access-tokens")
def hand_out_token(identity: Identity, body: HandOutRequest) -> AccessToken:
    """Hand out an access token for a purpose"""
    return vault.hand_out(identity, body)


@service.post("/shreddings")
def shred_tokens(identity: Identity, body: ShredRequest) -> Shredded:
    """Revoke an account's tokens and forget them"""
    return shredding.shred(identity, body)


@service.post("/erasures")
def erase_person(identity: Identity, body: ErasureRequest) -> Erased:
    """Revoke all of a person's tokens, and delete these and the keyset"""
    return shredding.erase(identity, body)


@service.post("/sweeps/rotations", status=204, admits=Admits.TASKS)
def rotate_keysets() -> None:
    """Give people's keysets new primary keys, where that is due"""
    key_sweeps.rotate_keysets()


@service.post("/sweeps/epochs", status=204, admits=Admits.TASKS)
def advance_epoch() -> None:
    """Give the vault's key a new version and destroy the older ones, where that is due"""
    key_sweeps.advance_epoch()


@functions_framework.http
def tokens(request: Any) -> Any:
    """Serve a request."""
    return service(request)
