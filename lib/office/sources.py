"""Where the office finds a person's accounts and reads them: by default the connected ones, at their providers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lib.accounts import store
from lib.accounts.models import Account, Health, Provider
from lib.core.errors import NotFound, Problem, ReconnectRequired
from lib.core.store import UserId
from lib.office.google.calendar import GoogleCalendar
from lib.office.google.mail import GoogleMail
from lib.office.microsoft.calendar import MicrosoftCalendar
from lib.office.microsoft.mail import MicrosoftMail
from lib.office.models import AccountError
from lib.office.ports import CalendarReader, CalendarReaderOf, MailReader, ReaderOf

_MAIL: dict[Provider, ReaderOf] = {Provider.GOOGLE: GoogleMail, Provider.MICROSOFT: MicrosoftMail}
_CALENDARS: dict[Provider, CalendarReaderOf] = {
    Provider.GOOGLE: GoogleCalendar,
    Provider.MICROSOFT: MicrosoftCalendar,
}


def provider_mail(person: UserId, account: Account) -> MailReader:
    """The mailbox at the account's provider."""
    return _MAIL[account.provider](person, account)


def provider_calendars(person: UserId, account: Account) -> CalendarReader:
    """The calendars at the account's provider."""
    return _CALENDARS[account.provider](person, account)


@dataclass(frozen=True)
class Sources:
    """What the office reads from."""

    accounts: Callable[[UserId], list[Account]] = store.accounts
    account: Callable[[UserId, str], Account | None] = store.account
    mail: ReaderOf = provider_mail
    calendars: CalendarReaderOf = provider_calendars


CONNECTED = Sources()


class Failed(NamedTuple):
    """An account, or one of its calendars, that did not answer."""

    account: Account
    problem: Problem
    calendar_id: str | None = None

    def error(self) -> AccountError:
        """As a list says it."""
        return AccountError(
            account_id=self.account.id,
            email=self.account.email,
            type=self.problem.type(),
            title=self.problem.title,
            detail=self.problem.detail,
            calendar_id=self.calendar_id,
            grant_url=self.problem.members.get("grant_url"),
        )


def usable(account: Account) -> Account:
    """The account itself. Raises `ReconnectRequired` when it is known not to work until the person acts."""
    if account.health is Health.NEEDS_RECONNECT:
        raise ReconnectRequired(f"{account.email} has to be connected again", account_id=account.id)
    return account


def owned(sources: Sources, person: UserId, account_id: str) -> Account:
    """The person's account, usable. Raises `NotFound`, `ReconnectRequired`."""
    account = sources.account(person, account_id)
    if account is None:
        raise NotFound()
    return usable(account)
