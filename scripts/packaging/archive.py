"""A zip whose bytes depend on nothing but its content."""

import stat
from collections.abc import Mapping
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import ZIP_STORED, ZipFile, ZipInfo

# The earliest time that a zip can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)
MODE = stat.S_IFREG | 0o644
UNIX = 3


def archive(files: Mapping[PurePosixPath, bytes]) -> bytes:
    """The files as a zip: in order, with one time and one mode, and stored, for compressors differ between machines."""
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_STORED) as zipped:
        for path in sorted(files):
            entry = ZipInfo(str(path), EPOCH)
            entry.create_system = UNIX
            entry.external_attr = MODE << 16
            zipped.writestr(entry, files[path])
    return stream.getvalue()
