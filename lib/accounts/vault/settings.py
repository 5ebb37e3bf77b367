"""How often the vault's keys change."""

from datetime import timedelta

from lib.core.settings import Settings


class RotationSettings(Settings):
    """`keyset_rotation` is how long a person's keyset keeps its primary key.

    `epoch_length` is the time from one new version of the vault's key to the next, and with that the longest that it
    takes until older ones are ordered to be destroyed.
    """

    keyset_rotation: timedelta = timedelta(days=90)
    epoch_length: timedelta = timedelta(days=30)


class BackupSettings(Settings):
    """`backups_kept` is for how long what was deleted can still be had back, from a backup or as it was."""

    backups_kept: timedelta
