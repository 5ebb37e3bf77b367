"""Which people have accounts at Google: the two of the local cloud, or those that a test asks for."""

from collections.abc import Sequence
from datetime import datetime

from scripts.local.people.models import Person
from scripts.local.people.person import make_person, random_person
from scripts.local.provider.people_source import PeopleRequest, PeopleSource


def people_source(wanted: PeopleRequest) -> PeopleSource:
    """Makes the people that are wanted."""
    return wanted.source(make_person, random_person)


def seeded_people(now: datetime) -> Sequence[Person]:
    """The two people of the local cloud."""
    return people_source(PeopleRequest())(now)
