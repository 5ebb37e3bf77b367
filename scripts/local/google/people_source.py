"""Which people have accounts: the two of the local cloud, or those that a test asks for."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scripts.local.google.settings import PeopleSource
from scripts.local.people.models import Person
from scripts.local.people.person import make_person, random_person


class PeopleRequest(BaseModel):
    """Known people by name, unseen ones by seed; `seed` varies the known ones' mails."""

    model_config = ConfigDict(extra="forbid")

    known: tuple[Literal["demo", "second"], ...] = ("demo", "second")
    unseen: tuple[int, ...] = ()
    seed: int = Field(default=1)

    def source(self) -> PeopleSource:
        """Makes these people as of a moment."""

        def make(now: datetime) -> Sequence[Person]:
            known = [make_person(which, now, self.seed) for which in self.known]
            return [*known, *(random_person(seed, now) for seed in self.unseen)]

        return make


def seeded_people(now: datetime) -> Sequence[Person]:
    """The two people of the local cloud."""
    return PeopleRequest().source()(now)


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
