"""Whose accounts can be connected, and where people consent to it."""

from collections.abc import Mapping

from lib.accounts.google.consent import GoogleConsent
from lib.accounts.microsoft.consent import MicrosoftConsent
from lib.accounts.models import Provider
from lib.accounts.ports import Consent
from lib.core.settings import Settings

CONSENTS: Mapping[Provider, Consent] = {
    Provider.GOOGLE: GoogleConsent(),
    Provider.MICROSOFT: MicrosoftConsent(),
}


class RedirectSettings(Settings):
    """Where providers may send people back to; each provider's ends with its name."""

    oauth_redirect_urls: list[str]
