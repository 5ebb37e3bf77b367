"""Questions that wait for their answers, kept as `chat` keeps them but without the task that would begin the answer."""

from lib.chat import store
from lib.chat.models import Conversation, Message, Run
from lib.core import clock, ids
from lib.core.store import UserId
from scripts.benchmarks.first_requests import QUESTION


def waiting(user: UserId) -> str:
    """A new run of the person's in a conversation of its own; its id."""
    now, conversation, question = clock.now(), ids.new("con"), ids.new("msg")
    run_id = ids.stable("run", user, question)
    answer_id = ids.stable("msg", run_id)
    run = Run(id=run_id, conversation_id=conversation, question_id=question, answer_id=answer_id, created_at=now)
    store.create_conversation(user, Conversation(id=conversation, created_at=now, updated_at=now))
    store.post(user, Message(id=question, role="user", text=QUESTION, created_at=now), run, None)
    return run_id
