"""A person's mail: all accounts in one list, newest first."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from lib.accounts.models import Account
from lib.core import cursor as cursors
from lib.core import deadline, purpose
from lib.core.errors import NotFound, Problem
from lib.core.parallel import ask_all
from lib.core.store import UserId
from lib.office.identifiers import decode
from lib.office.merge import Position, is_cut, merge, read_positions, write_positions
from lib.office.models import (
    LabelList,
    MailMessage,
    MailPage,
    MailThread,
    RecentMail,
)
from lib.office.queries import COMMON_LABELS, MailQuery
from lib.office.sources import CONNECTED, Failed, Sources, owned, usable

LIST_BUDGET = timedelta(seconds=10)
READ_BUDGET = timedelta(seconds=15)
LARGEST_PAGE = 100
EVERYTHING = MailQuery()

_T = TypeVar("_T")


@purpose.of("list mail")
def search(
    person: UserId,
    *,
    query: MailQuery = EVERYTHING,
    limit: int = 25,
    cursor: str | None = None,
    sources: Sources = CONNECTED,
) -> MailPage:
    """A page of the messages of all accounts that the query asks for, newest first; at most 100.

    An account that fails stands in `errors`; the others come all the same. The cursor loses and repeats nothing: what
    a failed account would have had comes when it answers again. Raises `InvalidCursor`, and `NotFound` for a label of
    nobody's.
    """
    listing = f"mail:{sorted(query.filters().items())}"
    before = read_positions(cursors.decode(person, listing, cursor)) if cursor is not None else {}
    accounts = _asked(sources.accounts(person), query)
    limit = min(limit, LARGEST_PAGE)
    outcomes = _ask(
        accounts,
        lambda account: sources.mail(person, usable(account)).page(query, before.get(account.id), limit),
    )
    page = merge(outcomes, before, limit)
    return MailPage(
        messages=page.items,
        errors=[failed.error() for failed in _failed(accounts, outcomes)],
        next_cursor=cursors.encode(person, listing, write_positions(page.positions)) if page.more else None,
    )


@purpose.of("gather recent mail")
def recent(
    person: UserId,
    *,
    since: datetime,
    limit: int,
    query: MailQuery | None = None,
    sources: Sources = CONNECTED,
) -> RecentMail:
    """The `limit` newest messages of each account since an instant, newest first, with text and place in their threads.

    By account, so that a busy mailbox does not crowd out a quiet one. Two round trips to each provider, all accounts
    at once, within the deadline of the work at hand; an account that does not answer in time stands in `errors`. The
    messages have no `html`.
    """
    after = max(since, query.after) if query and query.after else since
    wanted = (query or EVERYTHING).model_copy(update={"after": after})
    accounts = _asked(sources.accounts(person), wanted)
    outcomes = _ask(accounts, lambda account: sources.mail(person, usable(account)).recent(wanted, limit))
    nowhere: Mapping[str, Position] = {}
    page = merge(outcomes, nowhere, limit * len(accounts))
    return RecentMail(
        messages=page.items,
        errors=[failed.error() for failed in _failed(accounts, outcomes)],
        more=is_cut(outcomes, len(page.items)),
    )


@purpose.of("read a message")
def read(person: UserId, message_id: str, *, sources: Sources = CONNECTED) -> MailMessage:
    """One message. Raises `NotFound`, `ReconnectRequired`, and what providers raise."""
    named = decode(message_id)
    with deadline.within(READ_BUDGET):
        return sources.mail(person, owned(sources, person, named.account_id)).message(named.provider_ids[0])


@purpose.of("read a conversation")
def thread(person: UserId, thread_id: str, *, sources: Sources = CONNECTED) -> MailThread:
    """One conversation, oldest message first. Raises `NotFound`, `ReconnectRequired`, and what providers raise."""
    named = decode(thread_id)
    with deadline.within(READ_BUDGET):
        return sources.mail(person, owned(sources, person, named.account_id)).thread(named.provider_ids[0])


@purpose.of("list labels")
def labels(person: UserId, *, sources: Sources = CONNECTED) -> LabelList:
    """The labels of all accounts."""
    accounts = sources.accounts(person)
    outcomes = _ask(accounts, lambda account: sources.mail(person, usable(account)).labels())
    return LabelList(
        labels=[label for found in outcomes.values() if not isinstance(found, Problem) for label in found],
        errors=[failed.error() for failed in _failed(accounts, outcomes)],
    )


def _asked(accounts: list[Account], query: MailQuery) -> list[Account]:
    """The accounts that the query is about. Raises `NotFound` for a label of an account that is not among them."""
    if query.label is None or query.label in COMMON_LABELS:
        return accounts
    named = decode(query.label).account_id
    asked = [account for account in accounts if account.id == named]
    if not asked:
        raise NotFound("There is no such label")
    return asked


def _ask(accounts: list[Account], question: Callable[[Account], _T]) -> dict[str, _T | Problem]:
    answers = ask_all(accounts, question, LIST_BUDGET)
    return {account.id: answer for account, answer in zip(accounts, answers, strict=True)}


def _failed(accounts: list[Account], outcomes: Mapping[str, object]) -> list[Failed]:
    problems = ((account, outcomes[account.id]) for account in accounts)
    return [Failed(account, problem) for account, problem in problems if isinstance(problem, Problem)]
