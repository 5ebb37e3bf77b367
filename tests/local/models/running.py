"""Running models, as tests see and change them."""

from typing import Any

import httpx2


class Models:
    """Running models and their control."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx2.Client(trust_env=False)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def fault(self, **fault: Any) -> None:
        """Arm a fault."""
        self._client.post(f"{self.url}/_control/faults", json=fault).raise_for_status()

    def set(self, **settings: Any) -> None:
        """Change settings."""
        self._client.put(f"{self.url}/_control/settings", json=settings).raise_for_status()

    def received(self) -> list[dict[str, Any]]:
        """What came in."""
        requests: list[dict[str, Any]] = self._client.get(f"{self.url}/_control/requests").json()["requests"]
        return requests

    def restore(self) -> None:
        """Forget faults, settings and requests."""
        for what in ("faults", "settings", "requests"):
            self._client.delete(f"{self.url}/_control/{what}").raise_for_status()
