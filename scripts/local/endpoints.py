"""Where everything of one running local cloud is reached."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict

PROVIDERS: Mapping[str, str] = MappingProxyType({"google": "Google", "microsoft": "Microsoft"})
"""The providers of accounts, as paths name them and as people do."""


class WorldEndpoints(BaseModel):
    """What the world's process serves. URLs; `metadata` has host:port by the short name of a service account.

    gRPC is plaintext. Each HTTP one has its control API under `/_control/`; that of the Google Cloud emulators is at
    `google_cloud_control`. `microsoft` is HTTPS, for login and Graph alike, and has its own at `microsoft_control`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kms: str
    secrets: str
    tasks: str
    scheduler: str
    google_cloud_control: str
    storage: str
    iam_credentials: str
    metadata: dict[str, str]
    google: str
    microsoft: str
    microsoft_control: str
    models: str
    clerk: str


class Endpoints(WorldEndpoints):
    """The world, Google's own two emulators, and the origin with the front door and the cookie gateway."""

    origin: str
    firestore: str
    pubsub: str

    def function(self, name: str) -> str:
        """The URL of a function, which is also the audience of tokens for it."""
        return f"{self.origin}/{name}"

    def redirect_url(self, provider: str) -> str:
        """Where a provider sends people back to after they consented."""
        return redirect_url(self.origin, provider)


def redirect_url(origin: str, provider: str) -> str:
    """Where a provider sends people back to, at the gateway of this origin."""
    return f"{origin}/api/oauth/callback/{provider}"
