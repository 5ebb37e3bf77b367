"""How a provider is called for an account: with a token for the purpose, under quota, breaker and retry budget."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from lib.accounts import access
from lib.accounts.models import Account
from lib.core import purpose, retry
from lib.core.breaker import Breaker, breaker
from lib.core.errors import Problem, ProviderFailed, ReconnectRequired
from lib.core.store import UserId
from lib.core.transport import Reply
from lib.office.errors import ProviderThrottled, TokenRefused, is_outage, missing_scope, pause_before_retry
from lib.office.ports import TokenSource
from lib.office.quota import Lane, QuotaLedger, ledger

Json = dict[str, Any]

_C = TypeVar("_C")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Api:
    """One API of a vendor, and the scopes of which any allows reading, narrowest first.

    `purpose` is what its tokens are for when nobody has named the purpose of the work at hand.
    """

    vendor: str
    name: str
    scopes: tuple[str, ...]
    purpose: str

    @property
    def dependency(self) -> str:
        """What its breaker and retry budget are called."""
        return f"{self.vendor.lower()}-{self.name}"


@dataclass(frozen=True)
class Tariff(Generic[_C]):
    """What an account may spend in a minute, what calls cost, and the name of the ledger that counts it."""

    name: str
    units_per_minute: int
    cost: Callable[[Sequence[_C]], int]


@dataclass(frozen=True)
class Safeguards:
    """What keeps us from harming a provider that is ill or busy; by default one of each for the whole process."""

    breaker: Callable[[str], Breaker] = breaker
    retries: Callable[[str], retry.RetryBudget] = retry.budget
    ledger: Callable[[str, int], QuotaLedger] = ledger


SHARED = Safeguards()


@dataclass(frozen=True)
class Caller:
    """For whom a provider is called: whose account, with whose tokens, in which lane."""

    person: UserId
    account: Account
    tokens: TokenSource = access
    lane: Lane = Lane.PEOPLE
    safeguards: Safeguards = SHARED


class Calling(Generic[_C]):
    """Makes calls of one API for one account. Safe for threads.

    Every call may raise `ReconnectRequired`, `Forbidden`, `NotFound`, `ProviderThrottled`, `ProviderFailed`,
    `Unavailable` and `DeadlineExceeded`.
    """

    def __init__(self, api: Api, caller: Caller, tariff: Tariff[_C]) -> None:
        self._api = api
        self._caller = caller
        self._tariff = tariff

    def one(self, call: _C, make: Callable[[_C, str], Json]) -> Json:
        """The answer to one call, which `make` makes with a token."""
        return self._repeatedly(lambda token: make(call, token), lambda: [call])

    def judged(self, call: _C, make: Callable[[_C, str], Json]) -> Json | Problem:
        """The answer to one call, or its problem."""
        try:
            return self.one(call, make)
        except Problem as problem:
            return problem

    def many(
        self, calls: Sequence[_C], most: int, make: Callable[[Sequence[_C], str], list[Json | Problem]]
    ) -> list[Json | Problem]:
        """The answers to many calls in order, of which `make` makes `most` at once with a token.

        A call that fails is a problem in its place.
        """
        answers: list[Json | Problem] = []
        for first in range(0, len(calls), most):
            answers += self._together(calls[first : first + most], make)
        return answers

    def _together(
        self, calls: Sequence[_C], make: Callable[[Sequence[_C], str], list[Json | Problem]]
    ) -> list[Json | Problem]:
        """Calls made at once, of which only those that failed in passing are made again."""
        answers: dict[int, Json | Problem] = {}
        open_places = list(range(len(calls)))

        def asked() -> list[_C]:
            return [calls[place] for place in open_places]

        def attempt(token: str) -> None:
            for place, answer in zip(list(open_places), make(asked(), token), strict=True):
                answers[place] = answer
            failed = {place: answer for place in open_places if isinstance(answer := answers[place], Problem)}
            open_places[:] = [place for place, problem in failed.items() if pause_before_retry(problem) is not None]
            if open_places:
                worst = max((failed[place] for place in open_places), key=_pause)
                raise worst if _is_outage_of_all(answers.values()) else _PartsFailed(worst)

        try:
            self._repeatedly(attempt, asked)
        except Problem:
            if len(answers) < len(calls):
                raise
        return [answers[place] for place in range(len(calls))]

    def _repeatedly(self, attempt: Callable[[str], _T], calls: Callable[[], Sequence[_C]]) -> _T:
        """The attempt under the quota, the breaker and the retry budget."""
        return retry.run(
            lambda: self._once(attempt, calls()),
            spending=self._caller.safeguards.retries(self._api.dependency),
            pause_before_retry=pause_before_retry,
        )

    def _once(self, attempt: Callable[[str], _T], calls: Sequence[_C]) -> _T:
        """The attempt with a token; a refused token is replaced once."""
        person, account_id, tokens = self._caller.person, self._caller.account.id, self._caller.tokens
        scopes, named = self._scopes(), purpose.current() or self._api.purpose
        token = tokens.access_token(person, account_id, purpose=named, scopes=scopes)
        try:
            return self._guarded(attempt, token, calls)
        except TokenRefused:
            token = tokens.replace_refused(person, account_id, token, purpose=named, scopes=scopes)
        try:
            return self._guarded(attempt, token, calls)
        except TokenRefused:
            raise ReconnectRequired(f"{self._api.vendor} does not accept the account's access any more") from None

    def _guarded(self, attempt: Callable[[str], _T], token: str, calls: Sequence[_C]) -> _T:
        account_id, safeguards = self._caller.account.id, self._caller.safeguards
        spending = safeguards.ledger(self._tariff.name, self._tariff.units_per_minute)
        spending.spend(account_id, self._tariff.cost(calls), self._caller.lane)
        guard = safeguards.breaker(self._api.dependency)
        try:
            return _through(guard, lambda: attempt(token))
        except ProviderThrottled as throttled:
            spending.close(account_id, throttled.retry_after)
            raise

    def _scopes(self) -> tuple[str, ...]:
        """The narrowest granted scope that allows reading. Raises `Forbidden` if there is none."""
        held = {scope.casefold() for scope in self._caller.account.scopes}
        granted = next((scope for scope in self._api.scopes if scope.casefold() in held), None)
        if granted is None:
            raise missing_scope([self._api.scopes[0]])
        return (granted,)


class _PartsFailed(Exception):
    """Parts of a batch failed, which others show to be no outage; `worst` is the problem to be repeated for."""

    def __init__(self, worst: Problem) -> None:
        super().__init__(str(worst))
        self.worst = worst


def _through(guard: Breaker, attempt: Callable[[], _T]) -> _T:
    """The attempt through the breaker. Raises what it raises, and the worst of the parts that failed."""
    try:
        return guard.call(attempt, is_outage=is_outage)
    except _PartsFailed as failed:
        raise failed.worst from None


def _is_outage_of_all(answers: Iterable[Json | Problem]) -> bool:
    """Whether nothing that was asked for, at first or again, was answered in health."""
    return all(isinstance(answer, Problem) and is_outage(answer) for answer in answers)


def _pause(problem: Problem) -> timedelta:
    return pause_before_retry(problem) or timedelta()


def content(vendor: str, reply: Reply, refusal: Callable[[Reply], Problem | TokenRefused]) -> Json:
    """What the answer holds. Raises what `refusal` makes of one with a status of 400 or more."""
    if reply.status >= 400:
        raise refusal(reply)
    try:
        held: Json = json.loads(reply.body)
    except ValueError:
        raise ProviderFailed(f"{vendor}'s answer is not JSON") from None
    return held


def judged(vendor: str, reply: Reply, refusal: Callable[[Reply], Problem | TokenRefused]) -> Json | Problem:
    """A part of a batch, judged by itself: what it holds, or its problem. Raises `TokenRefused`."""
    try:
        return content(vendor, reply, refusal)
    except Problem as problem:
        return problem


def required(answer: Json | Problem) -> Json:
    """The answer itself. Raises what stands in its place."""
    if isinstance(answer, Problem):
        raise answer
    return answer
