"""The older sign-in API: userinfo and tokeninfo of oauth2/v2.

Source: the oauth2.v2 discovery document.
"""

from scripts.local import clock
from scripts.local.google.api_request import ApiRequest, Handler
from scripts.local.google.id_tokens import profile_claims, subject_of
from scripts.local.provider.wire import Json

_RENAMED = {"sub": "id", "email_verified": "verified_email"}


def get_user_information(request: ApiRequest) -> Json:
    """oauth2.userinfo.get"""
    claims = profile_claims(request.account.person, request.token.scopes)
    return {_RENAMED.get(name, name): value for name, value in claims.items()}


def get_token_information(request: ApiRequest) -> Json:
    """oauth2.tokeninfo, of the token that the call carries."""
    token = request.token
    described: Json = {
        "issued_to": request.client_id,
        "audience": request.client_id,
        "user_id": subject_of(token.email),
        "scope": " ".join(token.scopes),
        "expires_in": int((token.expires - clock.now()).total_seconds()),
    }
    claims = profile_claims(request.account.person, token.scopes)
    if "email" in claims:
        described |= {"email": claims["email"], "verified_email": claims["email_verified"]}
    return described


HANDLERS: dict[str, Handler] = {
    "oauth2.userinfo.get": get_user_information,
    "oauth2.userinfo.v2.me.get": get_user_information,
    "oauth2.tokeninfo": get_token_information,
}
