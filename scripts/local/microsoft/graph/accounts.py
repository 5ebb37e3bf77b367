"""The accounts at the fake Microsoft: one per person, with their mailbox and calendars."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from scripts.local.microsoft.directory import Account
from scripts.local.microsoft.graph.calendar_store import CalendarStore
from scripts.local.microsoft.graph.mailbox import Mailbox
from scripts.local.people.models import Person


@dataclass(frozen=True, slots=True)
class GraphAccount:
    """One person's data at Microsoft; changed only on the event loop."""

    person: Person
    mailbox: Mailbox
    calendars: CalendarStore

    @property
    def email(self) -> str:
        """The address that names the account."""
        return self.person.email

    @property
    def object_id(self) -> str:
        """The id in the directory; a personal account's is the end of it, without the dashes."""
        account = Account(self.person)
        return account.object_id[-17:].replace("-", "") if account.is_personal else account.object_id

    @classmethod
    def of(cls, person: Person) -> "GraphAccount":
        """An account that holds what the person holds."""
        return cls(person, Mailbox.of(person), CalendarStore.of(person))


@dataclass(slots=True)
class GraphAccounts:
    """All accounts by address."""

    by_email: dict[str, GraphAccount] = field(default_factory=dict)

    def load(self, people: Iterable[Person]) -> None:
        """Replace every account; a person given twice counts as last given."""
        self.by_email = {person.email: GraphAccount.of(person) for person in people}

    def find(self, named: str | None) -> GraphAccount | None:
        """The account of an address, in any case, or of an id in the directory."""
        wanted = (named or "").casefold()
        return next(
            (one for one in self.by_email.values() if wanted in (one.email.casefold(), one.object_id)),
            None,
        )
