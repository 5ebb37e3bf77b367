"""What the HTTP layers know of limits: something to call before a person's request is handled."""

from typing import Protocol

from lib.core.store import UserId


class Limit(Protocol):
    """Admits a person's request or raises `TooManyRequests`; the room that counts implements it."""

    def __call__(self, person: UserId, /) -> None: ...
