"""What can go wrong at each step, as data: which control API is told what. `armed` puts the person's names in."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Where = Literal["front door", "provider", "models", "cloud", "stall"]
Draw = Callable[[random.Random], dict[str, Any]]


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong during a step. `wish` is what the control API is told, with `{names}` still open."""

    name: str
    where: Where
    wish: Mapping[str, Any]
    needs_stop: bool = False
    with_also: "Trouble | None" = None

    def __str__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.wish.items())
        return f"{self.name} ({told})" + (f", together with {self.with_also}" if self.with_also else "")

    def armed(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The wish for one person: every `{name}` in it is replaced."""
        filled: dict[str, Any] = _filled(dict(self.wish), names)
        return filled

    @property
    def all(self) -> "tuple[Trouble, ...]":
        """This one and what goes with it."""
        return (self, *(self.with_also.all if self.with_also else ()))


@dataclass(frozen=True)
class Kind:
    """A way to fail at some steps; `provider` is set where only one provider can fail so."""

    name: str
    where: Where
    steps: tuple[str, ...]
    draw: Draw
    weight: int = 2
    provider: str | None = None
    needs_stop: bool = False
    also: "Kind | None" = None

    def trouble(self, rng: random.Random) -> Trouble:
        """One of this kind."""
        also = self.also.trouble(rng) if self.also else None
        return Trouble(self.name, self.where, self.draw(rng), self.needs_stop, also)


def draw_troubles(rng: random.Random, step: str, provider: str) -> tuple[Trouble, ...]:
    """None, one or several for a step."""
    kinds = [kind for kind in KINDS if step in kind.steps and kind.provider in (None, provider)]
    number = rng.choices((0, 1, 2, 3), (2, 5, 3, 1))[0]
    return tuple(kind.trouble(rng) for kind in rng.choices(kinds, [kind.weight for kind in kinds], k=number))


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, Mapping):
        return {key: _filled(inner, names) for key, inner in value.items()}
    return value


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


def _google(name: str, steps: tuple[str, ...], path: str, weight: int = 2, **fault: Any) -> Kind:
    def drawn(rng: random.Random) -> dict[str, Any]:
        match = {"path_prefix": path, "user": "{email}"}
        return {"match": match, "times": rng.choice((1, 1, 2))} | fault

    return Kind(name, "provider", steps, drawn, weight, provider="google")


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
_TOKEN = "/token"
_USING = ("look", "expire", "ask")
_REFRESHING = ("expire", "ask")
_KILLED_AT_REFRESH = Kind(
    "tokens killed once asked",
    "front door",
    (),
    lambda rng: {
        "function": "tokens",
        "kind": "kill",
        "path_prefix": "/access-tokens",
        "person": "{person}",
        "seconds": round(rng.uniform(0.1, 0.4), 2),
    },
)


def _refresher_dies(rng: random.Random) -> dict[str, Any]:
    return {"match": {"path_prefix": _TOKEN, "user": "{email}"}, "kind": "timeout_after_commit", "delay": 0.6}


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
    *_mishaps("tokens", "/access-tokens", _USING),
    *_mishaps("mail", "/", ("look", "expire"), weight=1),
    *_mishaps("events", "/", ("look", "expire"), weight=1),
    *_mishaps("chat", "/conversations", ("ask",), method="POST"),
    *_mishaps("stream", "/runs/", ("ask",)),
    *_mishaps("on-usage", "/", ("ask", "look"), text="{person}"),
    *_mishaps("on-usage", "/", ("ask", "look"), text="{hash}"),
    *(_seen(kind, seen) for kind in ("kill", "cut") for seen in ("data-context", "text-delta", "text-end")),
    _google("provider cannot exchange", ("connect",), _TOKEN, kind="error", status=500),
    _google("provider is too busy to exchange", ("connect",), _TOKEN, kind="error", status=429, retry_after=1),
    _google("provider refuses the code", ("connect",), _TOKEN, kind="error", reason="invalid_grant"),
    _google("provider breaks off the exchange", ("connect",), _TOKEN, kind="truncate"),
    _google("provider never answers the exchange", ("connect",), _TOKEN, kind="timeout_after_commit", delay=0.3),
    _google("provider cannot refresh", _REFRESHING, _TOKEN, kind="error", status=503),
    _google("provider is too busy to refresh", _REFRESHING, _TOKEN, kind="error", status=429, retry_after=1),
    _google("provider ends the grant", ("expire",), _TOKEN, 1, kind="error", reason="invalid_grant"),
    _google("provider breaks off the refresh", _REFRESHING, _TOKEN, kind="truncate"),
    _google("provider never answers the refresh", _REFRESHING, _TOKEN, kind="timeout_after_commit", delay=0.3),
    _google("provider is slow to refresh", _REFRESHING, _TOKEN, kind="delay", delay=0.5),
    *(
        _google(f"{api} answers {status}", _USING, f"/{api}", 1, kind="error", status=status, reason=reason)
        for api in ("gmail", "calendar")
        for status, reason in ((401, "authError"), (403, "rateLimitExceeded"), (429, "rateLimitExceeded"), (503, None))
    ),
    *(_google(f"{api} hangs", _USING, f"/{api}", 1, kind="hang", delay=2.0) for api in ("gmail", "calendar")),
    *(_google(f"{api} breaks off", _USING, f"/{api}", 1, kind="truncate") for api in ("gmail", "calendar")),
    Kind("refresher dies", "provider", _REFRESHING, _refresher_dies, 4, "google", also=_KILLED_AT_REFRESH),
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
