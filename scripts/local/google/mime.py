"""A mail as RFC 5322 bytes, and those bytes as the tree that Gmail makes of them.

Bodies are base64url with padding; a leaf that is neither plain text nor HTML, or has a file name, is fetched apart by
its attachment id, which is new on every read.
Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#MessagePart
"""

import html
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator
from email import message_from_bytes, policy
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage, MIMEPart
from email.message import Message as ParsedMessage
from email.utils import format_datetime
from typing import cast

from scripts.local.people.models import Address, Attachment, Message
from scripts.local.provider.wire import Json

# Long lines stay whole: message ids and list URLs must not be torn apart or encoded.
_POLICY = policy.SMTP.clone(max_line_length=998)
_INLINE_TYPES = ("text/plain", "text/html")
_SNIPPET_LENGTH = 200
_ATTACHMENT_PREFIX = "ANGjdJ"


def to_base64url(data: bytes) -> str:
    """Base64url as Gmail writes it, with padding."""
    return urlsafe_b64encode(data).decode()


def _address(address: Address) -> HeaderAddress:
    name, email = address
    return HeaderAddress(display_name=name, addr_spec=email)


def to_rfc822(message: Message, owner: str) -> bytes:
    """The mail as it lies in the owner's mailbox, trace headers included if it was received."""
    document = EmailMessage(_POLICY)
    if message.sender[1] != owner:
        document["Delivered-To"] = owner
        document["Return-Path"] = f"<{message.sender[1]}>"
        document["Received"] = f"by mx.google.com with ESMTPS id {message.id}; {format_datetime(message.date)}"
    document["MIME-Version"] = "1.0"
    document["Date"] = message.date
    document["Message-ID"] = message.rfc822_message_id
    if message.in_reply_to:
        document["In-Reply-To"] = message.in_reply_to
    if message.references:
        document["References"] = " ".join(message.references)
    document["Subject"] = message.subject
    document["From"] = _address(message.sender)
    for header, addresses in (("To", message.to), ("Cc", message.cc)):
        if addresses:
            document[header] = tuple(_address(address) for address in addresses)
    for name, value in message.headers.items():
        document[name] = value
    _fill(document, message)
    return document.as_bytes()


def _fill(document: EmailMessage, message: Message) -> None:
    """Bodies first: plain, HTML and invitation are alternatives; files follow in a mixed part."""
    document.set_content(message.text)
    if message.html is not None:
        document.add_alternative(message.html, subtype="html")
    for attachment in message.attachments:
        if attachment.mime_type.startswith("text/calendar"):
            calendar = attachment.data.decode()
            method = re.search(r"^METHOD:(\w+)", calendar, re.MULTILINE)
            parameters = {"method": method[1]} if method else {}
            document.add_alternative(calendar, subtype="calendar", params=parameters)
    for attachment in message.attachments:
        _attach(document, attachment)


def _attach(document: EmailMessage, attachment: Attachment) -> None:
    """A file; an invitation is repeated as a file, as Google Calendar itself sends it."""
    kind, _, subtype = attachment.mime_type.partition(";")[0].partition("/")
    if (kind, subtype) == ("text", "calendar"):
        kind, subtype = "application", "ics"
    document.add_attachment(
        attachment.data, maintype=kind, subtype=subtype or "octet-stream", filename=attachment.filename
    )


def parse(raw: bytes) -> EmailMessage:
    """The bytes as a tree, headers decoded."""
    return message_from_bytes(raw, policy=policy.default)


def _headers(part: ParsedMessage) -> list[Json]:
    return [{"name": name, "value": str(value)} for name, value in part.items()]


def _children(part: MIMEPart) -> list[MIMEPart]:
    return list(part.iter_parts()) if part.is_multipart() else []


def walk(part: MIMEPart, part_id: str = "") -> Iterator[tuple[str, MIMEPart]]:
    """Every part with its Gmail part id: empty for the root, then 0, 1, 1.0, 1.1."""
    yield part_id, part
    for place, child in enumerate(_children(part)):
        yield from walk(child, f"{part_id}.{place}" if part_id else str(place))


def content(part: MIMEPart) -> bytes:
    """A leaf's decoded content; text in UTF-8."""
    data = cast(bytes, part.get_payload(decode=True))
    charset = part.get_content_charset("utf-8")
    if part.get_content_maintype() == "text" and charset not in ("utf-8", "us-ascii"):
        return data.decode(charset, "replace").encode()
    return data


def is_inline(part: MIMEPart) -> bool:
    """Whether the content stands in the payload itself."""
    return part.get_content_type() in _INLINE_TYPES and not part.get_filename()


def to_payload(part: MIMEPart, message_id: str, part_id: str = "") -> Json:
    """The part and all below it as Gmail's MessagePart."""
    payload: Json = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": part.get_filename() or "",
        "headers": _headers(part),
    }
    if part.is_multipart():
        payload["body"] = {"size": 0}
        payload["parts"] = [
            to_payload(child, message_id, f"{part_id}.{place}" if part_id else str(place))
            for place, child in enumerate(_children(part))
        ]
        return payload
    data = content(part)
    if is_inline(part):
        payload["body"] = {"size": len(data), "data": to_base64url(data)}
    else:
        payload["body"] = {"attachmentId": _attachment_id(message_id, part_id), "size": len(data)}
    return payload


def to_metadata(part: MIMEPart, only: Collection[str]) -> Json:
    """The root part without bodies; with `only`, just those headers, in any case."""
    wanted = {name.lower() for name in only}
    headers = [header for header in _headers(part) if not wanted or header["name"].lower() in wanted]
    payload: Json = {"mimeType": part.get_content_type()}
    return payload | {"headers": headers} if headers else payload


def _attachment_id(message_id: str, part_id: str) -> str:
    """A fresh id each time: Gmail's do not last, and a client that stores them must fail here too."""
    return _ATTACHMENT_PREFIX + to_base64url(f"{secrets.token_hex(12)}:{message_id}:{part_id}".encode()).rstrip("=")


def attachment_data(part: MIMEPart, message_id: str, attachment_id: str) -> bytes | None:
    """The content that an attachment id of this message names, or None."""
    encoded = attachment_id.removeprefix(_ATTACHMENT_PREFIX)
    try:
        _, named_message, part_id = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode().split(":")
    except ValueError:
        return None
    found = dict(walk(part)).get(part_id)
    if named_message != message_id or found is None or found.is_multipart():
        return None
    return content(found)


def snippet(message: Message) -> str:
    """The beginning of the text on one line, HTML-escaped as Gmail's is."""
    text = " ".join(message.text.split())
    return html.escape(text[:_SNIPPET_LENGTH]).replace("&#x27;", "&#39;")
