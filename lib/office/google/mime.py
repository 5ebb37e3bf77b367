"""The tree that Gmail makes of a mail: headers, bodies, files.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#MessagePart
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import getaddresses

from lib.office.calling import Json
from lib.office.invisible import line
from lib.office.models import MOST_PARTIES, Attachment, Party

_CHARSET = re.compile(r'charset="?([\w.:-]+)', re.IGNORECASE)


def header(part: Json, name: str) -> str | None:
    """The first header of this name, decoded."""
    for entry in part.get("headers", []):
        if entry["name"].lower() == name:
            return _decoded(str(entry["value"]))
    return None


def parties(part: Json, name: str) -> list[Party]:
    """Everybody whom an address header names."""
    values = [str(entry["value"]) for entry in part.get("headers", []) if entry["name"].lower() == name]
    return [
        Party(name=line(_decoded(display)), email=line(address))
        for display, address in getaddresses(values)[:MOST_PARTIES]
        if address
    ]


def attachments(payload: Json) -> list[Attachment]:
    """The files, including pictures that the HTML shows."""
    return [
        Attachment(
            filename=line(part["filename"]),
            media_type=str(part.get("mimeType", "application/octet-stream")),
            size_bytes=int(part.get("body", {}).get("size", 0)),
            inline=_is_inline(part),
        )
        for part in _leaves(payload)
        if part.get("filename")
    ]


def plain(payload: Json) -> str:
    """The body as plain text, if the mail has one."""
    return _first(payload, "text/plain")


def html(payload: Json) -> str:
    """The body as HTML, if the mail has one."""
    return _first(payload, "text/html")


def _first(payload: Json, media_type: str) -> str:
    """The first body of a type that is not a file."""
    for part in _leaves(payload):
        data = part.get("body", {}).get("data")
        if part.get("mimeType") == media_type and not part.get("filename") and data:
            return _text(str(data), part)
    return ""


def _text(data: str, part: Json) -> str:
    """Gmail gives most bodies in UTF-8, whatever charset the part declares; some come as they were sent."""
    try:
        content = urlsafe_b64decode(data + "=" * (-len(data) % 4))
    except ValueError:
        return ""
    declared = _CHARSET.search(header(part, "content-type") or "")
    for charset in ("utf-8", declared[1] if declared else "latin-1"):
        try:
            return content.decode(charset)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("utf-8", "replace")


def _leaves(part: Json) -> Iterator[Json]:
    """The parts without parts, in order."""
    waiting = [part]
    while waiting:
        current = waiting.pop()
        if current.get("parts"):
            waiting += reversed(current["parts"])
        else:
            yield current


def _is_inline(part: Json) -> bool:
    disposition = header(part, "content-disposition") or ""
    return header(part, "content-id") is not None and not disposition.lower().startswith("attachment")


def _decoded(value: str) -> str:
    """Gmail decodes most headers (RFC 2047); this decodes the rest."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, ValueError, LookupError):
        return value
