"""Messages: a question is kept with its run in one commit, and the same question again finds the same run."""

from datetime import datetime, timedelta

from lib.ai import catalogue
from lib.chat import conversations, store
from lib.chat.models import Message, MessagePage, MessagePost, MessagePosted, Run, RunState
from lib.core import clock, cursor, ids, tasks, telemetry
from lib.core.errors import Conflict, InvalidRequest, NotFound
from lib.core.http_models import Answer
from lib.core.store import NotFound as Missing
from lib.core.store import UserId

QUEUE = "runs"
STARTED_WITHOUT_READER_AFTER = timedelta(seconds=10)
TITLE_CHARACTERS = 60
UNKNOWN_ANSWER = "There is no such answer"


def post(person: UserId, conversation_id: str, wish: MessagePost) -> Answer[MessagePosted]:
    """The question and its run; the status tells new ones (201) from those that a repeat found (200).

    A task asks for the stream a little later, so that a run is made whose reader never came.
    Raises `NotFound`, `Conflict` for an id with another text, `InvalidRequest` for an unknown model.
    """
    conversation = conversations.read(person, conversation_id)
    if wish.model is not None and wish.model not in {card.id for card in catalogue.cards()}:
        raise InvalidRequest(f"There is no model {wish.model}")
    now = clock.now()
    run_id = ids.stable("run", person, conversation_id, wish.id)
    run = Run(
        id=run_id,
        conversation_id=conversation_id,
        question_id=wish.id,
        answer_id=ids.stable("msg", run_id),
        model=wish.model,
        created_at=now,
    )
    question = Message(id=wish.id, role="user", text=wish.text, created_at=now, run_id=run_id)
    try:
        created = store.post(person, question, run, None if conversation.title else _title(wish.text))
    except Missing:
        raise NotFound(conversations.UNKNOWN) from None
    if not created:
        run = _attach(person, conversation_id, wish, run_id)
    if run.state is RunState.QUEUED:
        _schedule(person, run)
    posted = MessagePosted(message_id=wish.id, answer_id=run.answer_id, run=run, stream_path=f"/runs/{run_id}")
    return Answer(posted, 201 if created else 200)


def page(person: UserId, conversation_id: str, limit: int, after: str | None) -> MessagePage:
    """A page of a conversation's messages. Raises `NotFound`, `InvalidCursor`."""
    conversations.read(person, conversation_id)
    listing = f"messages/{conversation_id}"
    position = cursor.decode(person, listing, after) if after is not None else None
    found = store.messages(
        person,
        conversation_id,
        limit + 1,
        (datetime.fromisoformat(position["at"]), position["id"]) if position else None,
    )
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return MessagePage(
        messages=shown,
        next_cursor=cursor.encode(person, listing, {"at": last.created_at.isoformat(), "id": last.id})
        if last
        else None,
    )


def rate(person: UserId, conversation_id: str, message_id: str, thumb: str | None) -> Message:
    """Keep a thumb for an answer. Raises `NotFound`."""
    found = store.message(person, conversation_id, message_id)
    if found is None or found.role != "assistant":
        raise NotFound(UNKNOWN_ANSWER)
    try:
        store.set_feedback(person, conversation_id, message_id, thumb)
    except Missing:
        raise NotFound(UNKNOWN_ANSWER) from None
    return found.model_copy(update={"feedback": thumb})


def read_run(person: UserId, run_id: str) -> Run:
    """The person's run. Raises `NotFound`."""
    found = store.run(person, run_id)
    if found is None:
        raise NotFound("There is no such run")
    return found


def stop(person: UserId, run_id: str) -> Run:
    """Have a run stopped; what was said stays. A run that is over stays as it is. Raises `NotFound`."""
    run = read_run(person, run_id)
    if run.state is RunState.QUEUED and store.stop_queued(person, run_id):
        return read_run(person, run_id)
    run = read_run(person, run_id)
    if run.state is RunState.RUNNING and run.instance is not None:
        store.signal(run.instance, run_id, stop=True)
    return run


def _schedule(person: UserId, run: Run) -> None:
    """Only readers who never come need the task, so the question is not refused when it cannot be enqueued."""
    at = run.created_at + STARTED_WITHOUT_READER_AFTER
    try:
        tasks.enqueue(QUEUE, "stream", f"/runs/{run.id}", person, method="GET", name=run.id, at=at)
    except Exception as error:
        telemetry.error("run not scheduled", error, run=run.id)


def _title(question: str) -> str:
    """How a conversation is called until its person names it: the beginning of its first question."""
    words = " ".join(question.split())
    return words if len(words) <= TITLE_CHARACTERS else words[:TITLE_CHARACTERS].rsplit(" ", 1)[0] + " …"


def _attach(person: UserId, conversation_id: str, wish: MessagePost, run_id: str) -> Run:
    earlier = store.message(person, conversation_id, wish.id)
    run = store.run(person, run_id)
    if earlier is None or run is None or earlier.text != wish.text or run.model != wish.model:
        raise Conflict("There is another message with this id")
    return run
