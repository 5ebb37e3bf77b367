"""How Google's OAuth is reached."""

from lib.core.settings import Settings


class GoogleConsentSettings(Settings):
    """Where people are sent to consent."""

    google_oauth_client_id: str
    google_authorize_url: str


class GoogleTokenSettings(Settings):
    """Where codes and refresh tokens are exchanged; the issuer is that of the ID tokens."""

    google_oauth_client_id: str
    google_token_url: str
    google_revoke_url: str
    google_issuer: str
