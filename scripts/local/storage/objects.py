"""What exists in Cloud Storage, and every change of it: one at a time per object, if its preconditions hold.

The bytes and their hashes are the backend's. What it does not keep, or does not enforce, is kept here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

from scripts.local import clock
from scripts.local.storage.backend import Backend
from scripts.local.storage.preconditions import Preconditions
from scripts.local.storage.refusals import invalid, no_such_bucket, no_such_object
from scripts.local.storage.retention import BucketSettings, Protection
from scripts.local.storage.stored import Metadata, Stored, check_name

# https://cloud.google.com/storage/quotas#objects
MOST_COMPONENTS = 32
Key = tuple[str, str]


@dataclass(frozen=True)
class Copying:
    """What is copied, if its own preconditions hold."""

    source: Key
    preconditions: Preconditions
    generation: int | None = None


@dataclass
class Objects:
    """All objects of all buckets."""

    backend: Backend
    buckets: Mapping[str, BucketSettings]
    _live: dict[Key, Stored] = field(default_factory=dict, init=False)
    _locks: "WeakValueDictionary[Key, asyncio.Lock]" = field(default_factory=WeakValueDictionary, init=False)

    def settings(self, bucket: str) -> BucketSettings:
        """A bucket's settings, or 404."""
        if bucket not in self.buckets:
            raise no_such_bucket()
        return self.buckets[bucket]

    def read(self, bucket: str, name: str, preconditions: Preconditions, generation: int | None = None) -> Stored:
        """An object, or 404, 412 and 304."""
        self.settings(bucket)
        found = self._live.get((bucket, name))
        _check(found, preconditions, reading=True)
        return self._existing((bucket, name), generation)

    def check_write(self, bucket: str, name: str, preconditions: Preconditions) -> None:
        """Refuse what could not be written now: preconditions, retention, holds."""
        found = self._live.get((bucket, name))
        _check(found, preconditions)
        if found is not None:
            found.protection.check(self.settings(bucket), found.path)

    async def insert(
        self, bucket: str, name: str, content: BinaryIO, metadata: Metadata, preconditions: Preconditions
    ) -> Stored:
        """Store an object, over an older generation that may be there."""
        check_name(name)
        self.settings(bucket)
        async with self._alone((bucket, name)):
            self.check_write(bucket, name, preconditions)
            return self._keep((bucket, name), await self.backend.insert(bucket, name, content), metadata)

    async def patch(self, bucket: str, name: str, change: Mapping[str, Any], preconditions: Preconditions) -> Stored:
        """Change an object's metadata."""
        async with self._alone((bucket, name)):
            _check(self._live.get((bucket, name)), preconditions)
            stored = self._existing((bucket, name))
            stored.patch(change)
            return stored

    async def delete(self, bucket: str, name: str, preconditions: Preconditions, generation: int | None = None) -> None:
        """Delete an object, unless its retention or a hold keeps it."""
        async with self._alone((bucket, name)):
            self.settings(bucket)
            _check(self._live.get((bucket, name)), preconditions)
            stored = self._existing((bucket, name), generation)
            stored.protection.check(self.settings(bucket), stored.path)
            await self.backend.delete(bucket, name)
            del self._live[bucket, name]

    async def copy(
        self, copying: Copying, target: Key, changed: Mapping[str, Any] | None, preconditions: Preconditions
    ) -> Stored:
        """Copy an object with its metadata, or with other metadata."""
        check_name(target[1])
        self.settings(target[0])
        async with self._alone(target):
            source = self._live.get(copying.source)
            _check(source, copying.preconditions)
            source = self._existing(copying.source, copying.generation)
            self.check_write(*target, preconditions)
            facts = await self.backend.copy(copying.source, target)
            metadata = Metadata.of_resource(changed) if changed else source.metadata
            return self._keep(target, facts, Metadata(dict(metadata.texts), dict(metadata.custom)))

    async def compose(
        self,
        target: Key,
        sources: Sequence[tuple[str, Preconditions]],
        metadata: Metadata,
        preconditions: Preconditions,
    ) -> Stored:
        """Put objects of the same bucket together: https://cloud.google.com/storage/docs/composite-objects"""
        bucket, name = target
        check_name(name)
        if not 1 <= len(sources) <= MOST_COMPONENTS:
            raise invalid(f"The number of source components provided ({len(sources)}) is not from 1 to 32.")
        async with self._alone(target):
            parts = []
            for source, demanded in sources:
                _check(self._live.get((bucket, source)), demanded)
                parts.append(self._existing((bucket, source)))
            self.check_write(bucket, name, preconditions)
            facts = await self.backend.compose(bucket, name, [part.name for part in parts])
            stored = self._keep(target, facts, metadata)
            stored.components = sum(part.components or 1 for part in parts)
            return stored

    async def list(self, bucket: str, query: Mapping[str, str]) -> tuple[list[Stored], dict[str, Any]]:
        """A page: the objects, and what else the backend says (`prefixes`, `nextPageToken`)."""
        self.settings(bucket)
        page = await self.backend.list(bucket, query)
        found = (self._live.get((bucket, item["name"])) for item in page.pop("items", []))
        return [stored for stored in found if stored is not None], page

    @asynccontextmanager
    async def _alone(self, key: Key) -> AsyncIterator[None]:
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield

    def _existing(self, key: Key, generation: int | None = None) -> Stored:
        found = self._live.get(key)
        if found is None or generation not in (None, found.generation):
            raise no_such_object(*key)
        return found

    def _keep(self, key: Key, facts: dict[str, Any], metadata: Metadata) -> Stored:
        settings = self.buckets[key[0]]
        held = settings.event_based_hold if metadata.event_based_hold is None else metadata.event_based_hold
        protection = Protection(clock.now(), bool(metadata.temporary_hold), held)
        stored = self._live[key] = Stored(*key, facts, metadata, protection)
        return stored


def _check(found: Stored | None, preconditions: Preconditions, *, reading: bool = False) -> None:
    known = (found.generation, found.metageneration) if found else (0, 0)
    preconditions.check(*known, reading=reading)
