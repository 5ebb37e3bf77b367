"""The catalogue of functions, typed: what exists, who may call it, what it needs."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

REPOSITORY = Path(__file__).resolve().parents[2]
CATALOG_FILE = REPOSITORY / "functions" / "catalog.yaml"

TASKS_INVOKER = "tasks-invoker"
PUSH_INVOKER = "push-invoker"
GATEWAY = "gateway"

A_DAY = 86400

NO_FUNCTIONS = (TASKS_INVOKER, PUSH_INVOKER, GATEWAY)

Name = str
# Its account's id has 6 to 30 characters: https://cloud.google.com/iam/docs/service-accounts-create
FunctionName = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,19}[a-z0-9])?$")]
# With the project in front it is a name of Cloud Storage: https://cloud.google.com/storage/docs/buckets#naming
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]


class InvalidCatalog(Exception):
    """The catalogue cannot be read. The message names each place and what is wrong with it."""


class Part(BaseModel):
    """A part of the catalogue: unknown keys are refused, so that a misspelt one cannot be silently without effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Function(Part):
    """One deployable function. Timeout in seconds of real time, memory in Kubernetes units.

    `target` is what functions-framework serves in main.py; it is named as its folder unless told. `settings` names the
    environment variables beside those that every function has.
    """

    trigger: Literal["http", "pubsub", "tasks"]
    target: str | None = None
    asgi: bool = False
    public: bool = False
    callers: tuple[Name, ...] = ()
    speaks_for: tuple[Name, ...] = ()
    calls: tuple[Name, ...] = ()
    topic: Name | None = None
    timeout: PositiveFloat = 60
    memory: str = Field(default="512Mi", pattern=r"^\d+(Mi|Gi)$")
    cpu: PositiveFloat = 1
    concurrency: PositiveInt = 1
    min_instances: int = Field(default=0, ge=0)
    max_instances: PositiveInt | None = None
    secrets: tuple[Name, ...] = ()
    settings: tuple[str, ...] = ()
    publishes: tuple[Name, ...] = ()
    queues: tuple[Name, ...] = ()
    buckets: tuple[Name, ...] = ()
    reads: tuple[Name, ...] = ()
    databases: tuple[Literal["default", "vault", "audit", "audit-reader", "audit-sealer"], ...] = ()
    kms: bool = False
    signs: bool = False
    verifies: bool = False

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.trigger == "pubsub") != (self.topic is not None):
            raise ValueError("a topic belongs to the trigger pubsub, and to no other")
        if self.public and self.callers:
            raise ValueError("a public function has no list of callers")
        strangers = set(self.speaks_for) - set(self.callers)
        if strangers:
            raise ValueError(f"speaks_for names who may not call: {', '.join(sorted(strangers))}")
        return self


class Sink(Part):
    """Carries log lines whose `event` has this value to a topic."""

    event: str
    topic: Name


class Schedule(Part):
    """Has a topic told of a duty, by a message whose attribute `duty` names it, at the times of a cron line (UTC)."""

    cron: Annotated[str, StringConstraints(pattern=r"^\S+( \S+){4}$")]
    topic: Name


class Queue(Part):
    """A Cloud Tasks queue. Rates per second, back-offs in seconds."""

    rate_per_second: PositiveFloat = 500
    concurrent: PositiveInt = 1000
    max_attempts: int = Field(default=100, ge=-1)
    min_backoff: PositiveFloat = 0.1
    max_backoff: PositiveFloat = 3600
    max_doublings: int = Field(default=16, ge=0)


class Bucket(Part):
    """A Cloud Storage bucket; retention in seconds, and after how many an object is deleted (whole days)."""

    retention: PositiveInt | None = None
    event_based_hold: bool = False
    expires_after: Annotated[int, Field(ge=A_DAY, multiple_of=A_DAY)] | None = None


class Catalog(Part):
    """The whole catalogue; functions by their cloud names."""

    functions: dict[FunctionName, Function]
    topics: tuple[Name, ...] = ()
    sinks: dict[Name, Sink] = {}
    schedules: dict[Name, Schedule] = {}
    queues: dict[Name, Queue] = {}
    buckets: dict[BucketName, Bucket] = {}
    secrets: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _refers_only_to_what_exists(self) -> Self:
        complaints: list[str] = []
        for name, function in self.functions.items():
            wanted = {
                "topics": (*function.publishes, *([function.topic] if function.topic else [])),
                "queues": function.queues,
                "buckets": (*function.buckets, *function.reads),
                "secrets": function.secrets,
                "functions": function.calls,
            }
            for kind, names in wanted.items():
                missing = set(names) - set(getattr(self, kind))
                complaints += [f"{name} refers to {one}, which is not among the {kind}" for one in missing]
            complaints += [f"{one} is called by {name} but does not admit it" for one in self._deaf_to(name)]
        complaints += [
            f"{kind} {name} has no topic {one.topic}"
            for kind, rows in (("sink", self.sinks), ("schedule", self.schedules))
            for name, one in rows.items()
            if one.topic not in self.topics
        ]
        for kind in ("topics", "secrets"):
            complaints += [
                f"{one} is twice among the {kind}" for one, n in Counter(getattr(self, kind)).items() if n > 1
            ]
        if complaints:
            raise ValueError("; ".join(sorted(complaints)))
        return self

    def _deaf_to(self, name: Name) -> list[Name]:
        """Whom it calls in vain: a caller is admitted by its own name, or by that of the tasks that it enqueues."""
        caller = self.functions[name]
        names = {name, TASKS_INVOKER} if caller.queues else {name}
        called = ((one, self.functions[one]) for one in caller.calls if one in self.functions)
        return [one for one, function in called if not function.public and not names & set(function.callers)]


def folder(name: Name) -> str:
    """The folder of a function by its cloud name: hyphens become underscores."""
    return name.replace("-", "_")


def account_id(name: Name) -> str:
    """The id of a service account by its short name, which in itself is too short for some functions."""
    return name if name in NO_FUNCTIONS else f"function-{name}"


def load(path: Path = CATALOG_FILE) -> Catalog:
    """Read and check the catalogue. Raises `InvalidCatalog`."""
    try:
        text = path.read_text(encoding="utf-8")
        if grouped := re.search(r"^[^#\n]*\b(\d+_[\d_]+)\b", text, re.MULTILINE):
            raise InvalidCatalog(f"{path}: {grouped[1]} is a number here, and a text for terraform: write it without _")
        return Catalog.model_validate(yaml.safe_load(text))
    except (OSError, yaml.YAMLError) as error:
        raise InvalidCatalog(f"{path}: {error}") from None
    except ValidationError as error:
        places = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise InvalidCatalog(f"{path}: {'; '.join(places)}") from None
