"""How a provider's OAuth is reached, and what Briefly asks it for."""

from lib.accounts.models import Provider
from lib.core.settings import Settings

GOOGLE_SCOPES = (
    "openid",
    "email",
    "https://www.googleapis.com/auth/gmail.readonly",
    "https://www.googleapis.com/auth/calendar.readonly",
)


class AuthorizeSettings(Settings):
    """Where people are sent to consent; redirects are possible to the listed URLs only."""

    google_oauth_client_id: str
    google_authorize_url: str
    oauth_redirect_urls: list[str]


class TokenSettings(Settings):
    """Where codes and refresh tokens are exchanged; the issuer is that of the ID tokens."""

    google_oauth_client_id: str
    google_token_url: str
    google_revoke_url: str
    google_issuer: str


def requested_scopes(provider: Provider) -> tuple[str, ...]:
    """The scopes that connecting an account asks for."""
    return {Provider.GOOGLE: GOOGLE_SCOPES}[provider]
