"""Generates whole people: the two whom the local cloud is seeded with, and any number of unseen ones."""

from datetime import datetime
from typing import Literal

from scripts.local.people.automatic import AutomaticMail
from scripts.local.people.cast import Cast, known_cast, unseen_cast
from scripts.local.people.correspondence import Correspondence
from scripts.local.people.diary import write_diary
from scripts.local.people.models import Contact, Expected, Person, Provider
from scripts.local.people.pen import Pen


def make_person(
    which: Literal["demo", "second"], now: datetime, seed: int = 1, provider: Provider = "google"
) -> Person:
    """A seeded person at a provider, around `now` (aware); the seed varies their mails, not who they are.

    Equal arguments give equal people; ids depend on the person and the position only, so they outlive a
    moved clock.
    """
    return _person(known_cast(which, provider), now, seed)


def random_person(seed: int, now: datetime, provider: Provider = "google") -> Person:
    """A person nobody has met, around `now` (aware), so that nothing can be written for one mailbox only."""
    return _person(unseen_cast(seed, provider), now, seed)


def _person(cast: Cast, now: datetime, seed: int) -> Person:
    pen = Pen(cast, now, seed)
    diary = write_diary(cast, now)
    people = Correspondence(pen)
    people.write()
    machines = AutomaticMail(pen)
    machines.write_invitations(diary.invitations())
    machines.write_newsletters()
    machines.write_receipts()
    machines.write_notifications()
    addressed, addressed_injection = machines.write_addressed_injection()
    injected, injection = machines.write_injection()
    return Person(
        user_id=cast.user_id,
        given_name=cast.given_name,
        family_name=cast.family_name,
        email=cast.email,
        time_zone=cast.zone,
        locale=cast.locale,
        contacts=_contacts(cast),
        calendars=diary.calendars,
        messages=tuple(sorted(pen.mailbox.messages, key=lambda message: (message.date, message.id))),
        expected=Expected(
            today_event_ids=diary.today_event_ids,
            awaiting_reply_message_ids=tuple(message.id for message in people.awaiting),
            injected_message_id=injected.id,
            injection=injection,
            addressed_message_id=addressed.id,
            addressed_injection=addressed_injection,
        ),
        canary=cast.canary,
    )


def _contacts(cast: Cast) -> tuple[Contact, ...]:
    roles = (*cast.colleagues, *cast.externals, *cast.friends)
    return tuple(Contact(role.name, role.email, role.phone, role.organisation) for role in roles)
