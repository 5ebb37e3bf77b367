"""What the local Google's person is known to hold, and what of it an answer cites."""

from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp

from lib.office.identifiers import encode
from scripts.local.streamed_answer import Cited


@dataclass(frozen=True)
class KnownSources:
    """A person of the local Google. `events` are today's, `mails` those that wait for an answer: provider's ids."""

    name: str
    email: str
    time_zone: str
    calendars: tuple[str, ...]
    events: tuple[str, ...]
    mails: tuple[str, ...]

    @classmethod
    async def of(cls, session: aiohttp.ClientSession, google: str, user_id: str) -> "KnownSources":
        """Ask the local Google's control API; LookupError for a person that it does not have."""
        async with session.get(f"{google}/_control/people") as answer:
            answer.raise_for_status()
            people = {person["user_id"]: person for person in (await answer.json())["people"]}
        person = people[user_id]
        expected = person["expected"]
        return cls(
            person["name"],
            person["email"],
            person["time_zone"],
            tuple(person["calendars"]),
            tuple(expected["today_event_ids"]),
            tuple(expected["awaiting_reply_message_ids"]),
        )

    def event_names(self, account_id: str, event_id: str) -> set[str]:
        """The ids that an event may have on our wire: one for each of the person's calendars."""
        return {encode(account_id, calendar, event_id) for calendar in self.calendars}

    def missing(self, cited: Iterable[Cited], account_id: str) -> list[str]:
        """What a right answer would not lack: every event of today, every mail that waits, and no other mail."""
        sources = list(cited)
        ids = {source.id for source in sources}
        right = {encode(account_id, mail): mail for mail in self.mails}
        others = [source for source in sources if source.kind == "mail" and source.id not in right]
        return [
            *(f"event {event} is not cited" for event in self.events if not self.event_names(account_id, event) & ids),
            *(f"mail {mail} is not cited" for name, mail in right.items() if name not in ids),
            *(f"mail “{source.title}” is cited, but does not wait for an answer" for source in others),
        ]

    def cited(self, cited: Iterable[Cited], account_id: str) -> list[Cited]:
        """Those sources that are known ones."""
        mails = {encode(account_id, mail) for mail in self.mails}
        events = {name for event in self.events for name in self.event_names(account_id, event)}
        return [source for source in cited if source.id in mails | events]
