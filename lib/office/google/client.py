"""The one client of Google's APIs.

google-api-python-client knows the methods (from the discovery documents that it carries); the transport is ours, since
its own (httplib2) is not safe for threads and knows no deadline.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import googleapiclient.discovery_cache
from googleapiclient.discovery import build_from_document

from lib.core.errors import Problem
from lib.core.settings import load
from lib.core.transport import send
from lib.office.calling import Api, Caller, Calling, Json, Tariff, content, judged
from lib.office.google import batch
from lib.office.google.errors import refusal
from lib.office.google.settings import GoogleApiSettings

VENDOR = "Google"
Call = Any
"""A call as google-api-python-client describes it: `uri` and `methodId`."""


@dataclass(frozen=True)
class GoogleApi(Api):
    """One of Google's APIs."""

    version: str


GMAIL = GoogleApi(
    VENDOR,
    "gmail",
    (
        "https://www.googleapis.com/auth/gmail.readonly",
        "https://www.googleapis.com/auth/gmail.modify",
        "https://mail.google.com/",
    ),
    "read mail",
    "v1",
)
CALENDAR = GoogleApi(
    VENDOR,
    "calendar",
    (
        "https://www.googleapis.com/auth/calendar.readonly",
        "https://www.googleapis.com/auth/calendar",
        "https://www.googleapis.com/auth/calendar.events.readonly",
        "https://www.googleapis.com/auth/calendar.events",
    ),
    "read calendars",
    "v3",
)


class GoogleClient:
    """Calls one API for one account, as `Calling` does. Safe for threads."""

    def __init__(self, api: GoogleApi, caller: Caller) -> None:
        self._api = api
        self._calling: Calling[Call] = Calling(api, caller, _tariff(api))

    @property
    def methods(self) -> Any:
        """The API's methods, as google-api-python-client builds them; what they return is for `call` and `batch`."""
        return _service(self._api, load(GoogleApiSettings).google_api_endpoint)

    def call(self, call: Call) -> Json:
        """The answer to one call."""
        return self._calling.one(call, _get)

    def batch(self, calls: Sequence[Call]) -> list[Json | Problem]:
        """The answers to many calls in order, fifty in each request; a part that fails is a problem in its place."""
        return self._calling.many(calls, batch.MOST_PARTS, self._post_batch)

    def _post_batch(self, calls: Sequence[Call], token: str) -> list[Json | Problem]:
        envelope = batch.pack([call.uri for call in calls])
        url = f"{_root()}/batch/{self._api.name}/{self._api.version}"
        headers = _headers(token) | {"content-type": envelope.content_type}
        reply = send(VENDOR, "POST", url, headers, envelope.body)
        if reply.status >= 400:
            raise refusal(reply)
        return [judged(VENDOR, part, refusal) for part in batch.unpack(reply, len(calls))]


def _tariff(api: GoogleApi) -> Tariff[Call]:
    settings = load(GoogleApiSettings)
    per_minute = (
        settings.google_gmail_units_per_minute if api is GMAIL else settings.google_calendar_requests_per_minute
    )
    costs = settings.google_unit_costs
    return Tariff(api.dependency, per_minute, lambda calls: sum(costs.get(call.methodId, 1) for call in calls))


def _get(call: Call, token: str) -> Json:
    return content(VENDOR, send(VENDOR, "GET", call.uri, _headers(token)), refusal)


def _headers(token: str) -> dict[str, str]:
    # Google compresses only for those whose name says so:
    # https://developers.google.com/workspace/gmail/api/guides/performance#gzip
    return {
        "authorization": f"Bearer {token}",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "user-agent": "briefly (gzip)",
    }


def _root() -> str:
    return load(GoogleApiSettings).google_api_endpoint.rstrip("/")


@cache
def _service(api: GoogleApi, endpoint: str) -> Any:
    """The API's methods, built from the document that the library carries: nothing is fetched."""
    document = json.loads(googleapiclient.discovery_cache.get_static_doc(api.name, api.version))
    base = f"{endpoint.rstrip('/')}/{document['servicePath']}"
    return _Collection(build_from_document(document, http=_NoTransport(), client_options={"api_endpoint": base}))


class _Collection:
    """A collection of methods, and the collections in it, each built once: the library builds one anew whenever it is
    named, with every method in it, which for a batch of messages takes longer than to read them.
    """

    def __init__(self, built: Any) -> None:
        self._built = built

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._built, name)
        if getattr(found, "__is_resource__", False):
            collection = _Collection(found())
            found = lambda: collection  # noqa: E731 (it stands where the library's own method would)
        setattr(self, name, found)
        return found


class _NoTransport:
    """Stands where the library wants a transport: calls are only described by it, never made."""
