"""What a method's handler gets: who calls, with which scopes, which parameters and which body."""

from collections.abc import Callable
from dataclasses import dataclass

from scripts.local.google.accounts import Account
from scripts.local.google.grants import AccessToken
from scripts.local.google.parameters import Parameters
from scripts.local.google.settings import Behaviour
from scripts.local.provider.wire import Json


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One authorized, well-formed request to an API method."""

    account: Account
    token: AccessToken
    parameters: Parameters
    body: Json
    behaviour: Behaviour
    client_id: str


Handler = Callable[[ApiRequest], Json]
