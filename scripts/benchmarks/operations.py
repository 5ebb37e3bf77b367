"""What the usual actions of a person cost in operations of Firestore, which the model of costs is made from."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

from scripts.benchmarks.counting import counted, quiet
from scripts.benchmarks.figures import Figure, Part, Table
from scripts.benchmarks.firestore_proxy import FirestoreProxy
from scripts.benchmarks.firestore_writes import ANSWER_SECONDS, STARTED_WITHOUT_READER_SECONDS
from scripts.benchmarks.first_requests import QUESTION, Cast
from scripts.benchmarks.progress import say
from scripts.benchmarks.rig import rig
from scripts.benchmarks.surroundings import Surroundings
from scripts.benchmarks.upstream import TOKENS_PER_SECOND
from scripts.local.people.cast import known_cast

ROUNDS = 2
QUICK_ROUNDS = 1
WARM = ("users", "accounts", "tokens", "mail", "events", "chat", "stream", "webhooks", "on-user", "on-usage")

_METHOD = """\
A proxy between all functions and Firestore's emulator counts documents as Firestore bills them: those that were read,
one at least for each query, listener or aggregation and each document that is not there, those that were written, and
those that were deleted, in all databases. Each action goes through the front door, and counting goes on until nothing
more is written, so that what counts its usage is in it. The person has a Google account; instances are warm and hold
the person's token and keyset, but where it says that it is the first of the hour. The answer lasts {seconds} seconds.
{rounds} rounds, medians."""

_ANSWER = "ask, and read the answer"

_Act = Callable[[Surroundings, Cast], Awaitable[object]]


@dataclass(frozen=True)
class _Billed:
    """Documents, and requests that carried them."""

    reads: int
    writes: int
    deletes: int
    requests: int
    written: Counter[str]


async def measure(around: Surroundings, cast: Cast, rounds: int = ROUNDS, seconds: int = ANSWER_SECONDS) -> Part:
    """Do everything, and count."""
    billed: dict[str, list[_Billed]] = {name: [] for name in _ACTIONS}
    async with rig(around) as on, counted(around, WARM, on.environment(seconds * TOKENS_PER_SECOND)) as proxy:
        for number in range(rounds):
            for name, act in _ACTIONS.items():
                say(f"operations, round {number + 1} of {rounds}: {name}")
                billed[name].append(await _count(around, cast, proxy, act))
    columns = ("action", "documents read", "written", "deleted", "requests to Firestore")
    rows = [[name, *(f"{one:.0f}" for one in _medians(found))] for name, found in billed.items()]
    reads, writes, deletes, _ = _medians(billed[_ANSWER])
    return Part(
        title="Operations",
        question="What does Firestore bill for what a person does?",
        method=_METHOD.format(rounds=rounds, seconds=seconds),
        figures=[
            Figure("documents read for a question and its answer", reads, "", digits=0),
            Figure("documents written or deleted for them", writes + deletes, "", digits=0),
        ],
        tables=[Table("Documents and requests, by action", columns, rows)],
        conclusions=[
            f"A question whose answer lasts {seconds} seconds costs {reads:.0f} reads, {writes:.0f} writes and "
            f"{deletes:.0f} deletions. {_most_written(billed[_ANSWER])}"
        ],
    )


async def _count(around: Surroundings, cast: Cast, proxy: FirestoreProxy, act: _Act) -> _Billed:
    await quiet(proxy)
    proxy.clear()
    await act(around, cast)
    await quiet(proxy)
    return _Billed(
        proxy.reads, proxy.writes.total() - proxy.deletes, proxy.deletes, proxy.calls.total(), Counter(proxy.writes)
    )


async def _ask(around: Surroundings, cast: Cast) -> None:
    """A question in a new conversation; its task comes too late, and finds the answer there."""
    run_id = await around.ask(cast.connected, QUESTION)
    began = asyncio.get_running_loop().time()
    await around.read(cast.connected, f"/stream/runs/{run_id}")
    lasted = asyncio.get_running_loop().time() - began
    await asyncio.sleep(max(0.0, STARTED_WITHOUT_READER_SECONDS - lasted))


async def _connect(around: Surroundings, cast: Cast) -> None:
    await around.connect(cast.connected, "google", known_cast("demo").email)


async def _first_list(around: Surroundings, cast: Cast) -> None:
    """As on an instance that has just started, which asks the vault for a token."""
    service = around.cloud.supervisor.services["mail"]
    await service.scale(0)
    await _get("/mail/")(around, cast)


def _get(path: str) -> _Act:
    async def act(around: Surroundings, cast: Cast) -> None:
        await around.read(cast.connected, path)

    return act


async def _sign_up(around: Surroundings, _: Cast) -> None:
    await around.sign_up()


_ACTIONS: Mapping[str, _Act] = {
    "sign up": _sign_up,
    "connect an account": _connect,
    "read the profile": _get("/users/me"),
    "list mail, first of the hour": _first_list,
    "list mail": _get("/mail/"),
    "list events": _get("/events/"),
    "list conversations": _get("/chat/conversations"),
    _ANSWER: _ask,
}


def _most_written(found: list[_Billed]) -> str:
    """Writes and deletions of the collection that has most of them."""
    names = {name for one in found for name in one.written}
    medians = {name: median(one.written[name] for one in found) for name in names}
    most = max(sorted(medians), key=lambda name: medians[name])
    return f"The collection with most of the writes and deletions is `{most}`, with {medians[most]:.0f}."


def _medians(found: list[_Billed]) -> list[float]:
    return [median(getattr(one, name) for one in found) for name in ("reads", "writes", "deletes", "requests")]
