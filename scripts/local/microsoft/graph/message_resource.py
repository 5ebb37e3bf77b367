"""A stored message as Graph's message, in the form that a request prefers.

Source: https://learn.microsoft.com/graph/api/resources/message; an invitation is an eventMessageRequest:
https://learn.microsoft.com/graph/api/resources/eventmessagerequest
"""

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, formataddr
from urllib.parse import quote

from scripts.local.microsoft.graph.identifiers import immutable_id, ordinary_id
from scripts.local.microsoft.graph.mailbox import Mailbox, StoredMessage
from scripts.local.microsoft.graph.message_text import preview
from scripts.local.microsoft.graph.preferences import BodyType, Preferences
from scripts.local.people.models import Address, Attachment, Message
from scripts.local.provider.wire import Json

_ON_THE_WAY = timedelta(seconds=3)
_QUOTATION = "\r\n\r\nOn "
BODIES = frozenset(("body", "bodyPreview", "uniqueBody"))


def instant(moment: datetime) -> str:
    """The instant as Graph writes it: UTC, whole seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def recipient(address: Address) -> Json:
    """A person with an address; a name that is missing is the address."""
    name, email = address
    return {"emailAddress": {"name": name or email, "address": email}}


def message_id(stored: StoredMessage, preferences: Preferences) -> str:
    """The id of the kind preferred."""
    return stored.immutable_id if preferences.immutable else stored.ordinary_id


def message_resource(mailbox: Mailbox, stored: StoredMessage, preferences: Preferences) -> Json:
    """Every property, also those that come only when they are selected."""
    source, identity = stored.source, message_id(stored, preferences)
    mine = stored.folder in ("sentitems", "drafts") or source.sender[1] == mailbox.owner
    sent = source.date if mine else source.date - _ON_THE_WAY
    resource: Json = {
        "@odata.etag": f'W/"{stored.change_key}"',
        "id": identity,
        "createdDateTime": instant(source.date),
        "lastModifiedDateTime": instant(stored.modified),
        "changeKey": stored.change_key,
        "categories": list(stored.categories),
        "receivedDateTime": instant(source.date),
        "sentDateTime": instant(sent),
        "hasAttachments": bool(stored.attachments),
        "internetMessageId": source.rfc822_message_id,
        "subject": source.subject,
        "bodyPreview": preview(stored.text),
        "importance": "high" if stored.important else "normal",
        "parentFolderId": mailbox.folder_id(stored.folder),
        "conversationId": stored.conversation_id,
        "conversationIndex": b64encode(source.thread_id.encode()[:22].ljust(22, b"\0")).decode(),
        "isDeliveryReceiptRequested": None if not mine else False,
        "isReadReceiptRequested": False,
        "isRead": stored.is_read,
        "isDraft": stored.folder == "drafts",
        "webLink": _web_link(identity),
        "inferenceClassification": "focused" if stored.focused else "other",
        "body": _body(stored, preferences.body),
        "sender": recipient(source.sender),
        "from": recipient(source.sender),
        "toRecipients": [recipient(address) for address in source.to],
        "ccRecipients": [recipient(address) for address in source.cc],
        "bccRecipients": [],
        "replyTo": [recipient(("", source.headers["Reply-To"]))] if "Reply-To" in source.headers else [],
        "flag": {"flagStatus": "flagged" if stored.flagged else "notFlagged"},
        "uniqueBody": _unique_body(stored, preferences.body),
        "internetMessageHeaders": [] if mine else list(_headers(source, mailbox.owner)),
    }
    if stored.is_invitation:
        return {"@odata.type": "#microsoft.graph.eventMessageRequest", **resource}
    return resource


def _body(stored: StoredMessage, form: BodyType) -> Json:
    return {"contentType": form, "content": stored.text if form == "text" else stored.html}


def _unique_body(stored: StoredMessage, form: BodyType) -> Json:
    """What was not in the conversation before: the text above the quotation, or the whole HTML."""
    if form == "text":
        return {"contentType": "text", "content": stored.text.partition(_QUOTATION)[0]}
    return _body(stored, form)


def _web_link(identity: str) -> str:
    return f"https://outlook.live.com/owa/?ItemID={quote(identity, safe='')}&exvsurl=1&viewmodel=ReadMessageItem"


def _headers(source: Message, owner: str) -> Iterable[Json]:
    """The headers as they came over the internet."""
    sender, when = f"mail.{source.sender[1].partition('@')[2]}", format_datetime(source.date)
    found = {
        "Received": f"from {sender} by mx.outlook.example with ESMTPS id {source.id}; {when}",
        "From": formataddr(source.sender, "utf-8"),
        "To": ", ".join(formataddr(address, "utf-8") for address in source.to),
        "Cc": ", ".join(formataddr(address, "utf-8") for address in source.cc),
        "Subject": source.subject,
        "Date": format_datetime(source.date - _ON_THE_WAY),
        "Message-ID": source.rfc822_message_id,
        "In-Reply-To": source.in_reply_to or "",
        "References": " ".join(source.references),
        "MIME-Version": "1.0",
        "Return-Path": source.sender[1],
        "X-MS-Exchange-Organization-Recipient": owner,
        **source.headers,
    }
    return ({"name": name, "value": value} for name, value in found.items() if value)


def attachment_id(stored: StoredMessage, place: int, preferences: Preferences) -> str:
    """The id of the attachment at that place."""
    key = f"{stored.key}/{place}"
    if preferences.immutable:
        return immutable_id(stored.owner, "attachment", key)
    return ordinary_id(stored.owner, "attachment", key, f"{stored.folder} {stored.moves}")


def attachment_resource(
    stored: StoredMessage, place: int, attachment: Attachment, preferences: Preferences, content: bool
) -> Json:
    """A file: its metadata, and its content if asked for.

    Source: https://learn.microsoft.com/graph/api/resources/fileattachment
    """
    resource: Json = {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "@odata.mediaContentType": attachment.mime_type,
        "id": attachment_id(stored, place, preferences),
        "lastModifiedDateTime": instant(stored.source.date),
        "name": attachment.filename,
        "contentType": attachment.mime_type,
        "size": len(attachment.data),
        "isInline": False,
    }
    if content:
        encoded = b64encode(attachment.data).decode()
        resource |= {"contentId": None, "contentLocation": None, "contentBytes": encoded}
    return resource
