"""Consent as every provider asks for it: by a page, or decided without one on command."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from scripts.local.provider.wire import Answer

_FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui;max-width:32rem;margin:4rem auto}}
label{{display:block;margin:.5rem 0}}
button{{font:inherit;padding:.5rem 1.5rem;margin:1rem 1rem 0 0}}</style></head><body>{body}</body></html>"""


def page(status: int, title: str, body: str) -> Answer:
    """A page that nobody may keep or frame; `body` is HTML."""
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
    text = _FRAME.format(title=escape(title), body=body)
    return Answer(status, text.encode(), "text/html; charset=utf-8", headers)


@dataclass(slots=True)
class AutoApproval:
    """Whether a request with a known login_hint is decided without a page; `scopes` None grants all that is asked."""

    enabled: bool = False
    allow: bool = True
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A scope that the person may leave out, as they read it."""

    scope: str
    description: str


def consent_form(action: str, transaction: str, emails: Iterable[str], choices: Iterable[Choice]) -> str:
    """The form as HTML: which account, which scopes, and whether at all."""
    accounts = "".join(f"<option>{escape(email)}</option>" for email in emails)
    boxes = "".join(
        f'<label><input type="checkbox" name="scope" value="{escape(choice.scope)}" checked> '
        f"{escape(choice.description)}</label>"
        for choice in choices
    )
    return (
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="transaction" value="{escape(transaction)}">'
        f'<label>Account <select name="email">{accounts}</select></label>{boxes}'
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Cancel</button></form>'
    )
