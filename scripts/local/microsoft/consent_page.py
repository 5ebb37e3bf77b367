"""The pages that a person sees while granting access.

https://learn.microsoft.com/en-us/entra/identity-platform/application-consent-experience
"""

from collections.abc import Iterable
from html import escape

from scripts.local.microsoft.errors import EntraError, Trace
from scripts.local.microsoft.scopes import DESCRIPTIONS
from scripts.local.provider.consent import Choice, consent_form, page
from scripts.local.provider.wire import Answer, Call


def consent_page(action: str, transaction: str, client_id: str, emails: Iterable[str], scopes: Iterable[str]) -> Answer:
    """Asks which account, and which of Graph's permissions; signing in itself is not a choice."""
    choices = [Choice(scope, DESCRIPTIONS[scope]) for scope in scopes if scope in DESCRIPTIONS]
    form = consent_form(action, transaction, emails, choices)
    introduction = (
        f"<h1>Permissions requested</h1><p>{escape(client_id)} asks for them. "
        "This is the local imitation of Microsoft.</p>"
    )
    return page(200, "Sign in to your account", introduction + form)


def error_page(call: Call, error: EntraError) -> Answer:
    """What Microsoft shows itself, without sending the person back, when a request cannot be trusted."""
    told = escape(Trace.of(call).added_to(str(error))).replace("\r\n", "<br>")
    body = f"<h1>Sorry, but we’re having trouble signing you in.</h1><p>{told}</p>"
    return page(400, "Sign in to your account", body)
