"""The one client of Google's APIs: tokens, quota, retries, breaker, batches, and errors that are ours.

google-api-python-client knows the methods (from the discovery documents that it carries); the transport is ours, since
its own (httplib2) is not safe for threads and knows no deadline.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import googleapiclient.discovery_cache
from googleapiclient.discovery import build_from_document

from lib.accounts import access
from lib.accounts.models import Account
from lib.core import purpose, retry
from lib.core.breaker import Breaker, breaker
from lib.core.errors import Problem, ProviderFailed, ReconnectRequired
from lib.core.settings import load
from lib.core.store import UserId
from lib.office.errors import ProviderThrottled, is_outage, pause_before_retry
from lib.office.google import batch
from lib.office.google.errors import TokenRefused, missing_scope, refusal
from lib.office.google.settings import GoogleApiSettings
from lib.office.google.transport import Reply, send
from lib.office.ports import TokenSource
from lib.office.quota import Lane, QuotaLedger, ledger

Json = dict[str, Any]
Call = Any
"""A call as google-api-python-client describes it: `uri` and `methodId`."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class GoogleApi:
    """One of Google's APIs: its name, version, and the scopes of which any allows reading, narrowest first.

    `purpose` is what its tokens are for when nobody has named the purpose of the work at hand.
    """

    name: str
    version: str
    scopes: tuple[str, ...]
    purpose: str

    @property
    def dependency(self) -> str:
        """What its breaker and retry budget are called."""
        return f"google-{self.name}"


GMAIL = GoogleApi(
    "gmail",
    "v1",
    (
        "https://www.googleapis.com/auth/gmail.readonly",
        "https://www.googleapis.com/auth/gmail.modify",
        "https://mail.google.com/",
    ),
    "read mail",
)
CALENDAR = GoogleApi(
    "calendar",
    "v3",
    (
        "https://www.googleapis.com/auth/calendar.readonly",
        "https://www.googleapis.com/auth/calendar",
        "https://www.googleapis.com/auth/calendar.events.readonly",
        "https://www.googleapis.com/auth/calendar.events",
    ),
    "read calendars",
)


@dataclass(frozen=True)
class Safeguards:
    """What keeps us from harming a provider that is ill or busy; by default one of each for the whole process."""

    breaker: Callable[[str], Breaker] = breaker
    retries: Callable[[str], retry.RetryBudget] = retry.budget
    ledger: Callable[[str, int], QuotaLedger] = ledger


SHARED = Safeguards()


class GoogleClient:
    """Calls one API for one account. Safe for threads.

    Every call may raise `ReconnectRequired`, `Forbidden`, `NotFound`, `ProviderThrottled`, `ProviderFailed`,
    `Unavailable` and `DeadlineExceeded`.
    """

    def __init__(
        self,
        person: UserId,
        account: Account,
        api: GoogleApi,
        tokens: TokenSource = access,
        lane: Lane = Lane.PEOPLE,
        safeguards: Safeguards = SHARED,
    ) -> None:
        self._person = person
        self._account = account
        self._api = api
        self._tokens = tokens
        self._lane = lane
        self._safeguards = safeguards

    @property
    def methods(self) -> Any:
        """The API's methods, as google-api-python-client builds them; what they return is for `call` and `batch`."""
        return _service(self._api, load(GoogleApiSettings).google_api_endpoint)

    def call(self, call: Call) -> Json:
        """The answer to one call."""
        return self._repeatedly(lambda token: _content(_get(call.uri, token)), [call])

    def batch(self, calls: Sequence[Call]) -> list[Json | Problem]:
        """The answers to many calls in order, fifty in each request; a part that fails is a problem in its place."""
        answers: list[Json | Problem] = []
        for first in range(0, len(calls), batch.MOST_PARTS):
            answers += self._batch(calls[first : first + batch.MOST_PARTS])
        return answers

    def _batch(self, calls: Sequence[Call]) -> list[Json | Problem]:
        """One batch, of which only the parts that failed in passing are asked again."""
        answers: dict[int, Json | Problem] = {}
        open_places = list(range(len(calls)))

        def attempt(token: str) -> None:
            asked = [calls[place] for place in open_places]
            for place, answer in zip(list(open_places), self._post_batch(asked, token), strict=True):
                answers[place] = answer
            failed = {place: answer for place in open_places if isinstance(answer := answers[place], Problem)}
            open_places[:] = [place for place, problem in failed.items() if pause_before_retry(problem) is not None]
            if open_places:
                raise failed[open_places[0]]

        try:
            self._repeatedly(attempt, calls)
        except Problem:
            if len(answers) < len(calls):
                raise
        return [answers[place] for place in range(len(calls))]

    def _post_batch(self, calls: Sequence[Call], token: str) -> list[Json | Problem]:
        envelope = batch.pack([call.uri for call in calls])
        url = f"{_root()}/batch/{self._api.name}/{self._api.version}"
        headers = _headers(token) | {"content-type": envelope.content_type}
        reply = send("POST", url, headers, envelope.body)
        if reply.status >= 400:
            raise refusal(reply.status, reply.headers, reply.body)
        return [_part(part) for part in batch.unpack(reply, len(calls))]

    def _repeatedly(self, attempt: Callable[[str], _T], calls: Sequence[Call]) -> _T:
        """The attempt under the quota, the breaker and the retry budget."""
        return retry.run(
            lambda: self._once(attempt, calls),
            spending=self._safeguards.retries(self._api.dependency),
            pause_before_retry=pause_before_retry,
        )

    def _once(self, attempt: Callable[[str], _T], calls: Sequence[Call]) -> _T:
        """The attempt with a token; a refused token is replaced once."""
        scopes, named = self._scopes(), purpose.current() or self._api.purpose
        token = self._tokens.access_token(self._person, self._account.id, purpose=named, scopes=scopes)
        try:
            return self._guarded(attempt, token, calls)
        except TokenRefused:
            token = self._tokens.replace_refused(self._person, self._account.id, token, purpose=named, scopes=scopes)
        try:
            return self._guarded(attempt, token, calls)
        except TokenRefused:
            raise ReconnectRequired("Google does not accept the account's access any more") from None

    def _guarded(self, attempt: Callable[[str], _T], token: str, calls: Sequence[Call]) -> _T:
        costs = load(GoogleApiSettings).google_unit_costs
        self._ledger().spend(self._account.id, sum(costs.get(call.methodId, 1) for call in calls), self._lane)
        try:
            guard = self._safeguards.breaker(self._api.dependency)
            return guard.call(lambda: attempt(token), is_outage=is_outage)
        except ProviderThrottled as throttled:
            self._ledger().close(self._account.id, throttled.retry_after)
            raise

    def _ledger(self) -> QuotaLedger:
        settings = load(GoogleApiSettings)
        is_mail = self._api is GMAIL
        units = settings.google_gmail_units_per_minute if is_mail else settings.google_calendar_requests_per_minute
        return self._safeguards.ledger(self._api.dependency, units)

    def _scopes(self) -> tuple[str, ...]:
        """The narrowest granted scope that allows reading. Raises `Forbidden` if there is none."""
        granted = next((scope for scope in self._api.scopes if scope in self._account.scopes), None)
        if granted is None:
            raise missing_scope([self._api.scopes[0]])
        return (granted,)


def _get(url: str, token: str) -> Reply:
    return send("GET", url, _headers(token))


def _headers(token: str) -> dict[str, str]:
    # Google compresses only for those whose name says so:
    # https://developers.google.com/workspace/gmail/api/guides/performance#gzip
    return {
        "authorization": f"Bearer {token}",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "user-agent": "briefly (gzip)",
    }


def _content(reply: Reply) -> Json:
    if reply.status >= 400:
        raise refusal(reply.status, reply.headers, reply.body)
    try:
        content: Json = json.loads(reply.body)
    except ValueError:
        raise ProviderFailed("Google's answer is not JSON") from None
    return content


def _part(reply: Reply) -> Json | Problem:
    try:
        return _content(reply)
    except Problem as problem:
        return problem


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
