"""Connecting, listing and disconnecting accounts."""

from typing import Any

import functions_framework
from pydantic import BaseModel

from lib.accounts import connecting, store
from lib.accounts.google.settings import GoogleConsentSettings
from lib.accounts.microsoft.settings import MicrosoftSettings
from lib.accounts.models import (
    Account,
    AccountId,
    AccountList,
    ConnectionFinish,
    ConnectionStart,
    ConnectionStarted,
    Shredded,
)
from lib.accounts.providers import RedirectSettings
from lib.core.events import EventSettings
from lib.core.http import Service
from lib.core.identity import Identity
from lib.core.store import UserId
from lib.usage.rate import requests_per_minute

service = Service(
    "Accounts",
    limit=requests_per_minute,
    requires=(RedirectSettings, GoogleConsentSettings, MicrosoftSettings, EventSettings),
)


class AccountPath(BaseModel):
    """Names an account."""

    account_id: AccountId


@service.get("/")
def list_accounts(person: UserId) -> AccountList:
    """The connected accounts"""
    return AccountList(accounts=store.accounts(person))


@service.get("/<account_id>")
def read_account(person: UserId, path: AccountPath) -> Account:
    """One connected account"""
    return connecting.read(person, path.account_id)


@service.post("/connections", status=201)
def start_connection(identity: Identity, body: ConnectionStart) -> ConnectionStarted:
    """Begin to connect an account: where to send the person"""
    return connecting.start(identity, body)


@service.post("/connections/finish", sensitive=True)
def finish_connection(identity: Identity, body: ConnectionFinish) -> Account:
    """Finish connecting, with what the provider sent the person back with"""
    return connecting.finish(identity, body)


@service.delete("/<account_id>", sensitive=True)
def disconnect_account(person: UserId, path: AccountPath) -> Shredded:
    """Disconnect an account: its tokens are revoked and forgotten"""
    return connecting.disconnect(person, path.account_id)


@functions_framework.http
def accounts(request: Any) -> Any:
    """Serve a request."""
    return service(request)
