"""What a person may let Briefly do with an account, and the scopes by which each provider knows it."""

from collections.abc import Collection, Iterable, Mapping
from urllib.parse import urlencode

from lib.accounts.errors import ConsentRequired
from lib.accounts.google import scopes as google
from lib.accounts.microsoft import scopes as microsoft
from lib.accounts.models import Capability, Provider
from lib.core.settings import Settings, WebAddress, load

USUAL = (Capability.MAIL_READ, Capability.CALENDAR_READ)
"""What is asked for when nobody says otherwise: what the office reads."""

_SCOPES: Mapping[Provider, Mapping[Capability, tuple[str, ...]]] = {
    Provider.GOOGLE: google.SCOPES,
    Provider.MICROSOFT: microsoft.SCOPES,
}
_IDENTITY: Mapping[Provider, tuple[str, ...]] = {
    Provider.GOOGLE: google.IDENTITY,
    Provider.MICROSOFT: microsoft.IDENTITY,
}


class GrantPageSettings(Settings):
    """The front end's page on which a person begins to connect an account, with `{provider}` in it."""

    grant_page_url: WebAddress


def sufficing(provider: Provider, capability: Capability) -> tuple[str, ...]:
    """The scopes of which any allows it, narrowest first."""
    return _SCOPES[provider][capability]


def asked(provider: Provider, wanted: Iterable[Capability], granted: Iterable[str] = ()) -> tuple[str, ...]:
    """The scopes to ask a person for: who they are, what is wanted, and of what was granted before what would be lost.

    Microsoft's new grant holds only what was asked for; Google adds the earlier one by itself.
    """
    kept = granted if provider is Provider.MICROSOFT else ()
    wanted_scopes = (sufficing(provider, capability)[0] for capability in wanted)
    return tuple(dict.fromkeys((*_IDENTITY[provider], *wanted_scopes, *kept)))


def narrowest(provider: Provider, capability: Capability, granted: Collection[str]) -> str | None:
    """The least of the granted scopes that allows it; None if none does."""
    held = {scope.casefold() for scope in granted}
    return next((scope for scope in sufficing(provider, capability) if scope.casefold() in held), None)


def allowed(provider: Provider, granted: Collection[str]) -> list[Capability]:
    """What the granted scopes allow."""
    return [capability for capability in Capability if narrowest(provider, capability, granted) is not None]


def consent_required(provider: Provider, account_id: str, missing: Iterable[Capability]) -> ConsentRequired:
    """The problem of an account that does not allow this, with the page on which the person can allow it."""
    named = list(missing)
    query = urlencode({"account_id": account_id, "capabilities": ",".join(named)})
    return ConsentRequired(
        "The account was connected without the permission that this needs",
        provider=provider,
        account_id=account_id,
        capabilities=named,
        missing_scopes=[sufficing(provider, capability)[0] for capability in named],
        grant_url=f"{load(GrantPageSettings).grant_page_url.format(provider=provider)}?{query}",
    )
