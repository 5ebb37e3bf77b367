"""What can go wrong at each step."""

import random
from collections.abc import Collection
from typing import Any

from tests.faults.provider_troubles import PROVIDER_KINDS, USING
from tests.faults.trouble import Draw, Kind, Trouble


def draw_troubles(rng: random.Random, step: str, providers: Collection[str]) -> tuple[Trouble, ...]:
    """None, one or several for a step at which these providers may be asked."""
    kinds = [kind for kind in KINDS if step in kind.steps and (kind.provider is None or kind.provider in providers)]
    number = rng.choices((0, 1, 2, 3), (2, 5, 3, 1))[0]
    return tuple(kind.trouble(rng) for kind in rng.choices(kinds, [kind.weight for kind in kinds], k=number))


_HARMS = ("refuse", "lose_answer", "delay", "twice", "kill_before", "kill", "kill_after")


def _mishaps(function: str, path: str, steps: tuple[str, ...], weight: int = 1, **fields: Any) -> list[Kind]:
    """Every mishap that a request of a function can meet."""
    whom = {} if "text" in fields else {"person": "{person}"}

    def draw(harm: str) -> Draw:
        def drawn(rng: random.Random) -> dict[str, Any]:
            seconds = {"delay": (0.2, 1.5), "twice": (0.0, 0.3), "kill": (0.0, 0.25)}.get(harm)
            timed = {"seconds": round(rng.uniform(*seconds), 3)} if seconds else {}
            wish = {"function": function, "kind": harm, "path_prefix": path} | whom | fields | timed
            times = 1 if harm.startswith("kill") else rng.choice((1, 1, 2))
            return wish | {"skip": rng.choice((0, 0, 0, 1)), "times": times}

        return drawn

    # A death costs the machine a start, and everybody else their requests.
    weights = {harm: weight if harm.startswith("kill") else 2 * weight for harm in _HARMS}
    return [Kind(f"{function} {harm}", "front door", steps, draw(harm), weights[harm]) for harm in _HARMS]


def _model(name: str, weight: int = 2, needs_stop: bool = False, **fault: Any) -> Kind:
    def drawn(rng: random.Random) -> dict[str, Any]:
        some = {"after_tokens": rng.randint(0, 40)} if fault["kind"] in _PART_WAY else {}
        return {"match": {"text": "{nonce}"}, "times": rng.choice((1, 2))} | some | fault

    return Kind(name, "models", ("ask",), drawn, weight, needs_stop=needs_stop)


def _cloud(name: str, steps: tuple[str, ...], service: str, method: str, **fault: Any) -> Kind:
    return Kind(name, "cloud", steps, lambda rng: {"service": service, "method": method} | fault, 1)


def _stall(emulator: str, steps: tuple[str, ...]) -> Kind:
    def drawn(rng: random.Random) -> dict[str, Any]:
        return {"process": emulator, "after": round(rng.uniform(0, 0.5), 2), "seconds": round(rng.uniform(0.2, 1.2), 2)}

    return Kind(f"{emulator} stalls", "stall", steps, drawn, 1)


def _seen(kind: str, seen: str, weight: int = 3) -> Kind:
    wish = {"function": "stream", "kind": kind, "path_prefix": "/runs/", "person": "{person}", "seen": seen}
    return Kind(
        f"stream {kind} at {seen}", "front door", ("ask",), lambda rng: wish | {"times": rng.choice((1, 1, 2))}, weight
    )


_PART_WAY = ("truncate", "disconnect", "error", "refusal", "length", "hang")
_FIRST_WORDS_ARE_NOT_KEPT = Kind(
    "firestore stalls meanwhile",
    "stall",
    (),
    lambda rng: {"process": "firestore", "after": round(rng.uniform(0.8, 1.6), 2), "seconds": 1.2},
    also=_seen("kill", "text-delta"),
)

KINDS: tuple[Kind, ...] = (
    *_mishaps("accounts", "/connections", ("connect",), method="POST"),
    *_mishaps("tokens", "/exchanges", ("connect",)),
    *_mishaps("tokens", "/access-tokens", USING),
    *_mishaps("mail", "/", ("look", "expire"), weight=1),
    *_mishaps("events", "/", ("look", "expire"), weight=1),
    *_mishaps("chat", "/conversations", ("ask",), method="POST"),
    *_mishaps("stream", "/runs/", ("ask",)),
    *_mishaps("on-usage", "/", ("ask", "look"), text="{person}"),
    *_mishaps("on-usage", "/", ("ask", "look"), text="{hash}"),
    *(_seen(kind, seen) for kind in ("kill", "cut") for seen in ("data-context", "text-delta", "text-end")),
    *PROVIDER_KINDS,
    _model("models fail", kind="http", status=500),
    _model("models are too busy", kind="http", status=429, retry_after=1),
    *(_model(f"model {kind}", kind=kind) for kind in ("truncate", "disconnect", "error", "refusal", "length", "empty")),
    _model("model starts slowly", 1, kind="slow_start", seconds=1.0),
    Kind(
        "stream dies with its first words",
        "models",
        ("ask",),
        lambda rng: {"match": {"text": "{nonce}"}, "kind": "slow_start", "seconds": 1.2},
        also=_FIRST_WORDS_ARE_NOT_KEPT,
    ),
    _model("model hangs", 1, needs_stop=True, kind="hang", headers_sent=True),
    *(
        _cloud(f"KMS {method} {code or 'is slow'}", ("connect", "expire"), "kms", method, **fault)
        for method in ("Encrypt", "Decrypt")
        for code, fault in (
            ("UNAVAILABLE", {"code": "UNAVAILABLE", "times": 2}),
            ("INTERNAL", {"code": "INTERNAL"}),
            (None, {"delay": 1.0}),
        )
    ),
    *(
        _cloud(f"CreateTask {code}", ("ask",), "tasks", "CreateTask", code=code, after_commit=after)
        for code, after in (("UNAVAILABLE", False), ("DEADLINE_EXCEEDED", True))
    ),
    _cloud("no identity token", ("connect", "look"), "metadata", "identity", code="UNAVAILABLE"),
    _stall("firestore", ("connect", "expire", "ask")),
    _stall("pubsub", ("ask",)),
)
