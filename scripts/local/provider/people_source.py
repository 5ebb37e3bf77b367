"""Which people have accounts: the two of the local cloud, or those that a test asks for."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scripts.local.people.models import Person

PeopleSource = Callable[[datetime], Sequence[Person]]
"""Makes the people as of a moment; called at the start and on reload."""
Known = Literal["demo", "second"]
MakeKnown = Callable[[Known, datetime, int], Person]
MakeUnseen = Callable[[int, datetime], Person]


class PeopleRequest(BaseModel):
    """Known people by name, unseen ones by seed; `seed` varies the known ones' mails."""

    model_config = ConfigDict(extra="forbid")

    known: tuple[Known, ...] = ("demo", "second")
    unseen: tuple[int, ...] = ()
    seed: int = Field(default=1)

    def source(self, known: MakeKnown, unseen: MakeUnseen) -> PeopleSource:
        """Makes these people, as they are at one provider, as of a moment."""

        def make(now: datetime) -> Sequence[Person]:
            return [
                *(known(which, now, self.seed) for which in self.known),
                *(unseen(seed, now) for seed in self.unseen),
            ]

        return make


def described(person: Person) -> dict[str, Any]:
    """Who a person is and what a right answer about them must cite, for a test in another process."""
    return {
        "user_id": person.user_id,
        "email": person.email,
        "name": person.name,
        "time_zone": person.time_zone,
        "canary": person.canary,
        "calendars": [calendar.id for calendar in person.calendars],
        "expected": asdict(person.expected),
    }
