"""What the process of an instance does with objects; apart, so that it loads no more than that."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from lib.core import clock, deadline, retry, signed_urls, storage
from lib.core.object_names import ObjectName
from lib.core.storage import StoredObject
from lib.core.store import UserId


def with_retries_to_spare(work: Callable[[], Any]) -> Any:
    for dependency in ("storage", "iam-credentials"):
        for _ in range(40):
            retry.budget(dependency).earn()
    return work()


def chunks(stored: StoredObject, first: int = 0) -> list[bytes]:
    return list(storage.read("files", stored, first=first))


def chunks_of_one(bucket: str, name: ObjectName) -> list[bytes]:
    """Of an object that somebody says there is."""
    stored = StoredObject(name, 1, 7, "text/plain", clock.now(), "AAAAAA==")
    return list(storage.read(bucket, stored))


def listed(user: UserId, bucket: str = "files") -> list[StoredObject]:
    return list(storage.list_objects(bucket, user))


def within(seconds: float, work: Callable[[], Any]) -> Any:
    with deadline.within(timedelta(seconds=seconds)):
        return work()


def upload(name: ObjectName) -> signed_urls.SignedUpload:
    return signed_urls.signed_resumable_upload("files", name, content_type="image/png", most_bytes=10)
