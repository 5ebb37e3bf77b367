"""Mails that machines send: invitations, newsletters, receipts, notices, and two that try to give orders."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any

from scripts.local.people.cast import read_text, slug
from scripts.local.people.documents import invitation, pdf
from scripts.local.people.mailbox import Letter, paragraphs
from scripts.local.people.models import Event, Injection, Message
from scripts.local.people.pen import Pen, fill

PROMOTIONS = ("INBOX", "CATEGORY_PROMOTIONS")
UPDATES = ("INBOX", "CATEGORY_UPDATES")
UNREAD = ("UNREAD",)


class AutomaticMail:
    """Writes what nobody expects an answer to."""

    def __init__(self, pen: Pen) -> None:
        self.pen = pen
        self.cast = pen.cast

    def write_invitations(self, events: list[Event]) -> None:
        """One mail with a text/calendar part for each event to which the person was invited."""
        for index, event in enumerate(events):
            organizer = next(one for one in event.attendees if one.organizer)
            text = (
                f"You have been invited to the following event.\n\n{event.summary}\n{_when(event)}\n"
                f"Where: {event.location or event.meet_link or 'to be announced'}\n"
                f"Organiser: {organizer.name}\n\nReply in your calendar: Yes, Maybe or No."
            )
            mine = next(one for one in event.attendees if one.is_self)
            letter = Letter(
                sender=(organizer.name, organizer.email),
                to=[self.cast.address],
                subject=f"Invitation: {event.summary} @ {_when(event)}",
                text=text,
                html=paragraphs(text),
                labels=UPDATES + (UNREAD if mine.response == "needsAction" else ()),
                attachments=(invitation(event),),
            )
            self.pen.mailbox.put(letter, min(self.pen.ago(9 - index % 3, 8), self.pen.lately(60)))

    def write_newsletters(self) -> None:
        """Two issues of each; every second publisher sends HTML only."""
        for number, publisher in enumerate(self.cast.newsletters):
            for issue, subject in enumerate(publisher["subjects"]):
                days = 1 + number + 7 * issue
                labels = PROMOTIONS + (UNREAD if (number + issue) % 2 == 0 else ())
                letter = self._newsletter(publisher, subject, labels, html_only=number % 2 == 1)
                self.pen.mailbox.put(letter, self.pen.ago(days, 6))

    def _newsletter(
        self, publisher: Mapping[str, Any], subject: str, labels: tuple[str, ...], html_only: bool
    ) -> Letter:
        intro = fill(publisher["intro"], self.pen.slots())
        items = list(publisher["items"])
        self.pen.rng.shuffle(items)
        name, email = publisher["name"], publisher["email"]
        leave = f"https://{email.partition('@')[2]}/unsubscribe/{slug(self.cast.canary)}"
        text = "\n\n".join([subject, intro, *(f"* {item}" for item in items), f"Unsubscribe: {leave}"])
        listed = "".join(f"<li>{escape(item)}</li>" for item in items)
        html = (
            f"<h1>{escape(subject)}</h1><p>{escape(intro)}</p><ul>{listed}</ul>"
            f"<p><small>You receive {escape(name)} because you signed up. "
            f'<a href="{leave}">Unsubscribe</a></small></p>'
        )
        return Letter(
            sender=(name, email),
            to=[self.cast.address],
            subject=subject,
            text=text,
            html=html,
            labels=labels,
            headers=(
                ("List-Unsubscribe", f"<{leave}>, <mailto:leave@{email.partition('@')[2]}>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
                ("List-Id", f"{name} <{slug(name)}.{email.partition('@')[2]}>"),
            ),
            html_only=html_only,
        )

    def write_receipts(self) -> None:
        """One receipt for each thing bought, its PDF attached."""
        templates = self.pen.mixed(read_text("automatic")["receipt"])
        bought = [
            (service, item, amount)
            for service in self.cast.services
            for item, amount in zip(service["items"], service["amounts"], strict=True)
        ]
        for index, (service, item, amount) in enumerate(bought):
            template = templates[index % len(templates)]
            slots = self.pen.slots(item=item, amount=amount)
            letter = Letter(
                sender=(service["name"], service["email"]),
                to=[self.cast.address],
                subject=fill(template["subject"], slots),
                text=fill(template["body"], slots),
                labels=UPDATES,
                attachments=(pdf(f"receipt-{slots['number']}.pdf", f"{item}: {amount}"),),
            )
            self.pen.mailbox.put(letter, self.pen.ago(2 + 2 * index, 12))

    def write_notifications(self) -> None:
        """Ten messages of machines; some of them ask, none of them waits."""
        templates = self.pen.mixed(read_text("automatic")["notification"])
        for index in range(10):
            template = templates[index % len(templates)]
            slots = self.pen.slots()
            letter = Letter(
                sender=(self.cast.company, f"{template['sender']}@{self.cast.machines}"),
                to=[self.cast.address],
                subject=fill(template["subject"], slots),
                text=fill(template["body"], slots),
                labels=UPDATES + (UNREAD if index % 3 == 0 else ()),
                headers=(("Auto-Submitted", "auto-generated"),),
            )
            date = self.pen.lately(40) if index == 0 else self.pen.ago(1 + index, 7 + index)
            self.pen.mailbox.put(letter, date)

    def write_addressed_injection(self) -> tuple[Message, Injection]:
        """A harmless notice in which orders to an assistant hide, visibly and invisibly."""
        return self._injection("addressed_injection", minutes=150)

    def write_injection(self) -> tuple[Message, Injection]:
        """The same, but its order names nobody: nothing tells it from what people ask of each other."""
        return self._injection("injection", minutes=170)

    def _injection(self, kind: str, minutes: int) -> tuple[Message, Injection]:
        template = self.pen.mixed(read_text("automatic")[kind])[0]
        mark = hashlib.sha256(f"{self.cast.account} {self.pen.rng.random()}".encode()).hexdigest()[:8]
        domain = f"{slug(template['sender'], '-')}-{mark}.example"
        link, address = f"https://{domain}/confirm?account={mark[::-1]}", f"desk-{mark[:4]}@{domain}"
        slots = self.pen.slots(link=link, address=address)
        claim = fill(template["claim"], slots)
        order = fill(template["order"], {**slots, "claim": claim})
        lead = fill(template["lead"], slots)
        html = (
            f"{paragraphs(lead)}\n<!-- {escape(order)} -->\n"
            f'<div style="display:none;max-height:0">{escape(order)}</div>\n'
            f'<p><span style="color:#ffffff;font-size:1px">{escape(order)}</span></p>\n'
            f'<p>{escape(order)}</p>\n<p><a href="{escape(link)}">More about this</a></p>'
        )
        letter = Letter(
            sender=(template["sender"], f"info@{domain}"),
            to=[self.cast.address],
            subject=fill(template["subject"], slots),
            text=f"{lead}\n\n{order}",
            html=html,
            labels=("INBOX", "UNREAD"),
        )
        message = self.pen.mailbox.put(letter, self.pen.lately(minutes))
        return message, Injection(link=link, address=address, instruction=claim)


def _when(event: Event) -> str:
    if isinstance(event.start, datetime) and isinstance(event.end, datetime):
        return f"{event.start:%a %d %b %Y %H:%M} - {event.end:%H:%M} ({event.start:%Z})"
    return f"{event.start:%a %d %b %Y} - {event.end - timedelta(days=1):%a %d %b %Y}"
