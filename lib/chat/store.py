"""Chat in Firestore, but for the log of runs, which is `run_log`.

users/{uid}/conversations/{conversation}                        a `Conversation`
users/{uid}/conversations/{conversation}/messages/{message}     a `Message`
users/{uid}/runs/{run}                                          a `Run`
stream_instances/{instance}/signals/{run}                       what readers and stoppers want of an instance's run
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.watch import ChangeType

from lib.chat.models import Conversation, Message, Run, RunState
from lib.core import clock, idempotency
from lib.core.store import (
    AlreadyExists,
    FailedPrecondition,
    Global,
    NotFound,
    Snapshot,
    UserId,
    client,
    compare_and_set,
    delete_with_all_below,
    global_document,
    person,
)

SCHEMA_VERSION = 1
SIGNALS_KEPT = timedelta(hours=2)


def create_conversation(user: UserId, conversation: Conversation) -> bool:
    """Keep a new conversation; False if there is one with this id."""
    batch = client().batch()
    batch.create(_conversation(user, conversation.id), _versioned(conversation.model_dump()))
    try:
        idempotency.commit(batch, conversation)
    except AlreadyExists:
        return False
    return True


def conversation(user: UserId, conversation_id: str) -> Conversation | None:
    """A conversation."""
    stored = _conversation(user, conversation_id).get().to_dict()
    return Conversation.model_validate(stored) if stored else None


def conversations(user: UserId, limit: int, after: tuple[datetime, str] | None) -> list[Conversation]:
    """Conversations from the last used on, after a position: time and id."""
    query = (
        person(user)
        .collection("conversations")
        .order_by("updated_at", direction=firestore.Query.DESCENDING)
        .order_by("id", direction=firestore.Query.DESCENDING)
        .limit(limit)
    )
    if after is not None:
        query = query.start_after({"updated_at": after[0], "id": after[1]})
    return [Conversation.model_validate(snapshot.to_dict()) for snapshot in query.stream()]


def conversations_unused_since(user: UserId, moment: datetime) -> list[str]:
    """The ids of the conversations that were last used before a moment."""
    query = person(user).collection("conversations").where(filter=firestore.FieldFilter("updated_at", "<", moment))
    return [snapshot.id for snapshot in query.select([]).stream()]


def rename(user: UserId, renamed: Conversation) -> bool:
    """Keep the conversation's title; False if there is no such conversation."""
    batch = client().batch()
    batch.update(_conversation(user, renamed.id), {"title": renamed.title})
    try:
        idempotency.commit(batch, renamed)
    except NotFound:
        return False
    return True


def delete(user: UserId, conversation_id: str) -> None:
    """Delete a conversation with its messages and runs, of which those under way are stopped.

    The conversation goes first, so that nothing more is asked in it; and each run before its chunks, so that whoever
    produces it can end it no more, and then deletes what was added meanwhile. When broken off, it can be done again.
    """
    _conversation(user, conversation_id).delete()
    runs = person(user).collection("runs").where(filter=firestore.FieldFilter("conversation_id", "==", conversation_id))
    for snapshot in runs.stream():
        _end(snapshot)
        delete_with_all_below(snapshot.reference)
    delete_with_all_below(_conversation(user, conversation_id))


def _end(snapshot: Snapshot) -> None:
    """Delete a run and have its producer stop; whoever claims it in between is found by looking again."""
    while snapshot.exists:
        found = Run.model_validate(snapshot.to_dict())
        if found.state is RunState.RUNNING and found.instance is not None:
            signal(found.instance, found.id, stop=True)
        try:
            snapshot.reference.delete(option=client().write_option(last_update_time=snapshot.update_time))
        except (FailedPrecondition, NotFound):
            snapshot = snapshot.reference.get()
        else:
            return


def end_runs(user: UserId) -> None:
    """Delete all of a person's runs, of which those under way are stopped."""
    for snapshot in person(user).collection("runs").stream():
        _end(snapshot)


def has_remains(user: UserId, conversation_id: str) -> bool:
    """Whether something is left of a conversation whose deletion was broken off."""
    runs = person(user).collection("runs").where(filter=firestore.FieldFilter("conversation_id", "==", conversation_id))
    messages_left = _conversation(user, conversation_id).collection("messages")
    return any(query.limit(1).get() for query in (runs, messages_left))


def message(user: UserId, conversation_id: str, message_id: str) -> Message | None:
    """A message."""
    stored = _message(user, conversation_id, message_id).get().to_dict()
    return Message.model_validate(stored) if stored else None


def messages(user: UserId, conversation_id: str, limit: int, after: tuple[datetime, str] | None) -> list[Message]:
    """Messages from the oldest on, after a position: time and id."""
    query = (
        _conversation(user, conversation_id).collection("messages").order_by("created_at").order_by("id").limit(limit)
    )
    if after is not None:
        query = query.start_after({"created_at": after[0], "id": after[1]})
    return [Message.model_validate(snapshot.to_dict()) for snapshot in query.stream()]


def latest_messages(user: UserId, conversation_id: str, before: datetime, limit: int) -> list[Message]:
    """The newest messages before an instant, the oldest of them first."""
    query = (
        _conversation(user, conversation_id)
        .collection("messages")
        .where(filter=firestore.FieldFilter("created_at", "<", before))
        .order_by("created_at", direction=firestore.Query.DESCENDING)
        .limit(limit)
    )
    return [Message.model_validate(snapshot.to_dict()) for snapshot in query.stream()][::-1]


def post(user: UserId, question: Message, run: Run, title: str | None) -> bool:
    """Keep a question and its run and perhaps a title, in one commit; False if there is a message with this id.

    Raises `NotFound` if the conversation was deleted meanwhile.
    """
    batch = client().batch()
    batch.create(_message(user, run.conversation_id, question.id), _versioned(question.model_dump()))
    batch.create(_run(user, run.id), _versioned(run.model_dump()))
    changes = {"updated_at": question.created_at, "latest_run": run.id} | ({"title": title} if title else {})
    batch.update(_conversation(user, run.conversation_id), changes)
    try:
        batch.commit()
    except AlreadyExists:
        return False
    return True


def run(user: UserId, run_id: str) -> Run | None:
    """A run."""
    stored = _run(user, run_id).get().to_dict()
    return Run.model_validate(stored) if stored else None


def stop_queued(user: UserId, run_id: str) -> bool:
    """Stop a run that nobody has claimed; False if somebody has."""
    snapshot = _run(user, run_id).get()
    if (snapshot.to_dict() or {}).get("state") != RunState.QUEUED:
        return False
    return compare_and_set(snapshot, {"state": RunState.STOPPED})


def set_feedback(user: UserId, conversation_id: str, message_id: str, thumb: str | None) -> None:
    """Keep a person's thumb for a message. Raises `NotFound`."""
    _message(user, conversation_id, message_id).update({"feedback": thumb})


def signal(instance: str, run_id: str, **wishes: Any) -> None:
    """Tell the instance that produces a run what is wanted of it."""
    expiry = {"expires_at": clock.now() + SIGNALS_KEPT, "schema_version": SCHEMA_VERSION}
    _signals(instance).document(run_id).set(wishes | expiry, merge=True)


def watch_signals(instance: str, told: Callable[[str, dict[str, Any]], None]) -> Callable[[], None]:
    """Have each signal to the instance told, on a thread of the watch's own; returns how to end it."""

    def changed(_: Any, changes: Any, __: Any) -> None:
        for change in changes:
            if change.type is ChangeType.REMOVED:
                continue
            told(change.document.id, change.document.to_dict() or {})

    watch = _signals(instance).on_snapshot(changed)
    return lambda: watch.unsubscribe()


def signals_of(instance: str, run_id: str) -> dict[str, Any]:
    """What is wanted of a run, read directly in case the watch is broken."""
    return _signals(instance).document(run_id).get().to_dict() or {}


def forget_signals(instance: str, run_id: str) -> None:
    """Delete what was wanted of a run that is over."""
    _signals(instance).document(run_id).delete()


def _signals(instance: str) -> Any:
    return global_document(Global.STREAM_INSTANCES, instance).collection("signals")


def _versioned(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"schema_version": SCHEMA_VERSION}


def _conversation(user: UserId, conversation_id: str) -> Any:
    return person(user).collection("conversations").document(conversation_id)


def _message(user: UserId, conversation_id: str, message_id: str) -> Any:
    return _conversation(user, conversation_id).collection("messages").document(message_id)


def _run(user: UserId, run_id: str) -> Any:
    return person(user).collection("runs").document(run_id)
