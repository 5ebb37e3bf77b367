"""Reading mail, by Google's own client."""

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from scripts.local import clock
from scripts.local.google import GoogleConfig, serve
from tests.local.conftest import LoopThread
from tests.local.google import ada
from tests.local.google.visitor import CLIENT_ID, CLIENT_SECRET, METADATA, REDIRECT_URI, Visitor


def _decode(data: str) -> bytes:
    return base64.urlsafe_b64decode(data)


def _get(gmail: Any, message_id: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = gmail.users().messages().get(userId="me", id=message_id, **options).execute()
    return found


def _ids(gmail: Any, **options: Any) -> list[str]:
    answer = gmail.users().messages().list(userId="me", **options).execute()
    return [message["id"] for message in answer.get("messages", [])]


def _headers(payload: dict[str, Any]) -> dict[str, str]:
    return {header["name"]: header["value"] for header in payload["headers"]}


@pytest.fixture(scope="module")
def reader(loop_thread: LoopThread) -> Iterator[Any]:
    """A client of one mailbox that nobody changes."""
    config = GoogleConfig(CLIENT_ID, CLIENT_SECRET, (REDIRECT_URI,), ada.people, auto_approve=True)
    handle = loop_thread.run(serve(config))
    yield Visitor(handle.url).gmail()
    loop_thread.run(handle.close())


def test_the_profile_counts_messages_and_threads(visitor: Visitor) -> None:
    profile = visitor.gmail().users().getProfile(userId=ada.EMAIL).execute()
    assert (profile["messagesTotal"], profile["threadsTotal"]) == (6, 5)
    assert profile["historyId"].isdigit()


def test_the_list_is_newest_first_without_spam_in_pages(visitor: Visitor) -> None:
    messages = visitor.gmail().users().messages()
    request, pages = messages.list(userId="me", maxResults=2), []
    while request is not None:
        answer = request.execute()
        pages.append([message["id"] for message in answer["messages"]])
        assert answer["resultSizeEstimate"] == 5
        request = messages.list_next(request, answer)
    assert pages == [[ada.CONTRACT_ID, ada.NEWS_ID], [ada.REPLY_ID, ada.LUNCH_ID], [ada.OLD_ID]]


def test_mail_that_arrives_between_pages_repeats_nothing(visitor: Visitor) -> None:
    messages = visitor.gmail().users().messages()
    request = messages.list(userId="me", maxResults=2)
    answer = request.execute()
    visitor.control("mail", {"user": ada.EMAIL, "sender": "new@x.example", "subject": "New", "text": "new"})
    second = messages.list_next(request, answer).execute()
    assert [message["id"] for message in second["messages"]] == [ada.REPLY_ID, ada.LUNCH_ID]


def test_a_page_token_of_another_query_is_refused(visitor: Visitor) -> None:
    messages = visitor.gmail().users().messages()
    token = messages.list(userId="me", maxResults=1).execute()["nextPageToken"]
    with pytest.raises(HttpError, match="Invalid pageToken") as refused:
        messages.list(userId="me", maxResults=1, q="harbour", pageToken=token).execute()
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [ada.CONTRACT_ID, ada.NEWS_ID, ada.REPLY_ID, ada.LUNCH_ID, ada.OLD_ID]),
        ("from:mira", [ada.CONTRACT_ID, ada.LUNCH_ID, ada.OLD_ID]),
        ("from:mira@studio.example is:starred", [ada.CONTRACT_ID]),
        ("from:studio.example -is:starred -older_than:1y", [ada.LUNCH_ID]),
        ("from:me", [ada.REPLY_ID]),
        ("to:mira", [ada.REPLY_ID]),
        ("cc:kai@studio.example", [ada.REPLY_ID]),
        ("subject:LUNCH", [ada.REPLY_ID, ada.LUNCH_ID]),
        ("subject:(lunch OR contract) in:inbox", [ada.CONTRACT_ID, ada.LUNCH_ID]),
        ("{subject:contract subject:ships}", [ada.CONTRACT_ID, ada.NEWS_ID]),
        ('"at the harbour"', [ada.LUNCH_ID]),
        ('"harbour the at"', []),
        ("harbour", [ada.NEWS_ID, ada.LUNCH_ID, ada.OLD_ID]),
        ("harb", []),
        ("thürsday", [ada.REPLY_ID, ada.LUNCH_ID]),
        ("is:unread", [ada.LUNCH_ID]),
        ("is:read in:inbox", [ada.CONTRACT_ID, ada.NEWS_ID]),
        ("in:sent", [ada.REPLY_ID]),
        ("in:spam", [ada.SPAM_ID]),
        ("in:anywhere harbour", [ada.NEWS_ID, ada.LUNCH_ID, ada.SPAM_ID, ada.OLD_ID]),
        ("in:archive", [ada.OLD_ID]),
        ("label:clients", [ada.CONTRACT_ID]),
        ("is:important", [ada.CONTRACT_ID]),
        ("category:promotions", [ada.NEWS_ID]),
        ("has:attachment", [ada.CONTRACT_ID]),
        ("filename:contract.pdf", [ada.CONTRACT_ID]),
        ("newer_than:2d -in:sent -category:promotions", [ada.CONTRACT_ID, ada.LUNCH_ID]),
        ("older_than:1y", [ada.OLD_ID]),
        ("before:2001/01/01", []),
        ("list:weekly.harbour.example", [ada.NEWS_ID]),
        (f"rfc822msgid:<{ada.LUNCH_ID}@mail.example>", [ada.LUNCH_ID]),
        ("larger:100k", []),
        ("from:(mira", [ada.CONTRACT_ID, ada.LUNCH_ID, ada.OLD_ID]),
    ],
)
def test_the_search_language_selects(reader: Any, query: str, found: list[str]) -> None:
    assert _ids(reader, q=query) == found


def test_seconds_since_the_epoch_bound_exactly_and_dates_mean_pacific_midnight(visitor: Visitor) -> None:
    gmail = visitor.gmail()
    lunch = int(_get(gmail, ada.LUNCH_ID, format="minimal")["internalDate"]) // 1000
    assert _ids(gmail, q=f"after:{lunch} before:{lunch + 60}") == [ada.LUNCH_ID]
    assert _ids(gmail, q=f"before:{lunch} newer_than:1y") == []
    tomorrow = clock.now() + timedelta(days=2)
    assert _ids(gmail, q=f"after:{tomorrow:%Y/%m/%d}") == []
    assert len(_ids(gmail, q=f"before:{tomorrow:%Y-%m-%d}")) == 5


def test_a_query_too_long_for_a_url_is_sent_as_a_post_that_stands_for_a_get(reader: Any) -> None:
    query = " OR ".join(f"from:person{number}@nowhere.example" for number in range(80)) + " OR from:mira"
    assert _ids(reader, q=query) == [ada.CONTRACT_ID, ada.LUNCH_ID, ada.OLD_ID]


def test_labels_restrict_and_unknown_ones_are_refused(visitor: Visitor) -> None:
    gmail = visitor.gmail()
    assert _ids(gmail, labelIds=["INBOX", "UNREAD"]) == [ada.LUNCH_ID]
    assert len(_ids(gmail, includeSpamTrash=True)) == 6
    with pytest.raises(HttpError, match="Invalid label"):
        _ids(gmail, labelIds=["Label_99"])


def test_a_plain_message_has_its_text_in_the_payload(visitor: Visitor) -> None:
    message = _get(visitor.gmail(), ada.LUNCH_ID)
    payload = message["payload"]
    assert (payload["partId"], payload["mimeType"], payload["filename"]) == ("", "text/plain", "")
    assert _decode(payload["body"]["data"]).decode() == "Shall we eat at the harbour & talk?\r\n"
    assert message["snippet"] == "Shall we eat at the harbour &amp; talk?"
    assert message["labelIds"] == ["INBOX", "UNREAD"]
    headers = _headers(payload)
    assert headers["Subject"] == "Lunch on Thürsday?"
    assert headers["From"] == "Mira Sørensen <mira@studio.example>"


def test_a_reply_names_what_it_answers(visitor: Visitor) -> None:
    headers = _headers(_get(visitor.gmail(), ada.REPLY_ID)["payload"])
    assert headers["In-Reply-To"] == headers["References"] == f"<{ada.LUNCH_ID}@mail.example>"
    assert headers["Cc"] == "kai@studio.example"
    assert "Delivered-To" not in headers


def test_a_newsletter_is_an_alternative_with_whole_list_headers(visitor: Visitor) -> None:
    payload = _get(visitor.gmail(), ada.NEWS_ID)["payload"]
    assert payload["mimeType"] == "multipart/alternative"
    assert [(part["partId"], part["mimeType"]) for part in payload["parts"]] == [
        ("0", "text/plain"),
        ("1", "text/html"),
    ]
    assert payload["body"] == {"size": 0}
    assert f"/u/{'x' * 120}>, <mailto:" in _headers(payload)["List-Unsubscribe"]


def test_attachments_are_fetched_by_ids_that_do_not_last(visitor: Visitor) -> None:
    gmail = visitor.gmail()
    payload = _get(gmail, ada.CONTRACT_ID)["payload"]
    assert payload["mimeType"] == "multipart/mixed"
    alternative, contract, invitation = payload["parts"]
    assert [part["mimeType"] for part in alternative["parts"]] == ["text/plain", "text/html", "text/calendar"]
    assert [part["partId"] for part in alternative["parts"]] == ["0.0", "0.1", "0.2"]
    assert (contract["filename"], invitation["mimeType"]) == ("contract.pdf", "application/ics")
    assert "data" not in contract["body"]
    fetched = (
        gmail.users()
        .messages()
        .attachments()
        .get(userId="me", messageId=ada.CONTRACT_ID, id=contract["body"]["attachmentId"])
        .execute()
    )
    assert _decode(fetched["data"]) == ada.PDF
    assert fetched["size"] == len(ada.PDF) == contract["body"]["size"]
    again = _get(gmail, ada.CONTRACT_ID)["payload"]["parts"][1]
    assert again["body"]["attachmentId"] != contract["body"]["attachmentId"]
    with pytest.raises(HttpError, match="Invalid attachment token"):
        gmail.users().messages().attachments().get(userId="me", messageId=ada.NEWS_ID, id="ANGjdJx").execute()


def test_the_formats_differ_in_what_they_hold(visitor: Visitor) -> None:
    gmail = visitor.gmail()
    raw = _get(gmail, ada.CONTRACT_ID, format="raw")
    parsed = message_from_bytes(_decode(raw["raw"]), policy=policy.default)
    assert parsed["Subject"] == "Contract"
    assert "payload" not in raw
    assert raw["sizeEstimate"] == len(_decode(raw["raw"]))
    assert not {"payload", "raw"} & set(_get(gmail, ada.CONTRACT_ID, format="minimal"))
    some = _get(gmail, ada.CONTRACT_ID, format="metadata", metadataHeaders=["subject", "Date", "X-None"])
    assert set(_headers(some["payload"])) == {"Subject", "Date"}
    assert "parts" not in some["payload"]


@pytest.mark.parametrize(("message_id", "status"), [("ffffffffffffffff", 404), ("not-an-id", 400)])
def test_an_unknown_message_is_not_found_and_a_nonsense_id_is_refused(
    visitor: Visitor, message_id: str, status: int
) -> None:
    with pytest.raises(HttpError) as refused:
        _get(visitor.gmail(), message_id)
    assert refused.value.status_code == status


def test_another_persons_mailbox_is_closed(visitor: Visitor) -> None:
    with pytest.raises(HttpError, match="Delegation denied") as refused:
        visitor.gmail().users().messages().list(userId=ada.BRAM).execute()
    assert refused.value.status_code == 403
    bram = visitor.gmail(email=ada.BRAM)
    assert bram.users().messages().list(userId="me").execute() == {"resultSizeEstimate": 0}
    with pytest.raises(HttpError) as hidden:
        _get(bram, ada.LUNCH_ID)
    assert hidden.value.status_code == 404


def test_the_metadata_scope_reads_no_bodies_and_searches_nothing(visitor: Visitor) -> None:
    gmail = visitor.gmail(scope=METADATA)
    assert "data" not in str(_get(gmail, ada.LUNCH_ID, format="metadata")["payload"])
    with pytest.raises(HttpError, match="Metadata scope doesn't allow format FULL"):
        _get(gmail, ada.LUNCH_ID)
    with pytest.raises(HttpError, match="does not support 'q'"):
        _ids(gmail, q="harbour")


def test_threads_hold_their_messages_oldest_first(visitor: Visitor) -> None:
    threads = visitor.gmail().users().threads()
    listed = threads.list(userId="me", q="in:inbox", maxResults=2).execute()
    assert [thread["id"] for thread in listed["threads"]] == [ada.CONTRACT_ID, ada.NEWS_ID]
    thread = threads.get(userId="me", id=ada.LUNCH_ID, format="metadata").execute()
    assert [message["id"] for message in thread["messages"]] == [ada.LUNCH_ID, ada.REPLY_ID]
    assert threads.get(userId="me", id=ada.LUNCH_ID).execute()["messages"][1]["payload"]["body"]["size"] > 0
    with pytest.raises(HttpError, match="not found"):
        threads.get(userId="me", id="ffff").execute()


def test_labels_are_listed_and_counted(visitor: Visitor) -> None:
    labels = visitor.gmail().users().labels()
    listed = {label["name"]: label for label in labels.list(userId="me").execute()["labels"]}
    assert listed["INBOX"]["type"] == "system"
    assert listed["Clients"]["type"] == "user"
    assert "messagesTotal" not in listed["INBOX"]
    inbox = labels.get(userId="me", id="INBOX").execute()
    assert (inbox["messagesTotal"], inbox["messagesUnread"]) == (3, 1)
    assert labels.get(userId="me", id=listed["Clients"]["id"]).execute()["name"] == "Clients"


def test_the_history_tells_what_changed(visitor: Visitor) -> None:
    gmail = visitor.gmail()
    start = gmail.users().getProfile(userId="me").execute()["historyId"]
    assert gmail.users().history().list(userId="me", startHistoryId=start).execute() == {"historyId": start}
    new = visitor.control(
        "mail",
        {"user": ada.EMAIL, "sender": ada.MIRA[1], "subject": "More", "text": "more", "thread_id": ada.LUNCH_ID},
    )
    visitor.control("labels", {"user": ada.EMAIL, "message": ada.LUNCH_ID, "remove": ["UNREAD"], "add": ["STARRED"]})
    visitor.control("mail/delete", {"user": ada.EMAIL, "message": ada.NEWS_ID})
    records = gmail.users().history().list(userId="me", startHistoryId=start).execute()["history"]
    assert [sorted(set(record) - {"id", "messages"}) for record in records] == [
        ["messagesAdded"],
        ["labelsAdded"],
        ["labelsRemoved"],
        ["messagesDeleted"],
    ]
    assert records[0]["messagesAdded"][0]["message"]["threadId"] == new["threadId"] == ada.LUNCH_ID
    assert records[2]["labelsRemoved"][0]["labelIds"] == ["UNREAD"]
    only = gmail.users().history().list(userId="me", startHistoryId=start, historyTypes=["labelAdded"], maxResults=1)
    assert len(only.execute()["history"]) == 1


def test_a_reply_joins_its_thread_by_headers(visitor: Visitor) -> None:
    new = visitor.control(
        "mail",
        {"user": ada.EMAIL, "sender": ada.MIRA[1], "subject": "More", "text": "more", "thread_id": ada.LUNCH_ID},
    )
    headers = _headers(_get(visitor.gmail(), new["id"])["payload"])
    assert headers["In-Reply-To"] == f"<{ada.REPLY_ID}@mail.example>"


def test_too_old_or_future_history_is_not_found(visitor: Visitor, move_clock: Callable[[timedelta], None]) -> None:
    gmail = visitor.gmail()
    start = gmail.users().getProfile(userId="me").execute()["historyId"]
    history = gmail.users().history()

    def status(history_id: str) -> int:
        with pytest.raises(HttpError) as refused:
            history.list(userId="me", startHistoryId=history_id).execute()
        return int(refused.value.status_code)

    assert status("1") == 404
    assert status(str(int(start) + 1000)) == 404
    visitor.control("labels", {"user": ada.EMAIL, "message": ada.LUNCH_ID, "add": ["STARRED"]})
    assert "history" in history.list(userId="me", startHistoryId=start).execute()
    move_clock(timedelta(days=8))
    assert status(start) == 404
    visitor.control("expire", {"what": "history", "user": ada.EMAIL})
    assert history.list(
        userId="me", startHistoryId=gmail.users().getProfile(userId="me").execute()["historyId"]
    ).execute()["historyId"]


def test_history_needs_a_start(visitor: Visitor) -> None:
    token = visitor.tokens()["access_token"]
    assert visitor.get("/gmail/v1/users/me/history", token).status_code == 400
