"""Names of objects in Cloud Storage. What belongs to a person has a name that only the person's id can make.

What belongs to nobody is named by `shared`, in no place where anything of a person's could be.
"""

import re
from dataclasses import dataclass

from lib.core.store import UserId

# Segments that mean the same to every program that ever sees them as a path, a URL or a pattern.
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_MOST_SEGMENTS = 6
_PERSONAL = "users"


@dataclass(frozen=True)
class ObjectName:
    """`users/{uid}/…`, or without a user what is nobody's; checked whoever makes it. Raises ValueError."""

    user: UserId | None
    segments: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.user is None and self.segments[:1] == (_PERSONAL,):
            raise ValueError("this would be the name of somebody's object")
        if self.user is not None and not _SEGMENT.fullmatch(self.user):
            raise ValueError("not a user id")
        if not 1 <= len(self.segments) <= _MOST_SEGMENTS or not all(map(_SEGMENT.fullmatch, self.segments)):
            raise ValueError("not the name of an object")

    def __str__(self) -> str:
        return f"{'' if self.user is None else prefix(self.user)}{'/'.join(self.segments)}"


def personal(user: UserId, *segments: str) -> ObjectName:
    """The name of an object of the person, such as `users/{uid}/uploads/upl_1`. Raises ValueError for odd segments.

    Segments are identifiers of ours (letters, digits, `_`, `-`, `.`), never what a person called a file.
    """
    return ObjectName(user, segments)


def shared(*segments: str) -> ObjectName:
    """The name of an object of nobody's, such as `heads/0000000001`. Raises ValueError for odd segments."""
    return ObjectName(None, segments)


def prefix(user: UserId) -> str:
    """What the names of all objects of the person begin with. Raises ValueError."""
    if not _SEGMENT.fullmatch(user):
        raise ValueError("not a user id")
    return f"{_PERSONAL}/{user}/"


def parsed(user: UserId, name: str) -> ObjectName:
    """The name as it is listed, if it is the person's. Raises ValueError."""
    if not name.startswith(prefix(user)):
        raise ValueError("not an object of this person")
    return ObjectName(user, tuple(name.removeprefix(prefix(user)).split("/")))
