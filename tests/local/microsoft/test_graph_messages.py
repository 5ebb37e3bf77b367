"""Graph's messages, folders and attachments, as they are read."""

from base64 import b64decode

import pytest

from scripts.local import clock
from tests.local.google import ada
from tests.local.microsoft.graph_rig import IMMUTABLE, Client, graph_of

TEXT = 'outlook.body-content-type="text"'


@pytest.fixture
def client() -> Client:
    return Client(graph_of(*ada.people(clock.now())), ada.EMAIL)


def test_a_message_has_the_properties_that_graph_gives_unasked(client: Client) -> None:
    lunch = client.named("Lunch on Thürsday?")
    assert lunch["from"] == lunch["sender"] == {"emailAddress": {"name": ada.MIRA[0], "address": ada.MIRA[1]}}
    assert (lunch["isRead"], lunch["isDraft"], lunch["hasAttachments"]) == (False, False, False)
    assert lunch["sentDateTime"] < lunch["receivedDateTime"]
    assert lunch["@odata.etag"] == f'W/"{lunch["changeKey"]}"'
    assert not {"internetMessageHeaders", "uniqueBody", "attachments"} & lunch.keys()
    answered = client.named("Re: Lunch on Thürsday?")
    assert lunch["conversationId"] == answered["conversationId"]
    assert client.subjects("/me/mailFolders/sentitems/messages") == [answered["subject"]]


def test_a_body_comes_as_html_unless_text_is_preferred(client: Client) -> None:
    plain = client.named("Lunch on Thürsday?")["body"]
    assert plain["contentType"] == "html"
    assert "harbour &amp; talk?" in plain["content"]
    assert client.named("Ships of the week")["body"]["content"] == "<p>Three <b>ships</b>.</p>\n"
    asked = client.ask(f"/me/messages/{client.named('Ships of the week')['id']}", TEXT)
    assert asked.body["body"] == {"contentType": "text", "content": "Three ships."}
    assert asked.body["bodyPreview"] == "Three ships."
    assert asked.answer.headers["Preference-Applied"] == TEXT


def test_headers_come_when_they_are_selected(client: Client) -> None:
    asked = client.ask(f"/me/messages/{client.named('Ships of the week')['id']}", select="internetMessageHeaders")
    headers = {header["name"]: header["value"] for header in asked.body["internetMessageHeaders"]}
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Message-ID"] == f"<{ada.NEWS_ID}@mail.example>"
    assert set(asked.body) == {"@odata.context", "@odata.etag", "id", "internetMessageHeaders"}


def test_an_attachment_is_expanded_as_metadata_and_read_with_its_bytes(client: Client) -> None:
    found = client.ask("/me/messages", expand="attachments($select=name,size)", filter="hasAttachments eq true").value
    (metadata,) = found[0]["attachments"]
    assert (metadata["name"], metadata["size"], "contentBytes" in metadata) == ("contract.pdf", len(ada.PDF), False)
    path = f"/me/messages/{found[0]['id']}/attachments"
    assert b64decode(client.ask(path).value[0]["contentBytes"]) == ada.PDF
    assert client.ask(f"{path}/{metadata['id']}/$value").answer.body == ada.PDF


def test_an_invitation_is_a_message_of_its_own_kind(client: Client) -> None:
    assert client.named("Contract")["@odata.type"] == "#microsoft.graph.eventMessageRequest"
    assert "@odata.type" not in client.named("Lunch on Thürsday?")


def test_folders_are_listed_with_what_they_hold(client: Client) -> None:
    inbox = next(one for one in client.ask("/me/mailFolders").value if one["displayName"] == "Inbox")
    assert (inbox["totalItemCount"], inbox["unreadItemCount"], inbox["childFolderCount"]) == (3, 1, 1)
    assert client.ask("/me/mailFolders/Inbox").body["id"] == inbox["id"] == client.named("Contract")["parentFolderId"]
    (child,) = client.ask(f"/me/mailFolders/{inbox['id']}/childFolders").value
    assert (child["displayName"], child["parentFolderId"]) == ("Keepsakes", inbox["id"])


def test_an_id_is_taken_in_the_kind_that_is_asked_for(client: Client) -> None:
    ordinary, immutable = client.named("Contract")["id"], client.named("Contract", IMMUTABLE)["id"]
    assert client.ask(f"/me/messages/{immutable}", IMMUTABLE).body["id"] == immutable
    refused = (400, "ErrorInvalidIdMalformed", "Id is malformed.")
    assert client.ask(f"/me/messages/{immutable}").error == refused
    assert client.ask(f"/me/messages/{ordinary}", IMMUTABLE).error == refused
    assert client.ask(f"/me/mailFolders/archive/messages/{ordinary}").error[:2] == (404, "ErrorItemNotFound")


def test_the_basic_scope_reads_no_bodies(client: Client) -> None:
    basic = Client(client.graph, client.email, frozenset({"Mail.ReadBasic"}))
    message = basic.named("Contract")
    assert not {"body", "bodyPreview"} & message.keys()
    assert basic.ask(f"/me/messages/{message['id']}/attachments").error[:2] == (403, "ErrorAccessDenied")


def test_a_person_reads_their_own_mailbox_only(client: Client) -> None:
    assert client.subjects(f"/users/{client.email}/mailFolders/junkemail/messages") == ["You won"]
    assert client.ask(f"/users/{ada.BRAM}/messages").error[:2] == (403, "ErrorAccessDenied")
    assert Client(client.graph, ada.BRAM).subjects() == []
