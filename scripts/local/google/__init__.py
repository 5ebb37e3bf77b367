"""One fake Google on one port: sign-in by OAuth 2.0, Gmail reading, Calendar reading and adding events.

Used by unmodified clients: `build("gmail", "v1", client_options={"api_endpoint": url + "/"})`,
`build("calendar", "v3", client_options={"api_endpoint": url + "/calendar/v3/"})`, and the batch URLs
`/batch/gmail/v1` and `/batch/calendar/v3`. Every answer is judged by Google's own discovery documents; time is the
local cloud's clock. The control API is described in control.py.
"""

from scripts.local.google.app import GoogleHandle, serve
from scripts.local.google.people_source import seeded_people
from scripts.local.google.settings import GoogleConfig

__all__ = ["GoogleConfig", "GoogleHandle", "seeded_people", "serve"]
