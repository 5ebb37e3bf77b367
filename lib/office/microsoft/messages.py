"""Outlook's messages as the office knows them.

https://learn.microsoft.com/graph/api/resources/message
"""

from collections.abc import Iterable

from lib.accounts.models import Account
from lib.office.bodies import body
from lib.office.calling import Json
from lib.office.identifiers import encode
from lib.office.invisible import line
from lib.office.meetings import secure
from lib.office.merge import Place, milliseconds
from lib.office.microsoft.folders import Folders
from lib.office.microsoft.parties import party
from lib.office.microsoft.search import is_flagged, is_important, received
from lib.office.models import MOST_PARTIES, Attachment, MailMessage, MailSummary, Party, RecentMessage

TRACE = "id,conversationId,receivedDateTime,parentFolderId,isDraft,from"
JUDGED = f"{TRACE},isRead,hasAttachments,flag,importance"
SUMMARY = f"{JUDGED},subject,bodyPreview,sender,toRecipients,ccRecipients"
FULL = f"{SUMMARY},body,replyTo,internetMessageId,webLink"
FILES = "attachments($select=name,contentType,size,isInline)"


def place(message: Json) -> Place:
    """Where a message stands among the others: newest first."""
    return Place.of(-milliseconds(received(message)), str(message["id"]))


def is_own(account: Account, folders: Folders, message: Json) -> bool:
    """Whether the owner of the mailbox wrote it."""
    sender = party(message.get("from"))
    sent = message.get("parentFolderId") == folders.ids.get("sent")
    return sent or (sender is not None and sender.email.lower() == account.email.lower())


def summary(account: Account, folders: Folders, message: Json) -> MailSummary:
    """The message as a list shows it."""
    flagged, important = is_flagged(message), is_important(message)
    marks = [name for name, marked in (("starred", flagged), ("important", important)) if marked]
    folder = str(message["parentFolderId"])
    return MailSummary(
        id=encode(account.id, message["id"]),
        account_id=account.id,
        thread_id=encode(account.id, message["conversationId"]),
        from_=party(message.get("from")) or party(message.get("sender")),
        to=_parties(message.get("toRecipients")),
        cc=_parties(message.get("ccRecipients")),
        subject=line(message.get("subject") or ""),
        snippet=line(message.get("bodyPreview") or ""),
        date=received(message),
        unread=not message["isRead"],
        starred=flagged,
        from_me=is_own(account, folders, message),
        labels=sorted([folders.label(folder) or encode(account.id, folder), *marks]),
        has_attachments=bool(message["hasAttachments"]),
    )


def full(account: Account, folders: Folders, message: Json, *, with_html: bool = True) -> MailMessage:
    """The message to read. Exchange keeps one form of a body, and makes HTML of it where it is text."""
    held = message.get("body") or {}
    content = str(held.get("content") or "")
    is_html = held.get("contentType") == "html"
    read = body("" if is_html else content, content if is_html else "", with_html=with_html)
    return MailMessage(
        **summary(account, folders, message).model_dump(),
        text=read.text,
        html=read.html,
        truncated=read.truncated,
        attachments=[_attachment(entry) for entry in message.get("attachments", [])],
        reply_to=_parties(message.get("replyTo")),
        internet_message_id=message.get("internetMessageId"),
        link=secure(message.get("webLink")),
    )


def recent(account: Account, folders: Folders, message: Json, *, answered: bool, last_in_thread: bool) -> RecentMessage:
    """The message with its place in its thread."""
    read = full(account, folders, message, with_html=False)
    return RecentMessage(**read.model_dump(), answered=answered, last_in_thread=last_in_thread)


def _attachment(entry: Json) -> Attachment:
    """A file, or an item such as a forwarded mail, which has no media type."""
    return Attachment(
        filename=line(entry.get("name") or ""),
        media_type=str(entry.get("contentType") or "application/octet-stream"),
        size_bytes=int(entry.get("size") or 0),
        inline=bool(entry.get("isInline")),
    )


def _parties(entries: Iterable[Json] | None) -> list[Party]:
    found = (party(entry) for entry in list(entries or [])[:MOST_PARTIES])
    return [each for each in found if each is not None]
