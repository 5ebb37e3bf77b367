"""Compares terraform/firestore.yaml with the queries and expiries in the code: nothing missing, nothing superfluous.

The emulator answers a query without its index, and deletes nothing that expires; production refuses the one and keeps
the other for ever. `python -m scripts.provisioning.firestore` prints every difference, and exits with 1 if any.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints

from scripts.provisioning import expiries, store_modules
from scripts.provisioning.queries import Need, Underivable, needs, queries
from scripts.provisioning.store_modules import Collection, StoreModule

ROOT = Path(__file__).resolve().parents[2]
FILE = Path("terraform") / "firestore.yaml"

Mode = Literal["asc", "desc", "contains"]
IndexedField = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]* (asc|desc|contains|vector \d+)$")]


class Part(BaseModel):
    """A part of the file: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Given(Part):
    """What the file says of a collection; `group_…` is for queries over all collections of its name."""

    fields: dict[str, tuple[Mode, ...]] = {}
    composite: tuple[tuple[IndexedField, ...], ...] = ()
    group_fields: dict[str, tuple[Mode, ...]] = {}
    group_composite: tuple[tuple[IndexedField, ...], ...] = ()
    expiry: str | None = None


class Indexes(Part):
    """The whole file."""

    databases: dict[Literal["default", "vault", "audit"], dict[str, Given]]
    other_expiries: dict[str, str] = {}

    def collections(self) -> dict[Collection, Given]:
        """What is given, by collection."""
        return {
            Collection(database, name): given
            for database, collections in self.databases.items()
            for name, given in collections.items()
        }


@dataclass(frozen=True)
class Index:
    """An index of the file, of one field or several."""

    collection: Collection
    group: bool
    fields: tuple[tuple[str, str], ...]

    def meets(self, need: Need) -> bool:
        """Whether it is the one that is needed."""
        return (self.collection, self.group) == (need.collection, need.group) and need.is_met_by(self.fields)

    def __str__(self) -> str:
        fields = ", ".join(f"{name} {mode}" for name, mode in self.fields)
        return f"{self.collection}{' (group)' if self.group else ''} [{fields}]"


def differences(root: Path = ROOT) -> list[str]:
    """What is missing in the file and what is superfluous, as sentences."""
    given = Indexes.model_validate(yaml.safe_load((root / FILE).read_text(encoding="utf-8")))
    modules = store_modules.load(root)
    try:
        asked = [(place, need) for module in modules for place, query in queries(module) for need in needs(query)]
    except Underivable as error:
        return [str(error)]
    return sorted(
        {
            *_collections(given, modules),
            *_indexes(list(_given_indexes(given)), asked),
            *_expiries(given, modules, root),
        }
    )


def _collections(given: Indexes, modules: list[StoreModule]) -> Iterator[str]:
    named = {collection for module in modules for collection in module.collections()}
    for collection in sorted(named - set(given.collections())):
        yield f"{FILE}: {collection} is missing, so that Firestore would index every field of it"
    for collection in sorted(set(given.collections()) - named):
        yield f"{FILE}: no code names {collection}"


def _given_indexes(given: Indexes) -> Iterator[Index]:
    for collection, one in given.collections().items():
        for group, fields, composite in (
            (False, one.fields, one.composite),
            (True, one.group_fields, one.group_composite),
        ):
            for name, modes in fields.items():
                yield from (Index(collection, group, ((name, mode),)) for mode in modes)
            for index in composite:
                yield Index(collection, group, tuple(_field(text) for text in index))


def _field(text: str) -> tuple[str, str]:
    name, mode, *_ = text.split(" ")
    return name, mode


def _indexes(given: list[Index], asked: list[tuple[str, Need]]) -> Iterator[str]:
    for place, need in asked:
        if not any(index.meets(need) for index in given):
            kind = "field" if need.is_single else "composite index"
            yield f"{place}: a query needs the {kind} {need}, which {FILE} lacks"
    for index in given:
        if not any(index.meets(need) for _, need in asked):
            yield f"{FILE}: no query needs {index}"


def _expiries(given: Indexes, modules: list[StoreModule], root: Path) -> Iterator[str]:
    expiring: set[Collection] = set()
    for module in modules:
        for one in expiries.written(module, root):
            if not one.collections:
                yield f"{one.place}: the text does not tell to which collection this {expiries.FIELD} is written"
            expiring |= one.collections
    other = {Collection(*name.split("/", 1)) for name in given.other_expiries}
    declared = {collection for collection, entry in given.collections().items() if entry.expiry == expiries.FIELD}
    for collection, entry in given.collections().items():
        if entry.expiry not in (None, expiries.FIELD):
            yield f"{FILE}: {collection} expires by {entry.expiry}; the field is called {expiries.FIELD} everywhere"
    for collection in sorted(expiring - declared - other):
        yield f"{FILE}: documents of {collection} have an {expiries.FIELD}, but no expiry: nobody deletes them"
    for collection in sorted((declared | other) - expiring):
        yield f"{FILE}: nothing writes an {expiries.FIELD} to {collection}"


def main() -> int:
    """Print the differences; the exit status."""
    found = differences()
    for difference in found:
        print(difference)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
