"""A person's log as a document that anybody can check: written piece by piece, with the program that checks it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lib.audit import models, store, verify
from lib.audit.chain import Chain, linked_heads
from lib.audit.models import written
from lib.core import clock
from lib.core.store import UserId

DOCUMENT = "audit.json"
VERIFIER = "verify_audit.py"


def document(user: UserId) -> Iterator[str]:
    """The text of `audit.json`, piece by piece: no more of the log is in memory at once than one seal's entries.

    Only ids, and the heads that lead to the person's seals, are held. Raises `Unavailable` and Google's API errors.
    """
    # With the client of Cloud KMS, which a function that seldom exports need not load to start.
    from lib.audit import public_keys

    person = models.of(user)
    chain, heads_wanted = Chain(person), set[int]()
    yield f'{{"format": {verify.VERSION}, "person": "{person}", "read_at": "{written(clock.now())}"'
    yield from _listed("chain", _noted(chain.links(), heads_wanted))
    waiting, loose = chain.loose()
    yield from _listed("waiting", waiting)
    yield from _listed("loose", loose)
    newest, _ = store.newest_head()
    heads = list(linked_heads(newest, heads_wanted))
    yield f', "newest_head": {newest}'
    yield from _listed("heads", heads)
    yield f', "public_keys": {json.dumps(public_keys.of(heads))}}}\n'


def verifier() -> str:
    """The text of `verify_audit.py`."""
    return Path(verify.__file__).read_text(encoding="utf-8")


def _noted(links: Iterable[dict[str, Any]], heads_wanted: set[int]) -> Iterator[dict[str, Any]]:
    for link in links:
        head = (link["proof"] or {}).get("head")
        if type(head) is int:
            heads_wanted.add(head)
        yield link


def _listed(name: str, values: Iterable[Any]) -> Iterator[str]:
    yield f',\n"{name}": ['
    separator = "\n"
    for value in values:
        yield separator + json.dumps(value, default=str)
        separator = ",\n"
    yield "]"
