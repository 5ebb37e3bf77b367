"""The audit log's part of an export: the log, and the program that checks it. The log outlives the person."""

from collections.abc import Iterator

from lib.audit import export
from lib.core.personal_data import ExportedFile, PersonalData
from lib.core.store import UserId


def _document(person: UserId) -> Iterator[bytes]:
    return (piece.encode() for piece in export.document(person))


def _verifier(_: UserId) -> Iterator[bytes]:
    return iter([export.verifier().encode()])


PERSONAL_DATA = PersonalData(
    room="audit",
    exported=(),
    withheld={},
    files=(
        ExportedFile(f"audit/{export.DOCUMENT}", _document),
        ExportedFile(f"audit/{export.VERIFIER}", _verifier),
    ),
)
