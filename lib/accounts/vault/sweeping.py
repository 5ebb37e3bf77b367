"""Finding what is due in the vault, whosever it is, and enqueueing a task for each: the owner's task then acts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from lib.accounts.models import AccountTask, SweepRequest, Swept
from lib.core import clock, deadline, ids, tasks
from lib.core.environment import function_name
from lib.core.store import UserId

MOST_AT_ONCE = 500
ENOUGH_LEFT = timedelta(seconds=5)
"""With less of its time left, a sweep leaves the rest to another one."""
NAMED_ANEW_AFTER = timedelta(minutes=15)
"""A task that ended without effect keeps its name for a while (https://cloud.google.com/tasks/docs/reference/rest)."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Due = Callable[[datetime, datetime, int], Iterator[tuple[UserId, str, datetime]]]
"""Whose what is due until the first instant and since after the second; no more than so many."""


def enqueue_due(due: Due, *, queue: str, path: str, sweep: str, request: SweepRequest) -> Swept:
    """Enqueue a task at `path` for everything that is due; another `sweep` goes on where this one has to end."""
    now, after = clock.now(), request.after or LONG_AGO
    window = int(now.timestamp() // NAMED_ANEW_AFTER.total_seconds())
    enqueued, reached = 0, after
    for user, account_id, since in due(now, after, MOST_AT_ONCE):
        if deadline.current().remaining() < ENOUGH_LEFT:
            break
        name = f"{ids.stable(queue, user, account_id)}-{window}"
        body = AccountTask(account_id=account_id).model_dump_json().encode()
        tasks.enqueue(queue, function_name(), path, user, body=body, name=name)
        enqueued, reached = enqueued + 1, since
    else:
        if enqueued < MOST_AT_ONCE:
            return Swept(enqueued=enqueued)
    rest = SweepRequest(after=reached).model_dump_json().encode()
    tasks.enqueue(queue, function_name(), sweep, None, body=rest)
    return Swept(enqueued=enqueued)
