"""Whose OAuth the vault speaks."""

from collections.abc import Mapping

from lib.accounts.google.oauth import GoogleOAuth
from lib.accounts.microsoft.oauth import MicrosoftOAuth
from lib.accounts.models import Provider
from lib.accounts.ports import OAuth

Providers = Mapping[Provider, OAuth]

PROVIDERS: Providers = {Provider.GOOGLE: GoogleOAuth(), Provider.MICROSOFT: MicrosoftOAuth()}
