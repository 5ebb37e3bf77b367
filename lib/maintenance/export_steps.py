"""The making of an export: each room's part is gathered by an event of its own, and then all are put into a ZIP file.

Nothing is ever in memory as a whole. Each step can be done again: it replaces what it wrote before.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO, Any

from lib.core import clock, storage, telemetry
from lib.core.errors import MalformedWebhook
from lib.core.events import publish
from lib.core.object_names import ObjectName, personal
from lib.core.personal_data import ExportedFile
from lib.core.store import UserId
from lib.lifecycle import store
from lib.lifecycle.exports import BUCKET, STUCK_AFTER, zip_name
from lib.lifecycle.models import TOPIC, Export, ExportState, FileEntry, UserEvent
from lib.maintenance import parts
from lib.users.notices import telling
from lib.users.notices.models import About
from lib.users.notifications import Kind

GIVEN_UP_AFTER = timedelta(days=1)
ASSEMBLE = "assemble"
MANIFEST = "manifest.json"
FORMAT_VERSION = 1
_READ_ME = """A copy of everything that Briefly keeps of you.

Each file with the ending .jsonl holds one record per line, as JSON; "path" is where it is kept. manifest.json names
every file with its size and its SHA-256 hash, and says what is not in here, and why.
"""


def perform(event: UserEvent) -> None:
    """Do the step that the event tells of, or the first one, and tell of the next.

    Raises `MalformedWebhook` for a step that there is not, and what the step raises, for the event to come again.
    """
    rooms = [part.room for part in parts.PARTS]
    step = event.step or rooms[0]
    if step not in (*rooms, ASSEMBLE):
        raise MalformedWebhook("Not a step of an export")
    person, export_id = UserId(event.person), event.subject
    export = store.export(person, export_id)
    if export is None or export.state is ExportState.FAILED:
        return
    if export.state is ExportState.READY:
        # Whoever made it may have died before the person was told.
        telling.tell(person, Kind.ACCOUNTS, About.EXPORT_READY, export_id)
        return
    if step == ASSEMBLE:
        _assemble(person, export)
        return
    files = [_gather(person, export_id, file) for file in parts.named(step).all_files()]
    store.keep_part(person, export_id, step, files, of_parts=len(rooms), next_look_at=clock.now() + STUCK_AFTER)
    following = (*rooms, ASSEMBLE)[rooms.index(step) + 1]
    publish(TOPIC, event.model_copy(update={"step": following}))


def go_on() -> None:
    """Have the exports go on whose events were lost; those that never come to an end are given up."""
    now = clock.now()
    for person, export in store.stuck_exports(now):
        if export.requested_at < now - GIVEN_UP_AFTER:
            telemetry.error("export given up", export=export.id)
            store.end_export(person, export.id, {"state": ExportState.FAILED})
            telling.tell(person, Kind.ACCOUNTS, About.EXPORT_FAILED, export.id)
            continue
        store.look_at_export_again(person, export.id, now + STUCK_AFTER)
        publish(TOPIC, UserEvent(type="user.exporting", person=person, subject=export.id))


@dataclass
class _Measured:
    """Bytes on their way to a file, counted and hashed."""

    file: IO[bytes]
    size: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    def write(self, piece: bytes) -> int:
        self.file.write(piece)
        self.size += len(piece)
        self._hash.update(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back here."""

    def close(self) -> None:
        """Whoever opened the file closes it."""

    @property
    def sha256(self) -> str:
        return str(self._hash.hexdigest())


def _gather(person: UserId, export_id: str, file: ExportedFile) -> FileEntry:
    name = _part_name(person, export_id, file.path)
    with storage.writing(BUCKET, name, "application/octet-stream") as opened:
        measured = _Measured(opened)
        for piece in file.content(person):
            measured.write(piece)
    return FileEntry(path=file.path, bytes=measured.size, sha256=measured.sha256)


def _assemble(person: UserId, export: Export) -> None:
    gathered = store.export_files(person, export.id)
    files = [file for part in parts.PARTS for file in gathered[part.room]]
    with storage.writing(BUCKET, zip_name(person, export.id), "application/zip") as opened:
        measured = _Measured(opened)
        with zipfile.ZipFile(measured, "w", zipfile.ZIP_DEFLATED) as archive:
            _add(archive, "README.txt", iter([_READ_ME.encode()]), export.requested_at)
            for file in files:
                _add(archive, file.path, _content(person, export.id, file), export.requested_at)
            _add(archive, MANIFEST, iter([_manifest(export, files)]), export.requested_at)
    result = {
        "state": ExportState.READY,
        "bytes": measured.size,
        "sha256": measured.sha256,
        "ready_at": clock.now(),
        "files": {},
    }
    if not store.end_export(person, export.id, result):
        return
    telling.tell(person, Kind.ACCOUNTS, About.EXPORT_READY, export.id)
    for file in files:
        _forget(_part_name(person, export.id, file.path))


def _add(archive: zipfile.ZipFile, path: str, content: Iterator[bytes], moment: datetime) -> None:
    entry = zipfile.ZipInfo(path, moment.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as opened:
        for piece in content:
            opened.write(piece)


def _content(person: UserId, export_id: str, file: FileEntry) -> Iterator[bytes]:
    stored = storage.describe(BUCKET, _part_name(person, export_id, file.path))
    return storage.read(BUCKET, stored)


def _manifest(export: Export, files: list[FileEntry]) -> bytes:
    manifest = {
        "format_version": FORMAT_VERSION,
        "export": export.id,
        "requested_at": export.requested_at.isoformat(),
        "files": [file.model_dump() for file in files],
        "not_contained": dict(parts.withheld()),
    }
    return json.dumps(manifest, indent=2, ensure_ascii=False).encode()


def _forget(name: ObjectName) -> None:
    storage.delete(BUCKET, name, generation=storage.describe(BUCKET, name).generation)


def _part_name(person: UserId, export_id: str, path: str) -> ObjectName:
    return personal(person, export_id, "parts", *path.split("/"))
