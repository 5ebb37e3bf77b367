"""Which people have accounts at Microsoft: the two of the local cloud, or those that a test asks for."""

from collections.abc import Sequence
from datetime import datetime

from scripts.local.people.models import Person
from scripts.local.people.person import make_person, random_person
from scripts.local.provider.people_source import Known, PeopleRequest, PeopleSource


def _known(which: Known, now: datetime, seed: int) -> Person:
    return make_person(which, now, seed, "microsoft")


def _unseen(seed: int, now: datetime) -> Person:
    return random_person(seed, now, "microsoft")


def people_source(wanted: PeopleRequest) -> PeopleSource:
    """Makes the people that are wanted."""
    return wanted.source(_known, _unseen)


def seeded_people(now: datetime) -> Sequence[Person]:
    """The two people of the local cloud."""
    return people_source(PeopleRequest())(now)
