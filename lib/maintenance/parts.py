"""All rooms that keep something of a person, in the order in which a deletion ends them."""

from collections.abc import Iterator

from lib.accounts.personal_data import PERSONAL_DATA as ACCOUNTS
from lib.audit.personal_data import PERSONAL_DATA as AUDIT
from lib.chat.personal_data import PERSONAL_DATA as CHAT
from lib.core.personal_data import PersonalData
from lib.usage.personal_data import PERSONAL_DATA as USAGE
from lib.users.personal_data import PERSONAL_DATA as USERS

PARTS: tuple[PersonalData, ...] = (CHAT, ACCOUNTS, USAGE, USERS, AUDIT)


def named(room: str) -> PersonalData:
    """The part of a room. Raises `KeyError`."""
    return {part.room: part for part in PARTS}[room]


def withheld() -> Iterator[tuple[str, str]]:
    """The collections that no export holds, each with the reason."""
    for part in PARTS:
        yield from part.withheld.items()
