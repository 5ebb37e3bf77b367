"""The pages that a person sees while granting access."""

from collections.abc import Iterable
from html import escape

from scripts.local.google.scopes import DESCRIPTIONS, SIGN_IN
from scripts.local.provider.consent import Choice, consent_form, page
from scripts.local.provider.wire import Answer


def consent_page(transaction: str, client_id: str, emails: Iterable[str], scopes: Iterable[str]) -> Answer:
    """Asks which account, and which of the scopes; signing in itself is not a choice."""
    choices = [Choice(scope, DESCRIPTIONS[scope]) for scope in scopes if scope not in SIGN_IN]
    form = consent_form("/o/oauth2/v2/auth", transaction, emails, choices)
    introduction = f"<h1>Sign in to {escape(client_id)}</h1><p>This is the local imitation of Google.</p>"
    return page(200, "Sign in", introduction + form)


def error_page(code: str, description: str) -> Answer:
    """What Google shows itself, without sending the person back, when a request cannot be trusted."""
    body = f"<h1>Access blocked</h1><p>Error 400: {escape(code)}</p><p>{escape(description)}</p>"
    return page(400, f"Error 400: {code}", body)
