"""How long the vault takes to hand out an access token."""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp

from lib.accounts import access
from lib.core import settings
from lib.core.store import UserId
from scripts.benchmarks.figures import Figure, Part, Table
from scripts.benchmarks.first_requests import MICROSOFT_SCOPE, SCOPE, Cast
from scripts.benchmarks.instances import Instance, Program, Refused, running
from scripts.benchmarks.progress import say
from scripts.benchmarks.samples import percentile
from scripts.benchmarks.surroundings import Person, Surroundings
from scripts.local.catalog import REPOSITORY
from scripts.local.people.cast import known_cast

FRESH, QUICK_FRESH = 300, 10
REFRESHED, QUICK_REFRESHED = 40, 2
COLD, QUICK_COLD = 60, 2
KEPT = 1000
WARMING = 10
IN_MEMORY, STORED = "from the caller's memory", "stored and fresh"
UNWRAPPED, KMS_EACH_TIME = "stored and fresh, keyset not in memory", "with KMS at each hand-out"
RENEWED, RENEWED_AT_MICROSOFT = "refreshed at Google", "refreshed at Microsoft"

PEER = REPOSITORY / "scripts" / "benchmarks" / "vaults" / "kms_each_time"

_METHOD = """\
A warm instance of `tokens` is asked for a token of a connected Google account, as `mail` asks it, one request at a time
over one kept connection: {fresh} times while the stored token is good (Firestore holds it sealed, the keyset is in
memory, each hand-out is written to the audit log first), and {refreshed} times with word that Google has refused it, so
that it is refreshed at the local Google under a lease; as often so for a Microsoft account, whose new refresh token is
stored before the access token is handed out. {cold} times it is asked for the token of somebody whose keyset it has not
unwrapped yet, and whose use it notes. The peer keeps no keysets: it has Cloud KMS open the token at each of {fresh}
hand-outs, reads it from Firestore and writes to the audit log as the vault does, and does nothing else. Cloud KMS is
the local emulator, a process away; Google's own is a network away, so that the difference is larger there by as much as
that takes. What callers keep in memory is timed in this process: they keep
a token until five minutes before it expires, so that an instance pays for a hand-out about once an hour for each
account and purpose."""


async def measure(around: Surroundings, cast: Cast, *, quick: bool = False) -> Part:
    """Ask for tokens of all kinds."""
    fresh, refreshed = (QUICK_FRESH, QUICK_REFRESHED) if quick else (FRESH, REFRESHED)
    say(f"the vault, {fresh} hand-outs and twice {refreshed} refreshes")
    await around.rest()
    times: dict[str, list[float]] = {STORED: [], UNWRAPPED: [], RENEWED: [], RENEWED_AT_MICROSOFT: []}
    unknown = [await _somebody(around) for _ in range(QUICK_COLD if quick else COLD)]
    google = _Wanted(cast.connected, cast.account_id, SCOPE)
    microsoft = _Wanted(cast.microsoft, cast.microsoft_account_id, MICROSOFT_SCOPE)
    async with running(around, Program("tokens")) as tokens, aiohttp.ClientSession() as session:
        await tokens.ready()
        for number in range(WARMING + fresh):
            _, milliseconds = await _handed_out(around, google, tokens, session)
            times[STORED] += [milliseconds] if number >= WARMING else []
        for somebody in unknown:
            _, milliseconds = await _handed_out(around, somebody, tokens, session)
            times[UNWRAPPED].append(milliseconds)
        for name, wanted in ((RENEWED, google), (RENEWED_AT_MICROSOFT, microsoft)):
            token, _ = await _handed_out(around, wanted, tokens, session)
            for _ in range(refreshed):
                before = token
                token, milliseconds = await _handed_out(around, wanted, tokens, session, refused=before)
                if token == before:
                    raise Refused(f"{name}: the token is the one before")
                times[name].append(milliseconds)
    times[KMS_EACH_TIME] = await _from_the_peer(around, fresh)
    times[IN_MEMORY] = await asyncio.to_thread(_from_memory, around, cast)
    return _part(times)


@dataclass(frozen=True)
class _Wanted:
    """Whose token is asked for, of which account, and what it has to allow."""

    person: Person
    account_id: str
    scope: str


async def _handed_out(
    around: Surroundings, wanted: _Wanted, tokens: Instance, session: aiohttp.ClientSession, refused: str | None = None
) -> tuple[str, float]:
    wish = {"account_id": wanted.account_id, "purpose": "read mail", "scopes": [wanted.scope]}
    if refused is not None:
        wish["refused_token_hash"] = hashlib.sha256(refused.encode()).hexdigest()
    ask = around.asked_by_sibling(wanted.person, "mail", "tokens", "/access-tokens", wish)
    began = time.perf_counter()
    url = f"http://127.0.0.1:{tokens.port}{ask.target}"
    async with session.post(url, data=ask.body, headers=ask.headers) as answer:
        text = await answer.text()
    milliseconds = (time.perf_counter() - began) * 1000
    if answer.status != 200:
        raise Refused(f"{ask.target}: {answer.status} {text}")
    return str(json.loads(text)["token"]), milliseconds


async def _somebody(around: Surroundings) -> _Wanted:
    """Somebody new with a Google account."""
    person = await around.sign_up()
    return _Wanted(person, await around.connect(person, "google", known_cast("demo").email), SCOPE)


async def _from_the_peer(around: Surroundings, number: int) -> list[float]:
    """How long the peer takes, in milliseconds."""
    times: list[float] = []
    async with running(around, Program("tokens", PEER)) as peer, aiohttp.ClientSession() as session:
        await peer.ready()
        for asked in range(WARMING + number):
            began = time.perf_counter()
            async with session.post(f"http://127.0.0.1:{peer.port}/") as answer:
                text = await answer.text()
            milliseconds = (time.perf_counter() - began) * 1000
            if answer.status != 200:
                raise Refused(f"the peer: {answer.status} {text}")
            times += [milliseconds] if asked >= WARMING else []
    return times


def _from_memory(around: Surroundings, cast: Cast) -> list[float]:
    times: list[float] = []
    site = around.cloud.supervisor.services["mail"].site
    with _environment(site.environment("mail", 0)):
        for number in range(KEPT + 1):
            began = time.perf_counter()
            access.access_token(UserId(cast.connected.user), cast.account_id, purpose="read mail", scopes=[SCOPE])
            times += [(time.perf_counter() - began) * 1000] if number else []
    return times


@contextmanager
def _environment(of_function: Mapping[str, str]) -> Iterator[None]:
    """Be that function for as long as the block."""
    before = dict(os.environ)
    os.environ.update(of_function)
    settings.forget()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.forget()


def _part(times: Mapping[str, list[float]]) -> Part:
    figures = [
        Figure(f"hand-out, {name}, {share}", percentile(times[name], value), "ms", digits=3 if name == IN_MEMORY else 1)
        for name in (IN_MEMORY, STORED, UNWRAPPED, KMS_EACH_TIME, RENEWED, RENEWED_AT_MICROSOFT)
        for share, value in (("p50", 0.5), ("p99", 0.99))
    ]
    rows = [[name, str(len(values)), f"{percentile(values, 0.95):.3f}"] for name, values in times.items()]
    return Part(
        title="The vault",
        question="How long does a function wait for an access token?",
        method=_METHOD.format(fresh=len(times[STORED]), refreshed=len(times[RENEWED]), cold=len(times[UNWRAPPED])),
        figures=figures,
        tables=[Table("In between", ("hand-out", "number", "p95, ms"), rows)],
        conclusions=[
            f"At the median a caller waits {percentile(times[STORED], 0.5):.1f} ms for a token that the vault holds "
            f"and {percentile(times[RENEWED], 0.5):.1f} ms for one that it refreshes at Google, or "
            f"{percentile(times[RENEWED_AT_MICROSOFT], 0.5):.1f} ms at Microsoft, beside "
            f"{percentile(times[IN_MEMORY], 0.5):.3f} ms for one of its own.",
            f"With the keyset in memory that is {percentile(times[STORED], 0.5):.1f} ms, with one to unwrap first "
            f"{percentile(times[UNWRAPPED], 0.5):.1f} ms, beside "
            f"{percentile(times[KMS_EACH_TIME], 0.5):.1f} ms of a vault that asks KMS each time.",
        ],
    )
