"""How long things wait, and how long they are kept."""

from datetime import timedelta

from lib.core.settings import Settings


class LifecycleSettings(Settings):
    """`deletion_grace` is how long a deletion can be undone, `exports_kept` how long an export can be fetched."""

    deletion_grace: timedelta = timedelta(days=14)
    exports_kept: timedelta = timedelta(days=7)
