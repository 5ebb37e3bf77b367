"""Firestore: where a person's data lives, and the few ways in which rooms read and write it.

A room's `store.py` builds on this. A document path starts at a person; the collections that are global by nature are
listed here, so that none appears unnoticed.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, NewType

from google.api_core.exceptions import (
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
    "global_document",
    "owner",
    "person",
]


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


def global_document(collection: Global, document: str) -> firestore.DocumentReference:
    """A document of a collection that belongs to no person."""
    return client().collection(collection.value).document(document)


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
