"""What a person is known to hold at the local providers, and what of it an answer cites."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aiohttp

from lib.office.identifiers import encode
from scripts.local.streamed_answer import Cited


@dataclass(frozen=True)
class KnownSources:
    """A person at one provider. `events` are today's, `mails` those that wait for an answer: the provider's ids."""

    name: str
    email: str
    time_zone: str
    calendars: tuple[str, ...]
    events: tuple[str, ...]
    mails: tuple[str, ...]

    @classmethod
    async def of(cls, session: aiohttp.ClientSession, control: str, user_id: str) -> "KnownSources":
        """Ask a local provider's control API; LookupError for a person that it does not have."""
        async with session.get(f"{control}/_control/people") as answer:
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


Connected = Mapping[str, KnownSources]
"""What is known of each connected account, by its id."""


def missing(cited: Iterable[Cited], connected: Connected) -> list[str]:
    """What a right answer would not lack: every event of today, every mail that waits, and no other mail."""
    sources = list(cited)
    ids = {source.id for source in sources}
    waiting = {encode(account, mail): mail for account, known in connected.items() for mail in known.mails}
    others = [source for source in sources if source.kind == "mail" and source.id not in waiting]
    return [
        *(
            f"event {event} of {known.email} is not cited"
            for account, known in connected.items()
            for event in known.events
            if not known.event_names(account, event) & ids
        ),
        *(f"mail {mail} is not cited" for name, mail in waiting.items() if name not in ids),
        *(f"mail “{source.title}” is cited, but does not wait for an answer" for source in others),
    ]


def known_among(cited: Iterable[Cited], connected: Connected) -> list[Cited]:
    """Those sources that are known ones."""
    known_ids = {
        name
        for account, known in connected.items()
        for name in (
            *(encode(account, mail) for mail in known.mails),
            *(name for event in known.events for name in known.event_names(account, event)),
        )
    }
    return [source for source in cited if source.id in known_ids]
