"""Where everything of one running local cloud is reached."""

from pydantic import BaseModel, ConfigDict


class WorldEndpoints(BaseModel):
    """What the world's process serves. URLs; `metadata` has host:port by the short name of a service account.

    gRPC is plaintext. Each HTTP one has its control API under `/_control/`; that of the Google Cloud emulators is at
    `google_cloud_control`.
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

    @property
    def redirect_url(self) -> str:
        """Where Google sends people back to after they consented."""
        return f"{self.origin}/api/oauth/callback/google"
