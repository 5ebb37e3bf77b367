"""The accounts of the fake Google: one per person, with their mailbox and calendars."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from scripts.local.google.calendar_store import CalendarStore
from scripts.local.google.mailbox import Mailbox
from scripts.local.people.models import Person


@dataclass(frozen=True, slots=True)
class Account:
    """One person's data at Google; changed only on the event loop."""

    person: Person
    mailbox: Mailbox
    calendars: CalendarStore

    @property
    def email(self) -> str:
        """The address that names the account."""
        return self.person.email

    @classmethod
    def of(cls, person: Person) -> "Account":
        """An account that holds what the person holds."""
        return cls(person, Mailbox.of(person), CalendarStore.of(person))


@dataclass(slots=True)
class Accounts:
    """All accounts by address."""

    by_email: dict[str, Account] = field(default_factory=dict)

    def load(self, people: Iterable[Person]) -> None:
        """Replace every account; a person given twice counts as last given."""
        self.by_email = {person.email: Account.of(person) for person in people}

    def of(self, email: str) -> Account:
        """The account of an address; KeyError if there is none."""
        return self.by_email[email]

    def emails(self) -> list[str]:
        """Every address, in the order of loading."""
        return list(self.by_email)

    def email_of_hint(self, hint: str | None) -> str | None:
        """The account that a login_hint names, or None."""
        found = (hint or "").lower()
        return next((email for email in self.by_email if email.lower() == found), None)
