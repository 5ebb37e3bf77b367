"""Gmail's messages and labels as the office knows them."""

import html
from datetime import datetime

from lib.accounts.models import Account
from lib.office.bodies import body
from lib.office.calling import Json
from lib.office.google import mime
from lib.office.google.search import SYSTEM_LABELS
from lib.office.identifiers import encode
from lib.office.invisible import line
from lib.office.merge import Place, instant, milliseconds
from lib.office.models import Label, MailMessage, MailSummary, RecentMessage

# Parts without their content, as deep as mails go in practice, tell the files apart at a fraction of the size.
_FILES = "parts(filename,mimeType,headers,parts(filename,mimeType,headers,parts(filename,mimeType,headers)))"
SUMMARY_FIELDS = f"id,threadId,labelIds,snippet,internalDate,payload(headers,filename,mimeType,{_FILES})"

_FLAGS = {"UNREAD", "CHAT"}


def place(message: Json) -> Place:
    """Where a message stands among the others: newest first."""
    return Place.of(-milliseconds(moment(message)), str(message["id"]))


def moment(message: Json) -> datetime:
    """When Gmail received or sent it."""
    return instant(int(message["internalDate"]))


def summary(account: Account, message: Json) -> MailSummary:
    """The message as a list shows it."""
    payload = message.get("payload", {})
    labels = set(message.get("labelIds", []))
    sender = next(iter(mime.parties(payload, "from")), None)
    return MailSummary(
        id=encode(account.id, message["id"]),
        account_id=account.id,
        thread_id=encode(account.id, message["threadId"]),
        from_=sender,
        to=mime.parties(payload, "to"),
        cc=mime.parties(payload, "cc"),
        subject=line(mime.header(payload, "subject") or ""),
        snippet=line(html.unescape(message.get("snippet", ""))),
        date=moment(message),
        unread="UNREAD" in labels,
        starred="STARRED" in labels,
        from_me="SENT" in labels or (sender is not None and sender.email.lower() == account.email.lower()),
        labels=sorted(_label_id(account, label) for label in labels - _FLAGS),
        has_attachments=any(not attachment.inline for attachment in mime.attachments(payload)),
    )


def full(account: Account, message: Json, *, with_html: bool = True) -> MailMessage:
    """The message to read."""
    payload = message.get("payload", {})
    read = body(mime.plain(payload), mime.html(payload), with_html=with_html)
    return MailMessage(
        **summary(account, message).model_dump(),
        text=read.text,
        html=read.html,
        truncated=read.truncated,
        attachments=mime.attachments(payload),
        reply_to=mime.parties(payload, "reply-to"),
        internet_message_id=mime.header(payload, "message-id"),
        link=f"https://mail.google.com/mail/?authuser={account.email}#all/{message['id']}",
    )


def recent(account: Account, message: Json, *, answered: bool, last_in_thread: bool) -> RecentMessage:
    """The message with its place in its thread."""
    read = full(account, message, with_html=False)
    return RecentMessage(**read.model_dump(), answered=answered, last_in_thread=last_in_thread)


def label(account: Account, resource: Json) -> Label | None:
    """A label; None for one that is only a flag here."""
    label_id = str(resource["id"])
    if label_id in _FLAGS:
        return None
    name = _SYSTEM_NAMES.get(label_id)
    own = resource.get("type") == "user"
    return Label(
        id=_label_id(account, label_id),
        account_id=account.id,
        name=name.capitalize() if name else line(resource.get("name", "")),
        own=own,
    )


def _label_id(account: Account, label_id: str) -> str:
    return _SYSTEM_NAMES.get(label_id) or encode(account.id, label_id)


_SYSTEM_NAMES = {theirs: ours for ours, theirs in SYSTEM_LABELS.items()}
