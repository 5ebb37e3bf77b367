"""How many documents Firestore writes for one answer, from the question to the last counter."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from statistics import median

from scripts.benchmarks.counting import counted, quiet
from scripts.benchmarks.figures import Figure, Part, Table, Target
from scripts.benchmarks.firestore_proxy import FirestoreProxy
from scripts.benchmarks.first_requests import QUESTION, Cast
from scripts.benchmarks.progress import say
from scripts.benchmarks.rig import rig
from scripts.benchmarks.surroundings import Surroundings
from scripts.benchmarks.upstream import TOKENS_PER_SECOND

ANSWER_SECONDS = 8
ANSWERS = 3
MOST_WRITES = 20
STARTED_WITHOUT_READER_SECONDS = 10
OF_USAGE = ("rate_windows", "usage_days", "usage_events")
"""What counts requests and models; all else is the question, or the answer and what it may cost."""

_METHOD = """\
A proxy between all functions and Firestore's emulator reads every commit and counts the documents in it. A question is
posted through the front door and its answer of {seconds} seconds is read to the end, by one reader, in a conversation
that exists; counting goes on until nothing more is written: usage counts by way of Pub/Sub, and the task that would
have begun the answer without a reader comes too late, and finds it there. {answers} answers, medians."""


@dataclass(frozen=True)
class _Counted:
    """Documents written by collection, in all and by the time the question was kept; and requests by method."""

    writes: Counter[str]
    asked: Counter[str]
    calls: Counter[str]

    @property
    def shares(self) -> tuple[int, int, int]:
        """Documents for the question, for its answer, and for usage."""
        usage = sum(self.writes[name] for name in OF_USAGE)
        question = sum(count for name, count in self.asked.items() if name not in OF_USAGE)
        return question, self.writes.total() - question - usage, usage


async def measure(around: Surroundings, cast: Cast, seconds: int = ANSWER_SECONDS, answers: int = ANSWERS) -> Part:
    """Ask, and count."""
    found: list[_Counted] = []
    functions = ("chat", "stream", "on-usage")
    async with rig(around) as on, counted(around, functions, on.environment(seconds * TOKENS_PER_SECOND)) as proxy:
        for number in range(answers):
            say(f"writes to Firestore, answer {number + 1} of {answers}")
            found.append(await _count(around, cast, proxy, seconds))
    return _part(found, seconds)


async def _count(around: Surroundings, cast: Cast, proxy: FirestoreProxy, seconds: int) -> _Counted:
    conversation = await around.call(cast.plain, "POST", "/chat/conversations", {})
    await quiet(proxy)
    proxy.clear()
    run_id = await around.ask(cast.plain, QUESTION, conversation["id"])
    asked = Counter(proxy.writes)
    await around.read(cast.plain, f"/stream/runs/{run_id}")
    await asyncio.sleep(max(0, STARTED_WITHOUT_READER_SECONDS - seconds))
    await quiet(proxy)
    return _Counted(Counter(proxy.writes), asked, Counter(proxy.calls))


def _part(counted: list[_Counted], seconds: int) -> Part:
    question, answer, usage = (median(shares) for shares in zip(*(one.shares for one in counted), strict=True))
    total = question + answer + usage
    target = Target(MOST_WRITES) if seconds == ANSWER_SECONDS else None
    return Part(
        title="Writes to Firestore",
        question=f"What does an answer of {seconds} seconds write?",
        method=_METHOD.format(seconds=seconds, answers=len(counted)),
        figures=[
            Figure("documents written for the answer: run, log, message, budget", answer, "", target, digits=0),
            Figure("documents written in all, with the question and what counts usage", total, "", target, digits=0),
        ],
        tables=[
            Table("Documents written, by collection", ("collection", "writes"), _rows([one.writes for one in counted])),
            Table("Requests to Firestore, by method", ("method", "requests"), _rows([one.calls for one in counted])),
        ],
        conclusions=[
            f"{answer:.0f} documents make the answer and let it survive its instance; the question takes {question:.0f}"
            f" before it, and {usage:.0f} count what was used: each request of the person, and one of our own tasks, is"
            " an event and a counter."
        ],
    )


def _rows(counters: list[Counter[str]]) -> list[list[str]]:
    names = sorted({name for counter in counters for name in counter})
    return [[name, f"{median(counter[name] for counter in counters):.0f}"] for name in names]
