"""Graph's query options over messages: filter, order, search, pages, and what is refused."""

from datetime import UTC, timedelta

import pytest

from scripts.local import clock
from tests.local.google import ada
from tests.local.microsoft.graph_rig import Client, graph_of

LUNCH, REPLY, NEWS = "Lunch on Thürsday?", "Re: Lunch on Thürsday?", "Ships of the week"
CONTRACT, SPAM, OLD = "Contract", "You won", "Last year's harbour"
NEWEST_FIRST = [CONTRACT, NEWS, REPLY, LUNCH, SPAM, OLD]


@pytest.fixture
def client() -> Client:
    return Client(graph_of(*ada.people(clock.now())), ada.EMAIL)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("isRead eq false", [LUNCH]),
        ("isRead", [CONTRACT, NEWS, REPLY, SPAM, OLD]),
        ("not isRead", [LUNCH]),
        ("from/emailAddress/address eq 'MIRA@studio.example'", [CONTRACT, LUNCH, OLD]),
        ("from/emailAddress/address eq 'mira@studio.example' and flag/flagStatus eq 'flagged'", [CONTRACT]),
        ("contains(subject,'lunch') or startswith(subject,'You')", [REPLY, LUNCH, SPAM]),
        ("(contains(subject,'lunch') or isRead eq true) and not (isRead eq false)", [CONTRACT, NEWS, REPLY, SPAM, OLD]),
        ("subject eq 'Last year''s harbour'", [OLD]),
        ("importance ne 'normal'", [CONTRACT]),
        ("categories/any(c:c eq 'clients')", [CONTRACT]),
        ("inferenceClassification eq 'other'", [NEWS]),
        ("receivedDateTime lt 2020-01-01T00:00:00Z", []),
        ("subject ne null", NEWEST_FIRST),
    ],
)
def test_a_filter_finds_what_it_describes(client: Client, condition: str, found: list[str]) -> None:
    assert client.subjects(filter=condition) == found


def test_a_filter_compares_instants_in_any_offset(client: Client) -> None:
    then = (clock.now() - timedelta(hours=2, minutes=30)).astimezone(UTC)
    for moment in (f"{then:%Y-%m-%dT%H:%M:%SZ}", f"{then + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}+01:00"):
        assert client.subjects(filter=f"receivedDateTime ge {moment}") == [CONTRACT, NEWS, REPLY]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"filter": "colour eq 'red'"}, "Could not find a property named 'colour'"),
        ({"filter": "isRead eq 'false'"}, "'Edm.Boolean' and 'Edm.String' for operator kind 'Equal'"),
        ({"filter": "receivedDateTime ge '2026-01-01'"}, "'Edm.DateTimeOffset' and 'Edm.String'"),
        ({"filter": "isRead eq"}, "Syntax error"),
        ({"filter": "(isRead eq true"}, "Syntax error"),
        ({"filter": "isRead eq true isDraft eq true"}, "Syntax error"),
        ({"filter": "length(subject) gt 3"}, "An unknown function with name 'length'"),
        ({"filter": "contains(isRead,'x')"}, "No function signature"),
        ({"select": "subject,colour"}, "named 'colour' on type 'microsoft.graph.message'"),
        ({"expand": "colours"}, "named 'colours' on type 'microsoft.graph.message'"),
        ({"expand": "attachments($select=contentBytes)"}, "on type 'microsoft.graph.attachment'"),
        ({"orderby": "from"}, "must evaluate to a single value of primitive type"),
        ({"orderby": "subject down"}, "Syntax error"),
        ({"top": "0"}, "$top"),
        ({"top": "1001"}, "The limit of '1000' for Top query has been exceeded"),
        ({"top": "-1"}, "non-negative integer"),
        ({"count": "yes"}, "$count"),
        ({"skiptoken": "guess"}, "Skip token"),
        ({"apply": "x"}, "The query parameter '$apply' is not supported."),
        ({"colour": "x"}, "The query parameter 'colour' is not supported."),
        ({"search": "from:mira"}, "character ':' is not valid at position 4 in 'from:mira'"),
        ({"search": '"(mira"'}, "parenthesis"),
        ({"search": '"received>=soon"'}, "'soon' is no date"),
    ],
)
def test_a_query_that_graph_does_not_understand_is_refused(client: Client, query: dict[str, str], words: str) -> None:
    status, code, message = client.ask("/me/messages", **query).error
    assert (status, code) == (400, "BadRequest")
    assert words in message


@pytest.mark.parametrize("path", ["/me/colours", "/me/mailFolders/inbox/colours", "/me/colours/blue"])
def test_a_path_that_graph_does_not_have_is_refused(client: Client, path: str) -> None:
    assert client.ask(path).error == (400, "BadRequest", "Resource not found for the segment 'colours'.")


def test_messages_are_sorted_as_asked(client: Client) -> None:
    assert client.subjects() == NEWEST_FIRST
    assert client.subjects(orderby="receivedDateTime") == NEWEST_FIRST[::-1]
    by_sender = client.subjects(orderby="from/emailAddress/address,receivedDateTime desc")
    assert by_sender == [REPLY, CONTRACT, LUNCH, OLD, NEWS, SPAM]


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("harbour", [NEWS, LUNCH, SPAM, OLD]),
        ("harb*", [NEWS, LUNCH, SPAM, OLD]),
        ("harb", []),
        ("from:mira@studio.example", [CONTRACT, LUNCH, OLD]),
        ("from:mira from:prize", [CONTRACT, LUNCH, SPAM, OLD]),
        ("from:mira AND harbour", [LUNCH, OLD]),
        ("from:mira subject:contract", [CONTRACT]),
        ("from:mira NOT harbour", [CONTRACT]),
        ("from:mira -harbour", [CONTRACT]),
        ("(subject:contract OR subject:ships) AND hasattachments:true", [CONTRACT]),
        (r"\"Please sign\"", [CONTRACT]),
        (r"\"sign Please\"", []),
        (r"from:\"Mira Sørensen\"", [CONTRACT, LUNCH, OLD]),
        ("to:mira", [REPLY]),
        ("cc:kai", [REPLY]),
        ("participants:mira", [CONTRACT, REPLY, LUNCH, OLD]),
        ("attachment:contract", [CONTRACT]),
        ("importance:high", [CONTRACT]),
        ("kind:meetings", [CONTRACT]),
        ("size>700", [CONTRACT]),
        ("received>=2020-01-01 AND received<2020-01-02", []),
        ("received>=2020-01-01 received<2020-01-02", NEWEST_FIRST),
        ("received:01/01/2020..01/02/2020", []),
        ("colour:red", []),
    ],
)
def test_a_search_finds_what_it_describes(client: Client, clause: str, found: list[str]) -> None:
    assert client.subjects(search=f'"{clause}"') == found


def test_a_search_takes_days_in_utc(client: Client) -> None:
    day = (clock.now() - timedelta(days=400)).astimezone(UTC)
    assert client.subjects(search=f'"received:{day:%m/%d/%Y}"') == [OLD]
    assert client.subjects(search=f'"received>{day:%Y-%m-%d}"') == NEWEST_FIRST[:-1]


def test_a_search_goes_on_by_a_token_that_belongs_to_it(client: Client) -> None:
    link = client.ask("/me/messages", search='"harbour"', top=2).body["@odata.nextLink"]
    assert [one["subject"] for one in client.ask(link).value] == [SPAM, OLD]
    stolen = link.replace("harbour", "mira")
    assert client.ask(stolen).error == (400, "BadRequest", "Skip token is malformed.")


def test_what_is_deleted_between_two_pages_shifts_the_next(client: Client) -> None:
    link = client.ask("/me/messages", top=2).body["@odata.nextLink"]
    mailbox = client.graph.accounts.by_email[ada.EMAIL].mailbox
    mailbox.delete(mailbox.messages[ada.CONTRACT_ID])
    assert [one["subject"] for one in client.ask(link).value] == [LUNCH, SPAM]
