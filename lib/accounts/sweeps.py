"""Having the vault look for what is due in it: only its own door can."""

from lib.accounts.models import SweepRequest
from lib.core import tasks


def find_due_refreshes() -> None:
    """Have the refreshes found that are due though nobody asks for a token."""
    _enqueue("refreshes", "/sweeps/refreshes")


def find_due_revocations() -> None:
    """Have the revocations found that providers have yet to confirm."""
    _enqueue("revocations", "/sweeps/revocations")


def _enqueue(queue: str, path: str) -> None:
    tasks.enqueue(queue, "tokens", path, None, body=SweepRequest().model_dump_json().encode())
