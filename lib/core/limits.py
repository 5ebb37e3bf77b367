"""What the HTTP layers know of limits: something to call before a person's request is handled."""

from collections.abc import Callable
from dataclasses import dataclass

from lib.core.settings import Settings
from lib.core.store import UserId


@dataclass(frozen=True)
class Limit:
    """Made by the room that counts; `settings` are what its counting needs."""

    count: Callable[[UserId], None]
    settings: tuple[type[Settings], ...] = ()

    def __call__(self, person: UserId) -> None:
        """Admit a person's request. Raises `TooManyRequests`."""
        self.count(person)
