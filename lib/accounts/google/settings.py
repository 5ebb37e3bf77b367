"""How Google's OAuth is reached."""

from datetime import timedelta

from lib.core.settings import Settings


class GoogleConsentSettings(Settings):
    """Where people are sent to consent."""

    google_oauth_client_id: str
    google_authorize_url: str


class GoogleTokenSettings(Settings):
    """Where codes and refresh tokens are exchanged; the issuer is that of the ID tokens.

    A refresh token that nobody uses for six months ends:
    https://developers.google.com/identity/protocols/oauth2#expiration
    """

    google_oauth_client_id: str
    google_token_url: str
    google_revoke_url: str
    google_issuer: str
    google_grant_lasts_unused: timedelta = timedelta(days=180)
