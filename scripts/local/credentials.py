"""The secrets of one running copy: random, but for the keys of real models, which come from the environment."""

import base64
import os
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

GOOGLE_CLIENT_SECRET = "google-oauth-client-secret"
MICROSOFT_CLIENT_SECRET = "microsoft-oauth-client-secret"
CLERK_WEBHOOK_SECRET = "clerk-webhook-secret"
CLERK_SECRET_KEY = "clerk-secret-key"
OPENAI_KEY = "openai-api-key"
ANTHROPIC_KEY = "anthropic-api-key"


def _google_client_id() -> str:
    return f"100000000001-{secrets.token_hex(16)}.apps.googleusercontent.com"


@dataclass(frozen=True)
class Credentials:
    """What the world and the functions share. `secrets` are by their names in Secret Manager."""

    secrets: dict[str, str]
    google_client_id: str = field(default_factory=_google_client_id)
    microsoft_client_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def clerk_secret_key(self) -> str:
        """What admits to Clerk's Backend API: also the gateway, as a front end's server is admitted."""
        return self.secrets[CLERK_SECRET_KEY]


def make(names: Iterable[str]) -> Credentials:
    """Values for these secrets, and for those that the emulators check."""
    made = {
        GOOGLE_CLIENT_SECRET: f"GOCSPX-{secrets.token_urlsafe(21)}",
        MICROSOFT_CLIENT_SECRET: f"{secrets.token_urlsafe(2)}~{secrets.token_urlsafe(26)}",
        CLERK_WEBHOOK_SECRET: f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}",
        CLERK_SECRET_KEY: f"sk_test_{secrets.token_hex(20)}",
        OPENAI_KEY: os.environ.get("OPENAI_API_KEY") or f"sk-local-{secrets.token_hex(20)}",
        ANTHROPIC_KEY: os.environ.get("ANTHROPIC_API_KEY") or f"sk-ant-local-{secrets.token_hex(20)}",
    }
    return Credentials({name: secrets.token_urlsafe(32) for name in names} | made)
