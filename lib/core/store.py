"""Firestore: where a person's data lives, and the few ways in which rooms read and write it.

A room's `store.py` builds on this. A document path starts at a person; the collections that are global by nature are
listed here, so that none appears unnoticed.
"""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cache
from typing import Any, NewType, TypeVar

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    Conflict,
    FailedPrecondition,
    GoogleAPICallError,
    GoogleAPIError,
    NotFound,
    RetryError,
)
from google.cloud import firestore

from lib.core.environment import project

MOST_ATTEMPTS = 5
LONGEST_PAUSE_SECONDS = 0.1

_T = TypeVar("_T")
UserId = NewType("UserId", str)
Snapshot = firestore.DocumentSnapshot[Any]

__all__ = [
    "AlreadyExists",
    "Conflict",
    "Database",
    "FailedPrecondition",
    "Global",
    "GoogleAPICallError",
    "GoogleAPIError",
    "NotFound",
    "RetryError",
    "UserId",
    "client",
    "compare_and_set",
    "delete_with_all_below",
    "global_document",
    "owner",
    "person",
    "together",
]


DELETED_AT_ONCE = 300


class Database(StrEnum):
    """The three databases; IAM decides which function may open which."""

    DEFAULT = "(default)"
    VAULT = "vault"
    AUDIT = "audit"


class Global(StrEnum):
    """The collections that belong to no person."""

    BREAKERS = "breakers"
    PERSON_HASHES = "person_hashes"
    STREAM_INSTANCES = "stream_instances"
    DELETED_USERS = "deleted_users"
    DELETIONS = "deletions"
    EPOCHS = "epochs"
    ERASURES = "erasures"


@cache
def client(database: Database = Database.DEFAULT) -> firestore.Client:
    """This process's client of a database."""
    return firestore.Client(project=project(), database=database.value)


def person(user: UserId, database: Database = Database.DEFAULT) -> firestore.DocumentReference:
    """The document under which all of a person's data in this database lives."""
    if not user or "/" in user:
        raise ValueError("not a user id")
    return client(database).collection("users").document(user)


def owner(snapshot: Snapshot) -> UserId:
    """Whose document it is, by its path. Raises `ValueError` for one that is nobody's."""
    segments = snapshot.reference.path.split("/")
    if len(segments) < 2 or segments[0] != "users":
        raise ValueError("not a document of a person")
    return UserId(segments[1])


def global_document(
    collection: Global, document: str, database: Database = Database.DEFAULT
) -> firestore.DocumentReference:
    """A document of a collection that belongs to no person."""
    return client(database).collection(collection.value).document(document)


def delete_with_all_below(document: firestore.DocumentReference, database: Database = Database.DEFAULT) -> None:
    """Delete a document and everything below it, a page after the other, so that memory does not grow with the number.

    Firestore's own `recursive_delete` lists everything faster than it deletes. May be done again. Raises Google's API
    errors.
    """
    for collection in document.collections():
        last: Snapshot | None = None
        while True:
            query = collection.recursive().select(["__name__"]).limit(DELETED_AT_ONCE)
            page = (query if last is None else query.start_after(last)).get()
            batch = client(database).batch()
            for snapshot in page:
                batch.delete(snapshot.reference)
            batch.commit()
            if len(page) < DELETED_AT_ONCE:
                break
            last = page[-1]
    document.delete()


def compare_and_set(
    snapshot: Snapshot,
    changes: Mapping[str, Any],
    batch: firestore.WriteBatch | None = None,
) -> bool:
    """Write the changes if nobody wrote since the snapshot was read; False if somebody did.

    With a batch, the write joins it and the batch's commit raises `FailedPrecondition` in that case.
    """
    option = firestore.Client.write_option(last_update_time=snapshot.update_time)
    if batch is not None:
        batch.update(snapshot.reference, dict(changes), option=option)
        return True
    try:
        snapshot.reference.update(dict(changes), option=option)
    except FailedPrecondition:
        return False
    return True


def together(database: Database, work: Callable[[firestore.Transaction], _T]) -> _T:
    """Do the work in a transaction: what it reads is as it was until what it writes is written, or it is done again.

    For documents that few write at once. The vendor's own decorator is not used, since a rollback that fails hides why
    there was one. Raises what the work raises, and Google's API errors.
    """
    attempts = iter(range(MOST_ATTEMPTS - 1))
    while True:
        transaction = client(database).transaction()
        transaction._begin()
        try:
            done = work(transaction)
            transaction._commit()
        except Aborted:
            if next(attempts, None) is None:
                raise
            time.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS))
        except BaseException:
            with suppress(GoogleAPIError):
                transaction._rollback()
            raise
        else:
            return done
