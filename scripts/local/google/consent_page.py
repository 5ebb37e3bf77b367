"""The pages that a person sees while granting access."""

from collections.abc import Iterable
from html import escape

from scripts.local.google.scopes import DESCRIPTIONS, SIGN_IN
from scripts.local.google.wire import Answer

_FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui;max-width:32rem;margin:4rem auto}}
label{{display:block;margin:.5rem 0}}
button{{font:inherit;padding:.5rem 1.5rem;margin:1rem 1rem 0 0}}</style></head><body>{body}</body></html>"""


def _page(status: int, title: str, body: str) -> Answer:
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}
    text = _FRAME.format(title=escape(title), body=body)
    return Answer(status, text.encode(), "text/html; charset=utf-8", headers)


def consent_page(transaction: str, client_id: str, emails: Iterable[str], scopes: Iterable[str]) -> Answer:
    """Asks which account, and which of the scopes; signing in itself is not a choice."""
    accounts = "".join(f"<option>{escape(email)}</option>" for email in emails)
    boxes = "".join(
        f'<label><input type="checkbox" name="scope" value="{escape(scope)}" checked> '
        f"{escape(DESCRIPTIONS[scope])}</label>"
        for scope in scopes
        if scope not in SIGN_IN
    )
    body = (
        f"<h1>Sign in to {escape(client_id)}</h1><p>This is the local imitation of Google.</p>"
        f'<form method="post" action="/o/oauth2/v2/auth">'
        f'<input type="hidden" name="transaction" value="{escape(transaction)}">'
        f'<label>Account <select name="email">{accounts}</select></label>{boxes}'
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Cancel</button></form>'
    )
    return _page(200, "Sign in", body)


def error_page(code: str, description: str) -> Answer:
    """What Google shows itself, without sending the person back, when a request cannot be trusted."""
    body = f"<h1>Access blocked</h1><p>Error 400: {escape(code)}</p><p>{escape(description)}</p>"
    return _page(400, f"Error 400: {code}", body)
