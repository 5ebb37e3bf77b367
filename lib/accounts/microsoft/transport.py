"""How msal reaches Microsoft: on our connections, within the deadline, and without seeing what it would trip over.

What msal cannot read it would write to its log, tokens included, and its own errors are not told apart.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Annotated, Any

import jwt
import requests
from pydantic import AfterValidator, BaseModel, Field, StrictInt, StringConstraints, ValidationError

from lib.accounts import token_endpoint
from lib.accounts.errors import ProviderBusy
from lib.accounts.token_endpoint import TokenAnswer
from lib.core import clock

MICROSOFT = "Microsoft's token endpoint"
DISCOVERY_KEPT = timedelta(days=1)

_Endpoint = Annotated[str, StringConstraints(pattern=r"^https://")]


class _Discovery(BaseModel):
    """What msal takes from a tenant's OpenID configuration."""

    authorization_endpoint: _Endpoint
    token_endpoint: _Endpoint


def _readable(id_token: str) -> str:
    try:
        jwt.decode(id_token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise ValueError("it is no ID token") from None
    return id_token


class _Answer(TokenAnswer):
    """A successful answer, with whatever msal reads of it."""

    id_token: Annotated[str, AfterValidator(_readable)] = Field(default="", repr=False)
    refresh_in: StrictInt = 0


_lock = Lock()
_discovered: dict[str, tuple[datetime, requests.Response]] = {}


class Transport:
    """An HTTP client as msal takes one (`msal.oauth2cli.http.HttpClient`)."""

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> requests.Response:
        """A refusal, or an answer with a token that can be read. Raises `ProviderBusy` for everything else."""
        response = token_endpoint.send(MICROSOFT, "POST", url, params=params, data=data, headers=headers)
        answer = token_endpoint.document(MICROSOFT, response)
        if "error" not in answer:
            token_endpoint.tokens(MICROSOFT, answer, _Answer)
        return response

    def get(self, url: str, **_: Any) -> requests.Response:
        """The tenant's OpenID configuration, asked for once a day. Raises `ProviderBusy`."""
        with _lock:
            kept = _discovered.get(url)
        if kept and clock.now() - kept[0] < DISCOVERY_KEPT:
            return kept[1]
        response = token_endpoint.send("Microsoft's discovery", "GET", url)
        try:
            _Discovery.model_validate(token_endpoint.document("Microsoft's discovery", response))
        except ValidationError:
            raise ProviderBusy("Microsoft's discovery names no endpoints") from None
        with _lock:
            _discovered[url] = clock.now(), response
        return response

    def close(self) -> None:
        """The connections are everybody's."""


def forget() -> None:
    """Ask for every configuration anew."""
    with _lock:
        _discovered.clear()
