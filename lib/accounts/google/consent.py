"""Google's consent page (https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient)."""

from urllib.parse import urlencode

from lib.accounts.google.settings import GoogleConsentSettings
from lib.accounts.ports import ConsentRequest
from lib.core.settings import load

ISSUER = "https://accounts.google.com"


class GoogleConsent:
    """As `Consent` has it, for Google."""

    def url(self, request: ConsentRequest) -> str:
        """Where the person consents."""
        settings = load(GoogleConsentSettings)
        parameters = request.parameters(settings.google_oauth_client_id) | {
            # Google hands out a refresh token on the first consent only, unless it is asked like this.
            "access_type": "offline",
            "prompt": "consent",
            # What was granted before stays in the new grant:
            # https://developers.google.com/identity/protocols/oauth2/web-server#incrementalAuth
            "include_granted_scopes": "true",
        }
        return f"{settings.google_authorize_url}?{urlencode(parameters)}"

    def is_issuer(self, issuer: str) -> bool:
        """Whether an answer with this `iss` came from Google."""
        return issuer == ISSUER
