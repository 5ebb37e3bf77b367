"""Mails between people: questions that wait, questions answered, long threads, notes and copies."""

from datetime import datetime, timedelta
from typing import Any

from scripts.local.people.cast import Role, read_text
from scripts.local.people.documents import csv, pdf, png
from scripts.local.people.mailbox import Letter
from scripts.local.people.models import Attachment, Message
from scripts.local.people.pen import Pen, fill


class Correspondence:
    """Writes what people wrote, and remembers which messages still wait for the person's answer."""

    def __init__(self, pen: Pen) -> None:
        self.pen = pen
        self.cast = pen.cast
        self.questions = pen.mixed(read_text("questions")["question"])
        self.statements = read_text("statements")
        self.notes = pen.mixed(self.statements["fyi"])
        self.awaiting: list[Message] = []

    def write(self) -> None:
        """Fill the mailbox; the order of writing fixes the ids."""
        self._waiting_questions()
        self._answered_questions()
        self._long_threads()
        self._notes()
        self._copies()
        self._own_questions()

    def _waiting_questions(self) -> None:
        cast, pen = self.cast, self.pen
        self._wait(cast.colleagues[0], pen.lately(95), labels=("INBOX", "UNREAD", "IMPORTANT"))
        self._wait(cast.externals[0], pen.ago(1, 10), labels=("INBOX", "IMPORTANT"), attachments=(self._offer(),))
        self._wait(cast.colleagues[3], pen.ago(2, 15), labels=("INBOX", "UNREAD"), html_only=True)
        self._wait(cast.friends[2], pen.ago(3, 20), template=dict(cast.questions[0]))
        self._wait(cast.colleagues[2], pen.ago(5, 9), labels=("INBOX", "STARRED"))
        first = self._answered(cast.externals[1], pen.ago(6, 11), thanks=False)
        self._wait(cast.externals[1], pen.ago(4, 14), reply_to=first)
        note = self._note(cast.colleagues[1], pen.ago(3, 8))
        self._wait(cast.colleagues[1], pen.ago(1, 16), reply_to=note, labels=("INBOX", "UNREAD"))

    def _answered_questions(self) -> None:
        cast, pen = self.cast, self.pen
        self._answered(cast.friends[0], pen.ago(2, 18), thanks=True, template=dict(cast.questions[1]))
        self._answered(cast.colleagues[4], pen.ago(3, 10), thanks=True)
        self._answered(cast.externals[2], pen.ago(7, 9), thanks=False)
        self._answered(cast.colleagues[0], pen.ago(9, 13), thanks=False)
        self._answered(cast.colleagues[5], pen.ago(11, 15), thanks=True)

    def _wait(
        self,
        sender: Role,
        date: datetime,
        *,
        reply_to: Message | None = None,
        labels: tuple[str, ...] = ("INBOX",),
        template: dict[str, str] | None = None,
        html_only: bool = False,
        attachments: tuple[Attachment, ...] = (),
    ) -> None:
        message = self._ask(sender, date, template or self.questions.pop(), labels, reply_to, html_only, attachments)
        self.awaiting.append(message)

    def _answered(
        self, sender: Role, date: datetime, *, thanks: bool, template: dict[str, str] | None = None
    ) -> Message:
        template = template or self.questions.pop()
        question = self._ask(sender, date, template, ("INBOX",), None, False, ())
        slots = self.pen.slots(sender)
        answer = Letter(
            sender=self.cast.address,
            to=[sender.address],
            subject=question.subject,
            text=self.pen.mine(fill(template["answer"], slots)),
            quoting=True,
        )
        last = self.pen.mailbox.put(answer, date + timedelta(hours=3), question)
        if thanks:
            text = "Perfect, thank you!" + self.pen.signature(sender)
            letter = Letter(sender.address, [self.cast.address], question.subject, text, quoting=True)
            last = self.pen.mailbox.put(letter, date + timedelta(hours=5), last)
        return last

    def _ask(
        self,
        sender: Role,
        date: datetime,
        template: dict[str, Any],
        labels: tuple[str, ...],
        reply_to: Message | None,
        html_only: bool,
        attachments: tuple[Attachment, ...],
    ) -> Message:
        slots = self.pen.slots(sender)
        letter = Letter(
            sender=sender.address,
            to=[self.cast.address],
            subject=fill(template["subject"], slots),
            text=fill(template["body"], slots) + self.pen.signature(sender),
            labels=labels,
            html_only=html_only,
            attachments=attachments,
        )
        return self.pen.mailbox.put(letter, date, reply_to)

    def _long_threads(self) -> None:
        """The person is asked in the fourth mail of each and answers in the fifth."""
        for template, days, group in zip(
            self.pen.mixed(self.statements["long"]), (8, 12), ((0, 1, 4), (2, 3, 5)), strict=False
        ):
            members = [self.cast.colleagues[index] for index in group]
            slots = self.pen.slots(members[0])
            start = self.pen.ago(days, 9)
            previous: Message | None = None
            for number, turn in enumerate(template["turns"]):
                author = None if number == 4 else members[number % len(members)]
                text = fill(turn, slots)
                letter = Letter(
                    sender=author.address if author else self.cast.address,
                    to=[self.cast.address] if author else [members[0].address],
                    cc=[one.address for one in members if one is not author],
                    subject=fill(template["subject"], slots),
                    text=text + (self.pen.signature(author) if author else f"\n\n{self.cast.given_name}"),
                    quoting=number % 3 == 1,
                )
                date = start + timedelta(days=number // 3, hours=3 * (number % 3), minutes=number * 4)
                previous = self.pen.mailbox.put(letter, date, previous)

    def _notes(self) -> None:
        self._note(self.cast.colleagues[4], self.pen.lately(200), labels=("INBOX", "UNREAD"))
        self._note(self.cast.friends[1], self.pen.ago(4, 19), attachments=(png("evening.png", (231, 146, 53)),))
        rows: list[tuple[str, ...]] = [
            ("item", "pieces"),
            *((topic, str(len(topic))) for topic in self.cast.topics[:5]),
        ]
        self._note(self.cast.colleagues[5], self.pen.ago(6, 17), attachments=(csv("stock.csv", rows),))
        self._note(self.cast.externals[3], self.pen.ago(10, 12), sender_is_spam=True)

    def _note(
        self,
        sender: Role,
        date: datetime,
        *,
        labels: tuple[str, ...] = ("INBOX",),
        attachments: tuple[Attachment, ...] = (),
        sender_is_spam: bool = False,
    ) -> Message:
        template = self.notes.pop()
        slots = self.pen.slots(sender)
        letter = Letter(
            sender=sender.address,
            to=[self.cast.address],
            subject=fill(template["subject"], slots),
            text=fill(template["body"], slots) + self.pen.signature(sender),
            labels=("SPAM", "UNREAD") if sender_is_spam else labels,
            attachments=attachments,
        )
        return self.pen.mailbox.put(letter, date)

    def _copies(self) -> None:
        """Questions to somebody else, with this person in copy."""
        roles = (
            (self.cast.colleagues[1], self.cast.colleagues[5], 1),
            (self.cast.externals[2], self.cast.colleagues[0], 5),
        )
        for template, (sender, other, days) in zip(self.pen.mixed(self.statements["copied"]), roles, strict=False):
            slots = self.pen.slots(sender, other=other.first)
            letter = Letter(
                sender=sender.address,
                to=[other.address],
                cc=[self.cast.address],
                subject=fill(template["subject"], slots),
                text=fill(template["body"], slots) + self.pen.signature(sender),
            )
            self.pen.mailbox.put(letter, self.pen.ago(days, 11))

    def _own_questions(self) -> None:
        """What the person asked and others still owe them."""
        for template, other, days in zip(
            self.pen.mixed(self.statements["asked"]),
            (self.cast.externals[3], self.cast.friends[3]),
            (2, 6),
            strict=False,
        ):
            slots = self.pen.slots(other, other=other.first)
            text = self.pen.mine(fill(template["body"], slots))
            letter = Letter(self.cast.address, [other.address], fill(template["subject"], slots), text)
            self.pen.mailbox.put(letter, self.pen.ago(days, 17))

    def _offer(self) -> Attachment:
        return pdf("offer.pdf", f"Offer for {self.cast.topics[0]}, valid for thirty days")
