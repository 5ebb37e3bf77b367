"""Which people have accounts at Microsoft: the two of the local cloud, or those that a test asks for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from scripts.local.people.models import Person
from scripts.local.people.person import make_person, random_person
from scripts.local.provider.people_source import Known, PeopleRequest, PeopleSource


def _at_outlook(person: Person) -> Person:
    return replace(person, email=f"{person.email.partition('@')[0]}@outlook.example")


def _known(which: Known, now: datetime, seed: int) -> Person:
    return _at_outlook(make_person(which, now, seed))


def _unseen(seed: int, now: datetime) -> Person:
    return _at_outlook(random_person(seed, now))


def people_source(wanted: PeopleRequest) -> PeopleSource:
    """Makes the people that are wanted."""
    return wanted.source(_known, _unseen)


def seeded_people(now: datetime) -> Sequence[Person]:
    """The two people of the local cloud."""
    return people_source(PeopleRequest())(now)
