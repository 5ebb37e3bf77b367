"""A person's whole log in the order in which it is verified: link by link, what is loose, and the heads."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lib.audit import store
from lib.audit.models import PersonHash
from lib.audit.verify import linking


@dataclass
class Chain:
    """Reads a log once: first `links` to their end, then `loose`. It holds no more than the ids of entries.

    What is written and sealed meanwhile is seen either as waiting or in a seal.
    """

    person: PersonHash
    _waiting: dict[str, str] = field(default_factory=dict)
    _strange: list[str] = field(default_factory=list)
    _sealed: set[str] = field(default_factory=set)
    _there: int = 0
    _last: int = 0

    def links(self) -> Iterator[dict[str, Any]]:
        """The seals in order, each with its entries and its proof, as the verifier takes them."""
        self._read_waiting()
        yield from self._further()
        if self._there + len(self._unsealed()) != store.count(self.person):
            # Somebody's doing, or written since: then it waits, or by now there are further seals.
            known = self._sealed | self._waiting.keys()
            self._strange = [each for each in store.entry_ids(self.person) if each not in known]
            self._read_waiting()
            yield from self._further()

    def loose(self) -> tuple[list[dict[str, str]], Iterator[dict[str, Any]]]:
        """The ids and hashes that wait for a seal, and the entries that are in none."""
        waiting = self._unsealed()
        wanted = [*waiting, *(each for each in self._strange if each not in self._sealed | waiting.keys())]
        return [{"id": each, "hash": waiting[each]} for each in waiting], store.entries(self.person, wanted)

    def _read_waiting(self) -> None:
        self._waiting |= {pointer.id: pointer.hash for pointer in store.waiting(self.person)}

    def _unsealed(self) -> dict[str, str]:
        return {each: self._waiting[each] for each in sorted(self._waiting) if each not in self._sealed}

    def _further(self) -> Iterator[dict[str, Any]]:
        for link in store.links(self.person, self._last):
            named = link.seal.get("entries")
            self._sealed.update(str(each.get("id")) for each in named or () if isinstance(each, dict))
            self._there += len(link.entries)
            self._last = link.number
            yield {
                "seal": link.seal,
                "entries": link.entries,
                "proof": link.proof,
                "awaits_proof": link.awaits_proof,
            }


def linked_heads(newest: int, wanted: set[int]) -> Iterator[dict[str, Any]]:
    """The heads that are wanted, and those by which one comes to them from the newest, in their order."""
    return store.heads(linking(newest, {number for number in wanted if 0 < number <= newest}))
