"""What stands with us of a question and its person: read while the run is being claimed, so that neither waits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lib.accounts.models import Account
from lib.ai.models import Turn
from lib.chat import store
from lib.chat.context import BUDGET
from lib.chat.models import Message, Run
from lib.core import telemetry
from lib.core.errors import DeadlineExceeded, NotFound, Problem, Unavailable
from lib.core.store import UserId
from lib.users import profile
from lib.users.preferences import Preferences

HISTORY_MESSAGES = 60


@dataclass(frozen=True)
class Prepared:
    """What was said before, the question, what the person prefers, and the connected accounts, or why none is known."""

    history: Sequence[Turn]
    question: str
    preferences: Preferences
    accounts: Sequence[Account] | Problem


class Preparation:
    """The reading, from its making on."""

    def __init__(self, user: UserId, run: Run) -> None:
        self._reading = asyncio.create_task(_read(user, run))
        self._reading.add_done_callback(lambda read: read.cancelled() or read.exception())

    async def done(self) -> Prepared:
        """What was read. Raises `NotFound` when the question was deleted."""
        return await asyncio.shield(self._reading)

    def abandon(self) -> None:
        """Nobody wants it any more."""
        self._reading.cancel()


async def _read(user: UserId, run: Run) -> Prepared:
    question, earlier, preferences, accounts = await asyncio.gather(
        asyncio.to_thread(store.message, user, run.conversation_id, run.question_id),
        asyncio.to_thread(store.latest_messages, user, run.conversation_id, run.created_at, HISTORY_MESSAGES),
        asyncio.to_thread(_preferences, user),
        _accounts(user),
    )
    if question is None:
        raise NotFound("The question was deleted")
    return Prepared(_turns(earlier), question.text, preferences, accounts)


def _turns(messages: Sequence[Message]) -> list[Turn]:
    return [Turn(message.role, message.text) for message in messages if message.text]


def _preferences(user: UserId) -> Preferences:
    try:
        return profile.read_preferences(user)
    except NotFound:
        return Preferences()


async def _accounts(user: UserId) -> Sequence[Account] | Problem:
    """An answer is made without what they hold, if they cannot be read, or not in the time for gathering it."""
    try:
        async with asyncio.timeout(BUDGET.total_seconds()):
            return await asyncio.to_thread(_connected, user)
    except TimeoutError:
        return DeadlineExceeded()
    except Exception as error:
        telemetry.error("accounts unreadable", error)
        return Unavailable()


def _connected(user: UserId) -> Sequence[Account]:
    from lib.accounts import store as accounts

    return accounts.accounts(user)
