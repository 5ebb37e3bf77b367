"""The local cloud: everything that Briefly stands on, on one machine."""

import time

STARTED = time.monotonic()
"""When this program began to load; all that it takes to be ready counts from here."""
