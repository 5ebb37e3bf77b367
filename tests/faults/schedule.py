"""What a person goes through, drawn from a seed: data, which `life` plays and `invariants` judge."""

import random
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.trouble import Trouble
from tests.faults.troubles import draw_troubles

Deed = Literal["connect", "look", "expire", "ask"]

QUESTIONS = (
    "What does my day look like?",
    "Am I free tomorrow at noon?",
    "Who is waiting for an answer from me?",
    "What is my next meeting?",
    "Any news in my mail?",
)
MODELS = (None, None, "local-extractive-claude")


@dataclass(frozen=True)
class Reading:
    """One reader of an answer: goes away after so many events, each in turn, and comes back with Last-Event-ID."""

    leaves_after: tuple[int, ...] = ()


@dataclass(frozen=True)
class Step:
    """One thing that the person does, and what goes wrong meanwhile; `provider` is set where one account is meant."""

    deed: Deed
    troubles: tuple[Trouble, ...] = ()
    provider: str = ""
    question: str = ""
    model: str | None = None
    posts: int = 1
    readers: tuple[Reading, ...] = ()
    stops: bool = False
    askers: int = 1

    def __str__(self) -> str:
        told = {
            "connect": f"connects an account at {self.provider}",
            "look": f"looks at mail and events, {self.askers} at once",
            "expire": f"finds the access token of {self.provider} refused, {self.askers} askers at once",
            "ask": self._asking(),
        }[self.deed]
        return told + ("".join(f"\n      while {trouble}" for trouble in self.troubles))

    def _asking(self) -> str:
        readers = ", ".join(
            f"one that leaves after {reading.leaves_after}" if reading.leaves_after else "one to the end"
            for reading in self.readers
        )
        posted = f"posted {self.posts} times" if self.posts > 1 else "posted"
        stopped = ", and stops it" if self.stops else ""
        asked = f"asks {self.question!r} of {self.model or 'the usual model'}"
        return f"{asked}, {posted}; readers: {readers or 'none'}{stopped}"


@dataclass(frozen=True)
class Schedule:
    """A life in two parts, between which so much time passes that every access token expires."""

    seed: int
    providers: tuple[str, ...]
    """Where the person has an account."""
    before: tuple[Step, ...]
    after: tuple[Step, ...]
    repeated_pushes: int = field(default=0)

    def __str__(self) -> str:
        parts = [f"seed {self.seed}, with accounts at {' and '.join(self.providers)}"]
        parts += [f"  {number}. {step}" for number, step in enumerate(self.before, 1)]
        parts += ["  every access token expires"]
        parts += [f"  {number}. {step}" for number, step in enumerate(self.after, len(self.before) + 1)]
        if self.repeated_pushes:
            parts += [f"  {self.repeated_pushes} pushes of usage are delivered once more"]
        return "\n".join(parts)


def draw(seed: int, providers: tuple[str, ...]) -> Schedule:
    """The schedule of a seed, with an account at one of the providers or at each; the same one every time."""
    rng = random.Random(seed)
    chosen = rng.choice((*((one,) for one in providers), providers))
    connected = tuple(_step(rng, "connect", (provider,)) for provider in chosen)
    before = (*connected, *(_step(rng, deed, chosen) for deed in _deeds(rng, most=2)))
    after = tuple(_step(rng, deed, chosen) for deed in _deeds(rng, most=2))
    return Schedule(seed, chosen, before, after, rng.choice((0, 0, 1, 3)))


def _deeds(rng: random.Random, most: int) -> list[Deed]:
    deeds: list[Deed] = rng.choices(("ask", "expire", "look"), (6, 3, 1), k=rng.randint(1, most))
    return deeds


def _step(rng: random.Random, deed: Deed, providers: tuple[str, ...]) -> Step:
    if deed in ("connect", "expire"):
        provider = rng.choice(providers)
        troubles = draw_troubles(rng, deed, (provider,))
        return Step(deed, troubles, provider, askers=rng.randint(2, 5) if deed == "expire" else 1)
    troubles = draw_troubles(rng, deed, providers)
    if deed == "look":
        return Step(deed, troubles, askers=rng.randint(2, 5))
    readers = tuple(
        Reading(tuple(rng.randint(1, 30) for _ in range(rng.choice((0, 0, 1, 2)))))
        for _ in range(rng.choice((0, 1, 1, 2, 3)))
    )
    hangs = any(trouble.needs_stop for trouble in troubles)
    return Step(
        deed,
        troubles,
        question=rng.choice(QUESTIONS),
        model=rng.choice(MODELS),
        posts=rng.choice((1, 1, 1, 2, 3)),
        readers=readers,
        stops=hangs or rng.random() < 0.08,
    )
