"""What is read of a mail's body and of an event's notes: without what nobody sees, and no longer than anybody reads."""

from dataclasses import dataclass

from lib.office.invisible import paragraphs
from lib.office.visible import visible

MOST_TEXT_CHARACTERS = 200_000
MOST_NOTES_CHARACTERS = 20_000


@dataclass(frozen=True)
class Body:
    """A message's body as it is read."""

    text: str
    html: str | None
    truncated: bool


def body(plain: str, html: str, *, with_html: bool) -> Body:
    """What is read: the plain text if the mail has one, else what is visible of the HTML."""
    shown = visible(html, with_html=with_html) if html and (with_html or not plain.strip()) else None
    text = paragraphs(plain[: 2 * MOST_TEXT_CHARACTERS]) if plain.strip() else (shown.text if shown else "")
    return Body(
        text=text[:MOST_TEXT_CHARACTERS],
        html=shown.html if shown and with_html else None,
        truncated=len(text) > MOST_TEXT_CHARACTERS or bool(shown and shown.truncated),
    )


def notes(text: str, *, is_html: bool) -> str | None:
    """An event's description as text; None if nothing of it is seen."""
    seen = visible(text, with_html=False).text if is_html else paragraphs(text)
    return seen[:MOST_NOTES_CHARACTERS] or None
