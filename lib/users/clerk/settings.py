"""How Clerk's Backend API is reached."""

from lib.core.settings import Settings, WebAddress

SECRET = "clerk-secret-key"


class ClerkApiSettings(Settings):
    """`clerk_api_url` ends in `/v1`."""

    clerk_api_url: WebAddress
