"""Makes an answer: context, model, guard, citations; every event into the ring, whoever reads or does not."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from lib.ai import answering, catalogue
from lib.ai.errors import ModelError
from lib.ai.models import Completed, FinishReason, ModelCard, Prompt, Started, TextDelta, Turn, Usage
from lib.chat import metering, wire
from lib.chat import prompt as prompts
from lib.chat.citations import Citations
from lib.chat.context import Context, gather
from lib.chat.guard import Guard
from lib.chat.keeper import Keeper
from lib.chat.models import Message, Run, RunState, Work
from lib.chat.preparation import Preparation, Prepared
from lib.chat.ring import Ring
from lib.chat.run_log import ClaimLost, Ending
from lib.core import clock, telemetry
from lib.core.errors import Problem
from lib.core.store import UserId
from lib.usage import rate_card, recording, spend
from lib.usage.models import ModelUsed, Tokens

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

_Guarding = asyncio.Task[tuple[Guard, Citations]]
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
    work: Work | None = None
    is_answering: bool = False
    citations: Citations | None = None
    context_ms: int | None = None
    left_out: list[dict[str, str]] = field(default_factory=list)
    asked_at: float | None = None
    first_token_ms: int | None = None
    completed: Completed | None = None
    guard: Guard | None = None
    """Holds back the last words until it is closed."""
    is_open: bool = False


class Producer:
    """The making of one run's answer, as a task of its own."""

    def __init__(
        self,
        user: UserId,
        run: Run,
        preparation: Preparation,
        ring: Ring,
        keeper: Keeper,
        work_with: Collaborators,
    ) -> None:
        self._user = user
        self._run = run
        self._preparation = preparation
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
        """Make the answer, to whichever end it comes.

        Raises `ClaimLost` when somebody else has the run, and what Firestore raises when the end cannot be kept; the
        lease then runs out, and whoever reads the run ends it.
        """
        self._emit(wire.Start(self._run.answer_id))
        if self._run.epoch > 1:
            # Readers of a lost claim may have had its first words, although these were never kept.
            self._emit(wire.Data("begun-anew", {"message_id": self._run.answer_id}, transient=True))
        keeping = asyncio.create_task(self._keeper.run())
        self._task = asyncio.create_task(self._answer())
        if self._ended_by is not None:
            self._task.cancel()
        try:
            await self._produce(self._task, keeping)
        except Exception:
            await self._tell_usage(RunState.INTERRUPTED)
            raise
        finally:
            keeping.cancel()
            self._preparation.abandon()
            self._ring.close()

    async def _produce(self, answering: "asyncio.Task[None]", keeping: "asyncio.Task[None]") -> None:
        try:
            await asyncio.wait({keeping, answering}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done() and not answering.done():
                await _cancelled(answering)
                keeping.result()
            await _cancelled(keeping)
            outcome = self._outcome(answering)
            if isinstance(outcome, ClaimLost):
                raise outcome
            await self._conclude(outcome)
        except asyncio.CancelledError:
            # The event loop ends under us, which cancels every task once; what is awaited from here on is let be.
            await _cancelled(answering)
            await _cancelled(keeping)
            await self._conclude(Interrupted())

    def _end(self, why: type[Exception]) -> None:
        self._ended_by = self._ended_by or why
        if self._task is not None:
            self._task.cancel()

    def _outcome(self, answering: "asyncio.Task[None]") -> BaseException | None:
        if answering.cancelled():
            return (self._ended_by or Interrupted)()
        return answering.exception()

    async def _answer(self) -> None:
        progress = self._progress
        prepared = await self._preparation.done()
        history, question = prepared.history, prepared.question
        context = await self._context(prepared)
        cards = catalogue.choose(self._run.model or prepared.preferences.chat.model)
        smallest = min(cards, key=lambda card: card.window_tokens)
        built = await asyncio.to_thread(prompts.build, context, history, question, smallest, prepared.preferences.chat)
        self._tell_context(built.context)
        # It is made while others are waited for: the budget, and the model's first word.
        guarding = asyncio.create_task(asyncio.to_thread(_guard, built.context, history, question))
        try:
            await self._reserve(cards, built.prompt)
            progress.asked_at = time.monotonic()
            pieces = self._with.answer(cards, built.prompt, max_output_tokens=_output_limit(cards))
            async with aclosing(pieces) as stream:
                async for piece in stream:
                    await self._take(piece, built.prompt, guarding)
            await self._guard(guarding)
        finally:
            guarding.cancel()

    async def _take(self, piece: Started | TextDelta | Completed, prompt: Prompt, guarding: _Guarding) -> None:
        """A piece of what the model says."""
        progress = self._progress
        match piece:
            case Started(card):
                progress.work, progress.is_answering = self._work(card, prompt), True
            case TextDelta(text):
                progress.written += text
                guard = progress.guard or await self._guard(guarding)
                await self._say(guard.feed(text))
            case Completed():
                progress.completed = piece

    async def _guard(self, guarding: _Guarding) -> Guard:
        """The gate, as soon as it is made."""
        self._progress.guard, self._progress.citations = await guarding
        return self._progress.guard

    async def _context(self, prepared: Prepared) -> Context:
        began = time.monotonic()
        preferences, gather, accounts = prepared.preferences, self._with.gather, prepared.accounts
        zone, allowed = ZoneInfo(preferences.time_zone), preferences.privacy
        context = await asyncio.to_thread(
            gather, self._user, prepared.question, zone, clock.now(), accounts, allowed=allowed
        )
        self._progress.context_ms = _milliseconds(time.monotonic() - began)
        return context

    def _tell_context(self, context: Context) -> None:
        """What the model is given to know, and what it is not."""
        left_out = [{"what": out.what, "account": out.account, "reason": out.reason} for out in context.left_out]
        self._progress.left_out = left_out
        known = {"events": len(context.events), "mails": len(context.mails), "left_out": left_out}
        self._emit(wire.Data("context", known))

    async def _reserve(self, cards: Sequence[ModelCard], prompt: Prompt) -> None:
        """Set aside what the dearer of the models may cost; what earlier claims had set aside is given back."""
        work = self._work(cards[0], prompt)
        expected = Tokens(input=work.input_tokens, output=_output_limit(cards))
        amount = max(rate_card.price(card.id, expected, clock.now()) for card in cards)
        for lost in range(1, self._run.epoch):
            await asyncio.to_thread(self._with.release, self._user, self._reservation(lost))
        reserving = asyncio.create_task(asyncio.to_thread(self._with.reserve, self._user, work.reservation, amount))
        try:
            await asyncio.shield(reserving)
        finally:
            # Whoever stops us does not stop the thread: what it sets aside has to be settled.
            await asyncio.wait({reserving})
            if not reserving.cancelled() and reserving.exception() is None:
                self._progress.work = work

    def _reservation(self, epoch: int) -> str:
        return f"{self._run.id}-{epoch}"

    def _work(self, card: ModelCard, prompt: Prompt) -> Work:
        return metering.begun(card.id, card.provider, prompt, self._reservation(self._run.epoch))

    async def _say(self, text: str) -> None:
        progress = self._progress
        was_open = progress.is_open
        self._write(text)
        if progress.is_open and not was_open and progress.work is not None:
            await self._keeper.first_text(progress.work)

    def _write(self, text: str) -> None:
        if not text:
            return
        progress = self._progress
        if not progress.is_open:
            progress.is_open = True
            if progress.asked_at is not None:
                progress.first_token_ms = _milliseconds(time.monotonic() - progress.asked_at)
            self._emit(wire.TextStart(TEXT_ID))
        progress.text += text
        self._emit(wire.TextDelta(TEXT_ID, text))
        for chunk in progress.citations.feed(text) if progress.citations else []:
            self._emit(chunk)

    async def _conclude(self, failure: BaseException | None) -> None:
        """The last words, what it cost, the stored answer, and then the last lines.

        Whoever reads these finds everything stored.
        """
        failure = self._with_last_words(failure)
        state, error, last = self._ending(failure)
        used = await self._tell_usage(state)
        metadata = self._metadata(used)
        text_end: list[wire.Chunk] = [wire.TextEnd(TEXT_ID)] if self._progress.is_open else []
        closing = [*map(wire.encode, [*text_end, wire.MessageMetadata(metadata), last]), wire.DONE]
        await self._keeper.finish(closing, Ending(state, self._message(state, metadata), error))
        for line in closing:
            self._ring.append(line)

    def _with_last_words(self, failure: BaseException | None) -> BaseException | None:
        """Say what the guard has held back, however the model ended; the failure, if that fails."""
        guard, self._progress.guard = self._progress.guard, None
        if guard is None:
            return failure
        try:
            self._write(guard.close())
        except Exception as problem:
            return problem
        return failure

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

    async def _tell_usage(self, state: RunState) -> ModelUsed | None:
        """Tell once what the model's work cost, or that none answered; None if none was asked, or it failed."""
        progress, work = self._progress, self._progress.work
        if work is None:
            return None
        progress.work = None
        duration = _milliseconds(time.monotonic() - progress.began)
        times = metering.Times(duration, progress.context_ms, progress.first_token_ms)
        outcome = "completed" if state is RunState.FINISHED else state.value
        try:
            event = metering.used(self._user, self._run, work, self._usage(work, state), times, outcome)
            await asyncio.to_thread(self._with.tell, event)
        except Exception as problem:
            telemetry.error("usage not told", problem, run=self._run.id)
            return None
        return event

    def _usage(self, work: Work, state: RunState) -> Usage:
        """What the model told; else what it was given to read, once it was asked and nothing says that it refused."""
        progress = self._progress
        if progress.completed is not None:
            return progress.completed.usage
        was_asked = progress.asked_at is not None and state is not RunState.FAILED
        if progress.is_answering or was_asked:
            return metering.broken_off(work, progress.written)
        return Usage(input_tokens=0, estimated=True)

    def _metadata(self, used: ModelUsed | None) -> dict[str, Any]:
        metadata: dict[str, Any] = {"run_id": self._run.id, "left_out": self._progress.left_out}
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


async def _cancelled(task: "asyncio.Task[None]") -> None:
    """Returns when the task has ended, in whatever way."""
    task.cancel()
    await asyncio.wait({task})


def _guard(context: Context, history: Sequence[Turn], question: str) -> tuple[Guard, Citations]:
    """The gate before the reader, and what the answer may cite, by titles that have passed it."""
    own_words = [question, *(turn.text for turn in history if turn.role == "user")]
    guard = context.guard(own_words, [turn.text for turn in history if turn.role == "assistant"])
    return guard, Citations(context.sources(guard.title))


def _output_limit(cards: Sequence[ModelCard]) -> int:
    return min(MOST_OUTPUT_TOKENS, *(card.max_output_tokens for card in cards))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
