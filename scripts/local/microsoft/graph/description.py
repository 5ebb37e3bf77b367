"""Who a person is at Microsoft, and what a right answer about them cites: by Graph's immutable ids."""

from dataclasses import replace

from scripts.local.microsoft.graph.accounts import GraphAccount
from scripts.local.microsoft.graph.identifiers import immutable_id
from scripts.local.people.models import Expected
from scripts.local.provider.people_source import described
from scripts.local.provider.wire import Json


def graph_description(account: GraphAccount) -> Json:
    """The same as at Google, for a test in another process."""
    person, owner = account.person, account.email
    expected = person.expected

    def message(key: str) -> str:
        return immutable_id(owner, "message", key)

    translated = Expected(
        today_event_ids=tuple(immutable_id(owner, "event", key) for key in expected.today_event_ids),
        awaiting_reply_message_ids=tuple(message(key) for key in expected.awaiting_reply_message_ids),
        injected_message_id=message(expected.injected_message_id),
        injection=expected.injection,
        addressed_message_id=message(expected.addressed_message_id),
        addressed_injection=expected.addressed_injection,
    )
    calendars = [calendar.id for calendar in account.calendars.calendars.values()]
    return described(replace(person, expected=translated)) | {"calendars": calendars}
