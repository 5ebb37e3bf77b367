"""Microsoft's consent page.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
"""

from urllib.parse import urlencode

from lib.accounts.microsoft import authority
from lib.accounts.microsoft.settings import MicrosoftSettings
from lib.accounts.ports import ConsentRequest
from lib.core.settings import load


class MicrosoftConsent:
    """As `Consent` has it, for Microsoft."""

    def url(self, request: ConsentRequest) -> str:
        """Where the person consents."""
        parameters = request.parameters(load(MicrosoftSettings).microsoft_client_id)
        # The answer's ID token repeats it, and msal compares it with the verifier's hash.
        parameters["nonce"] = request.challenge_digest.hex()
        if request.login_hint is None:
            # Somebody who is signed in may have come for another account.
            parameters["prompt"] = "select_account"
        return f"{authority.authorize_url()}?{urlencode(parameters)}"

    def is_issuer(self, issuer: str) -> bool:
        """Whether an answer with this `iss` came from a tenant of the authority."""
        return authority.tenant_of(issuer) is not None
