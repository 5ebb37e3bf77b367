"""Gmail mailboxes as the office reads them, over the wire from the local Google."""

from datetime import timedelta

from lib.core import clock
from lib.office import mail
from lib.office.identifiers import decode
from lib.office.models import MailSummary
from lib.office.queries import MailQuery
from scripts.local.people.models import Message, Person
from tests.office.conftest import Office
from tests.office.rig import OWNER

LONG_AGO = timedelta(days=60)


def provider_id(message: MailSummary) -> str:
    return decode(message.id).provider_ids[0]


def mailbox(office: Office, number: int = 0) -> tuple[Person, list[Message]]:
    """The person of an account and their messages, newest first, without spam and trash."""
    person = office.people[office.accounts[number].email]
    kept = [message for message in person.messages if not {"SPAM", "TRASH", "DRAFT"} & set(message.labels)]
    return person, sorted(kept, key=lambda message: message.date, reverse=True)


def test_a_page_costs_two_round_trips(office: Office) -> None:
    mail.search(OWNER, limit=25, sources=office.sources(office.accounts[0]))
    assert office.calls() == ["gmail.users.messages.list", "batch"]


def test_recent_mail_costs_two_round_trips(office: Office) -> None:
    mail.recent(OWNER, since=clock.now() - LONG_AGO, limit=30, sources=office.sources(office.accounts[0]))
    assert office.calls() == ["batch", "batch"]


def test_an_own_label_can_be_listed_and_searched_by(office: Office) -> None:
    _, messages = mailbox(office)
    marked = messages[4]
    office.control("POST", "labels", {"user": office.accounts[0].email, "message": marked.id, "add": ["Taxes & co"]})
    labels = mail.labels(OWNER, sources=office.sources()).labels
    (own,) = [label for label in labels if label.name == "Taxes & co"]
    assert (own.own, own.account_id) == (True, office.accounts[0].id)
    page = mail.search(OWNER, query=MailQuery(label=own.id), sources=office.sources())
    assert [provider_id(message) for message in page.messages] == [marked.id]
    assert own.id in page.messages[0].labels


def test_a_message_that_is_deleted_meanwhile_is_left_out(office: Office) -> None:
    sources = office.sources(office.accounts[1])
    newest = mail.search(OWNER, limit=2, sources=sources).messages
    office.arm("/gmail/v1/users/me/messages/", "error", status=404, reason="notFound", times=1)
    page = mail.search(OWNER, limit=2, sources=sources)
    assert page.errors == []
    assert page.messages[0].id == newest[1].id
