"""Makes an answer: context, model, guard, citations; every event into the ring, whoever reads or does not."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from lib.ai import answering, catalogue, tokens
from lib.ai.errors import ModelError
from lib.ai.models import Completed, FinishReason, ModelCard, Prompt, Started, TextDelta, Turn
from lib.chat import prompt as prompts
from lib.chat import store, wire
from lib.chat.citations import Citations
from lib.chat.context import Context, gather
from lib.chat.keeper import Keeper
from lib.chat.models import Message, Run, RunState
from lib.chat.ring import Ring
from lib.chat.run_log import ClaimLost
from lib.core import clock, telemetry
from lib.core.errors import NotFound, Problem
from lib.core.store import UserId
from lib.usage import rate_card, recording, spend
from lib.usage.models import ModelUsed, Tokens
from lib.usage.store import event_id
from lib.users import profile
from lib.users.models import Preferences

HISTORY_MESSAGES = 60
MOST_OUTPUT_TOKENS = 2048
TEXT_ID = "answer"
INTERRUPTED = "The answer was interrupted. Ask again to have it anew."
FAILED = "No model could answer just now. Please try again in a moment."
BROKE_OFF = "The model broke off in the middle of the answer."
OURS = "Something went wrong on our side."

_REASONS: dict[FinishReason, wire.FinishReason] = {
    "stop": "stop",
    "length": "length",
    "refusal": "content-filter",
    "other": "other",
}

Answers = Callable[..., AsyncGenerator[Started | TextDelta | Completed, None]]


@dataclass(frozen=True)
class Collaborators:
    """Whom the producer works with."""

    gather: Callable[..., Context] = gather
    answer: Answers = answering.answer
    reserve: Callable[[UserId, str, Any], None] = spend.reserve
    release: Callable[[UserId, str], None] = spend.release
    tell: Callable[[ModelUsed], None] = recording.tell


class Stopped(Exception):
    """The person does not want more of it."""


class Interrupted(Exception):
    """This instance has to end."""


@dataclass
class _Progress:
    """What is known of an answer while it comes."""

    began: float = field(default_factory=time.monotonic)
    text: str = ""
    written: str = ""
    """What the model wrote, before the guard; only to count its tokens."""
    card: ModelCard | None = None
    prompt: Prompt | None = None
    context: Context | None = None
    citations: Citations | None = None
    context_ms: int | None = None
    asked_at: float | None = None
    first_token_ms: int | None = None
    completed: Completed | None = None
    reserved: bool = False
    is_open: bool = False


class Producer:
    """The making of one run's answer, as a task of its own."""

    def __init__(self, user: UserId, run: Run, ring: Ring, keeper: Keeper, work_with: Collaborators) -> None:
        self._user = user
        self._run = run
        self._ring = ring
        self._keeper = keeper
        self._with = work_with
        self._progress = _Progress()
        self._task: asyncio.Task[None] | None = None
        self._ended_by: type[Exception] | None = None

    def stop(self) -> None:
        """Stop, because the person wishes it."""
        self._end(Stopped)

    def interrupt(self) -> None:
        """Stop, because this instance ends."""
        self._end(Interrupted)

    def was_tailed(self, seconds: float) -> None:
        """Flush more often for a while: somebody reads from another instance."""
        self._keeper.tailed_until = time.monotonic() + seconds

    async def produce(self) -> None:
        """Make the answer, to whichever end it comes; never raises but when cancelled from outside."""
        keeping = asyncio.create_task(self._keeper.run())
        self._task = asyncio.create_task(self._answer())
        try:
            await asyncio.wait({keeping, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done() and not self._task.done():
                telemetry.warning("claim of a run lost", run=self._run.id)
                self._task.cancel()
                await asyncio.wait({self._task})
                return
            keeping.cancel()
            with suppress(asyncio.CancelledError, ClaimLost):
                await keeping
            outcome = self._outcome()
            if not isinstance(outcome, ClaimLost):
                await self._conclude(outcome)
        finally:
            self._ring.close()

    def _end(self, why: type[Exception]) -> None:
        self._ended_by = self._ended_by or why
        if self._task is not None:
            self._task.cancel()

    def _outcome(self) -> BaseException | None:
        if self._task is None or self._task.cancelled():
            return (self._ended_by or Interrupted)()
        return self._task.exception()

    async def _answer(self) -> None:
        progress = self._progress
        self._emit(wire.Start(self._run.answer_id))
        history, question, preferences = await asyncio.to_thread(self._conversation)
        context = await self._context(question, preferences)
        cards = catalogue.choose(self._run.model or preferences.chat_model)
        progress.prompt = prompts.build(context, history, question, cards[0])
        await self._reserve(cards[0], progress.prompt)
        guard = context.guard([question, *(turn.text for turn in history if turn.role == "user")])
        progress.asked_at = time.monotonic()
        pieces = self._with.answer(cards, progress.prompt, max_output_tokens=self._output_limit(cards))
        async with aclosing(pieces) as stream:
            async for piece in stream:
                match piece:
                    case Started(card):
                        progress.card = card
                    case TextDelta(text):
                        progress.written += text
                        await self._say(guard.feed(text))
                    case Completed():
                        progress.completed = piece
        await self._say(guard.close())

    def _conversation(self) -> tuple[list[Turn], str, Preferences]:
        """What was said before, the question, and what the person prefers."""
        said = store.latest_messages(self._user, self._run.conversation_id, HISTORY_MESSAGES)
        question = next(message.text for message in said if message.id == self._run.question_id)
        earlier = [message for message in said if message.text and message.created_at < self._run.created_at]
        try:
            preferences = profile.read_preferences(self._user)
        except NotFound:
            preferences = Preferences()
        return [Turn(message.role, message.text) for message in earlier], question, preferences

    async def _context(self, question: str, preferences: Preferences) -> Context:
        began = time.monotonic()
        zone = ZoneInfo(preferences.time_zone)
        context = await asyncio.to_thread(self._with.gather, self._user, question, zone, clock.now())
        progress = self._progress
        progress.context, progress.citations = context, Citations(context.sources())
        progress.context_ms = _milliseconds(time.monotonic() - began)
        left_out = [{"what": out.what, "account": out.account, "reason": out.reason} for out in context.left_out]
        known = {"events": len(context.events), "mails": len(context.mails), "left_out": left_out}
        self._emit(wire.Data("context", known))
        return context

    async def _reserve(self, card: ModelCard, prompt: Prompt) -> None:
        expected = Tokens(input=tokens.estimate_prompt(prompt), output=min(MOST_OUTPUT_TOKENS, card.max_output_tokens))
        amount = rate_card.price(card.id, expected, clock.now())
        await asyncio.to_thread(self._with.reserve, self._user, self._reservation, amount)
        self._progress.reserved = True

    def _output_limit(self, cards: Sequence[ModelCard]) -> int:
        return min(MOST_OUTPUT_TOKENS, *(card.max_output_tokens for card in cards))

    async def _say(self, text: str) -> None:
        if not text:
            return
        progress = self._progress
        first = not progress.is_open
        if first:
            progress.is_open = True
            if progress.asked_at is not None:
                progress.first_token_ms = _milliseconds(time.monotonic() - progress.asked_at)
            self._emit(wire.TextStart(TEXT_ID))
        progress.text += text
        self._emit(wire.TextDelta(TEXT_ID, text))
        for chunk in progress.citations.feed(text) if progress.citations else []:
            self._emit(chunk)
        if first:
            await self._keeper.first_text()

    async def _conclude(self, failure: BaseException | None) -> None:
        """The last events, the stored answer, and what it cost."""
        state, error, closing = self._ending(failure)
        try:
            used = await self._told_usage(state)
        except Exception as problem:
            telemetry.error("usage not told", problem, run=self._run.id)
            used = None
        metadata = self._metadata(used)
        if self._progress.is_open:
            self._emit(wire.TextEnd(TEXT_ID))
        self._emit(wire.MessageMetadata(metadata))
        self._emit(closing)
        self._ring.append(wire.DONE)
        with suppress(ClaimLost):
            await self._keeper.finish(state, self._message(state, metadata), error)

    def _ending(self, failure: BaseException | None) -> tuple[RunState, str | None, wire.Chunk]:
        completed = self._progress.completed
        match failure:
            case None if completed is not None:
                return RunState.FINISHED, None, wire.Finish(_REASONS[completed.reason])
            case Stopped():
                return RunState.STOPPED, None, wire.Abort("stopped")
            case Interrupted():
                return RunState.INTERRUPTED, INTERRUPTED, wire.Error(INTERRUPTED)
            case Problem():
                text = failure.detail or failure.title
                return RunState.FAILED, text, wire.Error(f"{failure.title}. {failure.detail or ''}".strip())
            case ModelError():
                text = BROKE_OFF if self._progress.is_open else FAILED
                return RunState.FAILED, text, wire.Error(text)
        telemetry.error("answer failed", failure, run=self._run.id)
        return RunState.FAILED, OURS, wire.Error(OURS)

    async def _told_usage(self, state: RunState) -> ModelUsed | None:
        """Tell what the model's work cost; None if no model worked, and then the reservation is given back."""
        progress = self._progress
        if progress.card is None or progress.prompt is None:
            if progress.reserved:
                await asyncio.to_thread(self._with.release, self._user, self._reservation)
            return None
        usage = (
            progress.completed.usage
            if progress.completed
            else tokens.estimated_usage(progress.prompt, progress.written)
        )
        spent = Tokens(
            input=usage.input_tokens,
            cached_input=usage.cached_input_tokens,
            cache_write=usage.cache_write_tokens,
            output=usage.output_tokens,
            estimated=usage.estimated,
        )
        now = clock.now()
        event = ModelUsed(
            id=event_id("chat", f"{self._run.id}/{self._run.epoch}"),
            person=self._user,
            at=now,
            model=progress.card.id,
            provider=progress.card.provider,
            purpose="answer",
            subject=self._run.answer_id,
            tokens=spent,
            cost=rate_card.price(progress.card.id, spent, now),
            context_ms=progress.context_ms,
            first_token_ms=progress.first_token_ms,
            duration_ms=_milliseconds(time.monotonic() - progress.began),
            outcome={RunState.FINISHED: "completed"}.get(state, state.value),
            reservation=self._reservation,
        )
        await asyncio.to_thread(self._with.tell, event)
        return event

    def _metadata(self, used: ModelUsed | None) -> dict[str, Any]:
        metadata: dict[str, Any] = {"run_id": self._run.id}
        if used is not None:
            metadata |= {
                "model": used.model,
                "tokens": used.tokens.model_dump(),
                "cost_micros": used.cost,
                "context_ms": used.context_ms,
                "first_token_ms": used.first_token_ms,
                "duration_ms": used.duration_ms,
            }
        return metadata

    def _message(self, state: RunState, metadata: dict[str, Any]) -> Message:
        citations = self._progress.citations
        return Message(
            id=self._run.answer_id,
            role="assistant",
            text=self._progress.text,
            created_at=clock.now(),
            run_id=self._run.id,
            state=state,
            sources=[source.chunk().document() for source in citations.cited] if citations else [],
            metadata=metadata,
        )

    def _emit(self, chunk: wire.Chunk) -> None:
        self._ring.append(wire.encode(chunk))

    @property
    def _reservation(self) -> str:
        return f"{self._run.id}-{self._run.epoch}"


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
