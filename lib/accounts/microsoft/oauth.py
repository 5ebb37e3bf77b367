"""Microsoft's identity platform, by msal.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lib.accounts import token_endpoint
from lib.accounts.errors import CodeRefused, ProviderBusy
from lib.accounts.microsoft import authority, refusals
from lib.accounts.microsoft import scopes as named
from lib.accounts.microsoft.refusals import Refusal
from lib.accounts.microsoft.settings import MicrosoftSettings
from lib.accounts.microsoft.transport import MICROSOFT
from lib.accounts.ports import Grant, GrantEnded, Owner
from lib.accounts.token_endpoint import TokenAnswer
from lib.core import deadline, telemetry
from lib.core.settings import load

if TYPE_CHECKING:
    from msal import ConfidentialClientApplication

CLIENT_SECRET = "microsoft-oauth-client-secret"
NOT_ACCEPTED = "Microsoft does not accept this application's credentials"

_Answer = dict[str, Any]


class MicrosoftOAuth:
    """The adapter for Microsoft. Every call has an application of msal's to itself, which keeps nothing."""

    def exchange(self, code: str, code_verifier: str, redirect_url: str, asked: frozenset[str]) -> tuple[Grant, Owner]:
        """Turn a code into tokens. Raises `CodeRefused`, `ProviderBusy`."""
        # The state was compared before; msal wants one that is like itself. Without a scope, the code's own count.
        begun = {
            "state": "compared",
            "redirect_uri": redirect_url,
            "code_verifier": code_verifier,
            "nonce": code_verifier,
        }
        returned = {"state": "compared", "code": code}
        try:
            answer = self._ask(lambda application: application.acquire_token_by_auth_code_flow(begun, returned))
        except RuntimeError:
            raise CodeRefused("Microsoft's ID token has another nonce") from None
        if "error" in answer:
            if refusals.kind(answer) is Refusal.SHUT_OUT:
                raise ProviderBusy(NOT_ACCEPTED)
            raise CodeRefused(refusals.reason(answer))
        tokens = token_endpoint.tokens(MICROSOFT, answer, TokenAnswer)
        if not tokens.refresh_token:
            raise CodeRefused("Microsoft gave no refresh token")
        # An answer that names no scopes grants what was asked for.
        return _grant(tokens, otherwise=asked), _owner(tokens)

    def refresh(self, refresh_token: str, scopes: frozenset[str]) -> Grant:
        """A new access token, and a new refresh token: the earlier one goes on working, but not for ever.

        Only what was granted is asked for, since Microsoft refuses the whole for a scope that was not. Where the tenant
        removed or disabled this application, only consenting anew brings it back.
        Raises `GrantEnded`, `ProviderBusy`.
        """
        wanted = sorted(scopes - named.ASKED_BY_MSAL)
        answer = self._ask(lambda application: application.acquire_token_by_refresh_token(refresh_token, wanted))
        if "error" in answer:
            if refusals.kind(answer) is Refusal.UNKNOWN:
                raise ProviderBusy(f"{MICROSOFT} answered {answer['error']}")
            raise GrantEnded(refusals.reason(answer))
        return _grant(token_endpoint.tokens(MICROSOFT, answer, TokenAnswer), otherwise=frozenset())

    def revoke(self, refresh_token: str) -> bool:
        """False: Microsoft ends no single grant, only all of a person's sessions with every application.

        https://learn.microsoft.com/en-us/graph/api/user-revokesigninsessions
        """
        return False

    def _ask(self, call: Callable[["ConfidentialClientApplication"], _Answer]) -> _Answer:
        """Tokens, or a refusal that is not known to pass. Raises `ProviderBusy` for one that is, or is ours to mend.

        What says that we are not accepted, everywhere or in the person's tenant, is for our eyes as well.
        """
        from lib.accounts.microsoft import application

        with deadline.within(token_endpoint.LONGEST_CALL):
            answer = call(application.fresh(CLIENT_SECRET))
        if "error" in answer:
            _raise_if_ours_or_passing(answer)
        return answer


def _raise_if_ours_or_passing(answer: _Answer) -> None:
    kind = refusals.kind(answer)
    if kind in (Refusal.OURS, Refusal.SHUT_OUT):
        telemetry.error("our OAuth client is not accepted", provider="microsoft", numbers=refusals.numbers(answer))
    if kind is Refusal.OURS:
        raise ProviderBusy(NOT_ACCEPTED)
    if kind is Refusal.PASSING:
        raise ProviderBusy(f"{MICROSOFT} answered {answer['error']}")


def _grant(tokens: TokenAnswer, otherwise: frozenset[str]) -> Grant:
    return Grant(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        lifetime=tokens.lifetime,
        scopes=named.granted(tokens.scope) or otherwise,
        lasts_unused=load(MicrosoftSettings).microsoft_grant_lasts_unused,
    )


def _owner(tokens: TokenAnswer) -> Owner:
    """By the object id within the tenant: addresses change hands. Raises `CodeRefused`.

    https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
    """
    claims = token_endpoint.claims("Microsoft", tokens.id_token, load(MicrosoftSettings).microsoft_client_id)
    issuer, subject = claims.get("iss"), claims.get("oid")
    email = claims.get("email") or claims.get("preferred_username")
    if not (isinstance(issuer, str) and isinstance(subject, str) and isinstance(email, str)):
        raise CodeRefused("Microsoft's ID token does not say whose it is")
    tenant = authority.tenant_of(issuer)
    if tenant is None or tenant != claims.get("tid"):
        raise CodeRefused("Microsoft's ID token has another issuer")
    return Owner(issuer=issuer, subject=subject, email=email)
