"""Which mails are from people, and which of those wait for an answer."""

import re

from scripts.local.models.context_blocks import Context, ContextMail
from scripts.local.models.extractive.wording import addresses_a_model, folded, sentences

AUTOMATIC_SENDER = re.compile(
    r"(no-?reply|do-?not-?reply|newsletter|notifications?|notify|alerts?|mailer|bounces?|digest|bulletin|offers|deals"
    r"|billing|receipts?|orders?|tickets?|itinerary|invoices?|updates|news|postmaster|feedback|survey)\b"
)
AUTOMATIC_TEXT = re.compile(
    r"unsubscribe|abbestellen|abmelden|désabonner|darse de baja|automatic (message|mail)|automatically generated"
    r"|does not read mail|mailbox is not read|you receive this (notification|mail|message) because"
)
INVITATION = re.compile(r"^(re: )?(updated )?invitation:|you have been invited to", re.IGNORECASE)
NEWSLETTER_TEXT = re.compile(r"unsubscribe|abbestellen|désabonner|darse de baja")
NEWSLETTER_SENDER = re.compile(r"^(newsletter|news|digest|bulletin|offers|deals|letters?|lettre)\b")
REQUEST = re.compile(
    r"\b(please (let|tell|send|confirm|reply|answer|choose|sign|check)|let (me|us) know|get back to (me|us)"
    r"|i need (your|an) (answer|reply|decision)|waiting for your (answer|reply|decision)|gib mir bescheid"
    r"|sag (mir|uns) bescheid|avisame|dime|dis-moi|dites-moi|daj znac)\b"
)
QUESTION_MARK = re.compile(r"[?？;](?=\s|$|[”\"')])")
GREEK = re.compile(r"[Ͱ-Ͽ]")


def is_automatic(mail: ContextMail) -> bool:
    """Whether a machine sent it: newsletters, receipts, notices, invitations."""
    text = f"{mail.subject}\n{mail.body}"
    local_part = mail.sender[1].partition("@")[0]
    return bool(
        AUTOMATIC_SENDER.search(local_part) or AUTOMATIC_TEXT.search(folded(mail.body)) or INVITATION.search(text)
    )


def is_newsletter(mail: ContextMail) -> bool:
    """Whether it is one of many copies that a reader may unsubscribe from."""
    local_part = mail.sender[1].partition("@")[0]
    return bool(NEWSLETTER_TEXT.search(folded(mail.body)) or NEWSLETTER_SENDER.search(local_part))


def questions_in(mail: ContextMail) -> list[str]:
    """The sentences in which the author asks for something."""
    return [sentence for sentence in sentences(mail.body) if _asks(sentence)]


def waits_for_answer(mail: ContextMail, context: Context) -> bool:
    """Whether a person asked the owner of the mailbox, last of all in the thread, and has no answer."""
    to_owner = not mail.to or any(email in context.own for _, email in mail.to)
    return (
        mail.last_in_thread
        and not mail.answered
        and not mail.from_me
        and to_owner
        and not is_automatic(mail)
        and not addresses_a_model(mail.body)
        and bool(questions_in(mail))
    )


def _asks(sentence: str) -> bool:
    marks = QUESTION_MARK.findall(sentence)
    if any(mark != ";" for mark in marks) or (";" in marks and GREEK.search(sentence)):
        return True
    return REQUEST.search(folded(sentence)) is not None
