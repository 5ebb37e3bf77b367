"""Computes the tables of terraform/COSTS.md from terraform/costs.yaml.

With `--check` it says whether they are current.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "terraform" / "costs.yaml"
DOCUMENT = ROOT / "terraform" / "COSTS.md"
DAYS_OF_MONTH = 30
SECONDS_OF_MONTH = DAYS_OF_MONTH * 24 * 3600
GIB = 2**30
TIB = 2**40
_TABLE = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Strict):
    """USD for so many."""

    price: float
    per: int
    page: str

    def of(self, quantity: float) -> float:
        """What a quantity costs, in USD."""
        return quantity * self.price / self.per


class Action(_Strict):
    """What a person does so often on an active day, and what each time takes."""

    times: float
    reads: int
    writes: int
    deletes: int
    requests: int
    messages: int
    seconds: float
    tasks: int
    keys: int
    gmail_units: int
    bytes: int
    calendar_requests: int = 0


class Answer(_Strict):
    """A question's tokens, their prices in USD per million, and the seconds of its stream."""

    input_tokens: int
    output_tokens: int
    input_price: float
    output_price: float
    seconds: float

    @property
    def cost(self) -> float:
        """In USD."""
        return (self.input_tokens * self.input_price + self.output_tokens * self.output_price) / 1_000_000


class Assumptions(_Strict):
    """As `costs.yaml` says it."""

    active_days: float
    busy_hour_share: float
    streams_per_instance: int
    stream_headroom: float
    message_bytes: int
    log_bytes: int
    stored_bytes: int
    backups: int
    task_operations: int
    expiring_share: float
    kept_share: float
    warm_functions: int
    memory_gib: float
    stream_memory_gib: float
    secrets: int
    key_versions: int


class Scale(_Strict):
    """So many monthly active people."""

    people: int
    overlap: int


class CostModel(_Strict):
    """All of `costs.yaml`."""

    as_of: str
    prices: Mapping[str, Price]
    actions: Mapping[str, Action]
    answer: Answer
    assumptions: Assumptions
    scales: Sequence[Scale]


@dataclass(frozen=True)
class Load:
    """What a scale comes to: a month's quantities, and the rates of the busiest second or minute."""

    model: CostModel
    scale: Scale

    def monthly(self, what: str) -> float:
        """How many of something, by its name in the actions."""
        daily = sum(action.times * float(getattr(action, what)) for action in self.model.actions.values())
        return daily * self.model.assumptions.active_days * self.scale.people

    @property
    def answers(self) -> float:
        """A month's answers."""
        daily = sum(action.times for action in self.model.actions.values() if action.tasks)
        return daily * self.model.assumptions.active_days * self.scale.people

    @property
    def busy_seconds(self) -> float:
        """A month's seconds in which requests are worked at, one by one."""
        each = sum(action.times * action.seconds for action in self.model.actions.values())
        return each * self.model.assumptions.active_days * self.scale.people

    @property
    def streamed_seconds(self) -> float:
        """Seconds of instances that stream; one runs always."""
        working = self.answers * self.model.answer.seconds / self.model.assumptions.streams_per_instance
        return max(SECONDS_OF_MONTH, working * self.model.assumptions.stream_headroom)

    @property
    def stored_gib(self) -> float:
        """After a year."""
        assumed = self.model.assumptions
        return 12 * self.monthly("writes") * assumed.kept_share * assumed.stored_bytes / GIB

    def per_busy_second(self, monthly: float) -> float:
        """Of the busiest hour of a day on which as many people come as on the mean day."""
        return monthly / DAYS_OF_MONTH * self.model.assumptions.busy_hour_share / 3600

    @property
    def busy_answers(self) -> float:
        """Answers begun in a busy second."""
        return self.per_busy_second(self.answers)

    @property
    def answers_at_once(self) -> float:
        """Answers under way in the busiest hour."""
        return self.busy_answers * self.model.answer.seconds

    def costs(self) -> Iterator[tuple[str, float]]:
        """USD a month, by what is paid for."""
        price, assumed = self.model.prices, self.model.assumptions
        instance_seconds = self.busy_seconds / self.scale.overlap
        idle_seconds = assumed.warm_functions * SECONDS_OF_MONTH
        yield (
            "Firestore, operations",
            price["document_read"].of(self.monthly("reads"))
            + price["document_write"].of(self.monthly("writes"))
            + price["document_delete"].of(self.monthly("deletes"))
            + price["expired_document"].of(self.monthly("writes") * assumed.expiring_share),
        )
        per_gib = (
            price["stored_gib_month"].of(1)
            + price["recovery_gib_month"].of(1)
            + price["backup_gib_month"].of(assumed.backups)
        )
        yield "Firestore, storage with recovery and backups, after a year", per_gib * self.stored_gib
        yield (
            "functions",
            price["vcpu_second"].of(instance_seconds)
            + price["gib_second"].of(instance_seconds * assumed.memory_gib)
            + price["request"].of(self.monthly("requests"))
            + price["idle_vcpu_second"].of(idle_seconds)
            + price["idle_gib_second"].of(idle_seconds * assumed.memory_gib),
        )
        yield (
            "`stream`",
            price["instance_vcpu_second"].of(self.streamed_seconds)
            + price["instance_gib_second"].of(self.streamed_seconds * assumed.stream_memory_gib),
        )
        messages = 2 * self.monthly("messages") * assumed.message_bytes
        yield "Pub/Sub", price["message_tib"].of(messages / TIB)
        yield "logs", price["log_gib"].of(self.monthly("requests") * assumed.log_bytes / GIB)
        yield (
            "tasks, keys, secrets",
            price["task"].of(self.monthly("tasks") * assumed.task_operations)
            + price["key_operation"].of(self.monthly("keys"))
            + price["key_version_month"].of(assumed.key_versions)
            + price["secret_month"].of(assumed.secrets),
        )
        yield "data to the front end", price["egress_gib"].of(self.monthly("bytes") / GIB)

    @property
    def models(self) -> float:
        """USD a month for models, which is counted apart, since the choice of model decides it."""
        return self.answers * self.model.answer.cost


def main() -> int:
    """Write or check the document; the exit status."""
    model = CostModel.model_validate(yaml.safe_load(MODEL.read_text(encoding="utf-8")))
    present = DOCUMENT.read_text(encoding="utf-8")
    current = written(present, model)
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(current, encoding="utf-8")
        return 0
    if current == present:
        return 0
    print("terraform/COSTS.md is not what costs.yaml comes to: run python -m scripts.costs", file=sys.stderr)
    return 1


def written(document: str, model: CostModel) -> str:
    """The document with its tables computed anew."""
    tables = {"prices": _prices, "actions": _actions, "months": _months, "rates": _rates}
    return _TABLE.sub(lambda found: f"{found[1]}{_table(tables[found['name']](model))}\n{found[3]}", document)


def _prices(model: CostModel) -> Iterator[Sequence[str]]:
    yield "what", "USD", "for", "page"
    for name, price in model.prices.items():
        yield name.replace("_", " "), f"{price.price:.7f}".rstrip("0").rstrip("."), f"{price.per:,}", price.page


def _actions(model: CostModel) -> Iterator[Sequence[str]]:
    yield "action", "a day", "reads", "writes", "deletes", "requests", "seconds", "Gmail units", "USD for 1,000"
    price = model.prices
    for name, action in model.actions.items():
        thousand = 1000 * (
            price["document_read"].of(action.reads)
            + price["document_write"].of(action.writes)
            + price["document_delete"].of(action.deletes)
            + price["vcpu_second"].of(action.seconds)
            + price["request"].of(action.requests)
        )
        counted = (action.reads, action.writes, action.deletes, action.requests)
        shown = [str(each) for each in (*counted, action.seconds, action.gmail_units)]
        yield name, f"{action.times:g}", *shown, f"{thousand:.3f}"


def _months(model: CostModel) -> Iterator[Sequence[str]]:
    loads = [Load(model, scale) for scale in model.scales]
    yield "USD a month", *(f"{load.scale.people:,} people" for load in loads)
    costs = [dict(load.costs()) for load in loads]
    for name in costs[0]:
        yield name, *(f"{each[name]:,.0f}" for each in costs)
    yield "**all of it, without models**", *(f"**{sum(each.values()):,.0f}**" for each in costs)
    yield (
        "for each person",
        *(f"{sum(each.values()) / load.scale.people:.4f}" for each, load in zip(costs, loads, strict=True)),
    )
    yield "models", *(f"{load.models:,.0f}" for load in loads)
    yield "for each person", *(f"{load.models / load.scale.people:.2f}" for load in loads)


def _rates(model: CostModel) -> Iterator[Sequence[str]]:
    loads = [Load(model, scale) for scale in model.scales]
    yield "in the busiest hour", *(f"{load.scale.people:,} people" for load in loads)
    for name, what, seconds in (
        ("requests to functions, a second", "requests", 1),
        ("documents written, a second", "writes", 1),
        ("documents read, a second", "reads", 1),
        ("messages published, a second", "messages", 1),
        ("units of Gmail's quota, a minute", "gmail_units", 60),
        ("requests to Google Calendar, a minute", "calendar_requests", 60),
    ):
        yield name, *(f"{load.per_busy_second(load.monthly(what)) * seconds:,.0f}" for load in loads)
    yield "answers begun, a second", *(f"{load.busy_answers:,.1f}" for load in loads)
    yield "answers under way at once", *(f"{load.answers_at_once:,.0f}" for load in loads)
    streams = model.assumptions.streams_per_instance
    yield "instances of `stream`", *(f"{max(1, ceil(load.answers_at_once / streams))}" for load in loads)
    tokens = (model.answer.input_tokens + model.answer.output_tokens) * 60 / 1_000_000
    yield "millions of models' tokens, a minute", *(f"{load.busy_answers * tokens:,.1f}" for load in loads)


def _table(rows: Iterator[Sequence[str]]) -> str:
    head, *rest = rows
    lines = [head, ["---"] * len(head), *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
