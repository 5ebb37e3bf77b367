"""One fake Microsoft on one HTTPS port: sign-in as Entra ID does it, and Graph under /v1.0.

Used by unmodified clients: `msal.ConfidentialClientApplication(…, authority=f"{url}/common", instance_discovery=False)`
and any client of Graph with `{url}/v1.0` for its root. They have to trust the certificate that it is given; time is the
local cloud's clock. The control API, on an HTTP port of its own, is described in control.py.
"""

from scripts.local.microsoft.app import MicrosoftHandle, serve
from scripts.local.microsoft.people_source import seeded_people
from scripts.local.microsoft.settings import MicrosoftConfig

__all__ = ["MicrosoftConfig", "MicrosoftHandle", "seeded_people", "serve"]
