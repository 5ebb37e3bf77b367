"""A mailbox in the making: it gives mails their ids, threads, labels, quotations and headers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape

from scripts.local.people.models import Address, Attachment, Message


@dataclass(frozen=True, slots=True)
class Letter:
    """What a correspondent writes, before the mailbox makes a message of it."""

    sender: Address
    to: Sequence[Address]
    subject: str
    text: str
    cc: Sequence[Address] = ()
    html: str | None = None
    labels: Sequence[str] = ()
    attachments: Sequence[Attachment] = ()
    headers: tuple[tuple[str, str], ...] = ()
    html_only: bool = False
    quoting: bool = False


class Mailbox:
    """Collects one person's messages; ids depend on the person and the order of writing, not on the time."""

    def __init__(self, owner: Address, account: str, canary: str) -> None:
        self.owner = owner
        self.account = account
        self.canary = canary
        self.messages: list[Message] = []

    def put(self, letter: Letter, date: datetime, reply_to: Message | None = None) -> Message:
        """File the letter, as an answer to `reply_to` if given, and return the message that it became."""
        number = len(self.messages) + 1
        identity = self._identity(number)
        mine = letter.sender == self.owner
        text = letter.text + (quotation(reply_to) if reply_to and letter.quoting else "")
        reference = f"Ref: {self.canary}/m{number:02d}"
        signed_text = f"{text}\n\n{reference}\n"
        html = letter.html
        if html is None and letter.html_only:
            html = paragraphs(letter.text)
        message = Message(
            id=identity,
            thread_id=reply_to.thread_id if reply_to else identity,
            subject=answer_subject(reply_to.subject) if reply_to else letter.subject,
            sender=letter.sender,
            to=tuple(letter.to),
            cc=tuple(letter.cc),
            date=date.replace(second=(number * 7) % 60, microsecond=0),
            text="" if letter.html_only else signed_text,
            html=None if html is None else page(html, reference),
            labels=("SENT",) if mine else tuple(letter.labels) or ("INBOX",),
            attachments=tuple(letter.attachments),
            rfc822_message_id=f"<{identity}.{self.canary}@{letter.sender[1].partition('@')[2]}>",
            in_reply_to=reply_to.rfc822_message_id if reply_to else None,
            references=(*reply_to.references, reply_to.rfc822_message_id) if reply_to else (),
            headers=dict(letter.headers),
        )
        self.messages.append(message)
        return message

    def _identity(self, number: int) -> str:
        digest = hashlib.sha256(f"{self.account} mail {number}".encode()).hexdigest()
        return "1" + digest[:15]


def answer_subject(subject: str) -> str:
    """The subject of an answer."""
    return subject if subject.startswith("Re: ") else f"Re: {subject}"


def quotation(message: Message) -> str:
    """The message as mail programs quote it below an answer."""
    lines = "\n".join(f"> {line}".rstrip() for line in message.text.strip().splitlines())
    when = format_datetime(message.date.replace(second=0))
    return f"\n\nOn {when}, {message.sender[0]} wrote:\n{lines}"


def paragraphs(text: str) -> str:
    """Plain text as HTML paragraphs."""
    blocks = text.strip().split("\n\n")
    return "\n".join(f"<p>{escape(block).replace(chr(10), '<br>')}</p>" for block in blocks)


def page(body: str, footer: str) -> str:
    """A whole HTML document around a body."""
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n'
        f'{body}\n<p class="reference">{escape(footer)}</p>\n</body></html>\n'
    )
