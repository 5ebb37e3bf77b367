"""Runs as instances take them up, lose them and end them; the model speaks only when a test lets it."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest

from lib.chat import conversations, messages, store
from lib.chat.keeper import Keeper
from lib.chat.models import Message, Run, RunState
from lib.chat.preparation import Preparation
from lib.chat.producer import Producer
from lib.chat.reader import Event, Resumption
from lib.chat.ring import Ring
from lib.core import ids
from lib.core.errors import NotFound
from lib.core.store import UserId, person
from lib.usage import spend
from lib.usage import store as usage_store
from lib.usage.models import Micros
from tests.briefly import Briefly
from tests.chat.runs import PATIENCE_SECONDS, House, Model, some, until, within_loop
from tests.kept import everything

WORDS = ["Grüße ", "und ", "漢字 ", "🌊 ", "und ", "so ", "fort ", "bis ", "zum ", "Ende. "] * 3


def kinds(events: list[Event]) -> list[str]:
    return [event.data.partition('"type":"')[2].partition('"')[0] or "done" for event in events]


def text(events: list[Event]) -> str:
    documents = [json.loads(event.data) for event in events if event.data.startswith("{")]
    return "".join(document.get("delta", "") for document in documents)


def test_a_reader_finds_the_answer_stored_when_it_reads_the_end(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        model = Model(WORDS)
        reader = house.place(model).reader
        model.let(len(WORDS) + 1)
        events = await reader.open(house.user, house.run.id, None)
        assert events is not None
        async for event in events:
            if '"finish"' in event.data:
                break
        answer = await house.log.message(house.user, house.run)
        assert answer is not None
        assert answer.text == "".join(WORDS)
        assert (await house.present()).state is RunState.FINISHED

    within_loop(check)


def test_a_reader_who_was_ahead_of_the_log_is_told_of_the_interruption(briefly: Briefly) -> None:
    """What it read from the memory of the lost instance was never kept; it must not take the end for read."""

    async def check(house: House) -> None:
        model = Model(WORDS)
        lost = house.place(model)
        model.let(len(WORDS) - 1)
        ahead = await some(await lost.reader.open(house.user, house.run.id, None), 12)
        lost.line.cut()
        briefly.move_clock(16)
        elsewhere = house.place(Model([])).reader
        rest = await house.read(elsewhere, ahead[-1].id)
        whole = await house.read(elsewhere)
        assert kinds(rest) == ["data-interrupted", "text-end", "error", "done"]
        assert whole[-len(rest) :] == rest
        assert text(ahead).startswith(text(whole))
        assert f'"characters":{len(text(whole))}' in rest[0].data
        answer = await house.log.message(house.user, house.run)
        assert answer is not None
        assert (answer.state, answer.text) == (RunState.INTERRUPTED, text(whole))
        assert [used.outcome for used in house.books.told] == ["interrupted"]

    within_loop(check)


def test_a_run_lost_before_its_first_text_is_begun_anew(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        lost = house.place(Model(WORDS))
        events = await lost.reader.open(house.user, house.run.id, None)
        assert events is not None
        begun = await anext(events)
        lost.line.cut()
        briefly.move_clock(16)
        model = Model(WORDS)
        model.let(len(WORDS) + 1)
        elsewhere = house.place(model).reader
        resumed = await house.read(elsewhere, begun.id)
        assert text(resumed) == "".join(WORDS)
        assert resumed == await house.read(elsewhere)
        assert (await house.present()).epoch == 2
        assert house.books.released == [f"{house.run.id}-1"]

    within_loop(check)


def test_a_reader_of_first_words_that_were_never_kept_is_told_that_it_begins_anew(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        speaking = Model(WORDS)
        speaking.let(len(WORDS) - 1)
        lost = house.place(speaking)
        lost.line.cut()
        events = await lost.reader.open(house.user, house.run.id, None)
        assert events is not None
        ahead = await some(events, 1)
        briefly.move_clock(16)
        model = Model(WORDS)
        model.let(len(WORDS) + 1)
        rest = await house.read(house.place(model).reader, ahead[-1].id)
        assert text(ahead)
        assert kinds(rest)[:3] == ["start", "data-begun-anew", "data-context"]
        assert text(rest) == "".join(WORDS)

    within_loop(check)


def test_every_lost_claim_gives_back_what_it_had_set_aside(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        for instance in ("ins_1", "ins_2"):
            stored = await house.log.read(house.user, house.run.id)
            assert stored is not None
            assert await house.log.claim(house.user, stored, instance) is not None
            briefly.move_clock(16)
        model = Model(WORDS)
        model.let(len(WORDS) + 1)
        await house.read(house.place(model).reader)
        assert house.books.released == [f"{house.run.id}-1", f"{house.run.id}-2"]

    within_loop(check)


def test_a_stop_outlives_the_instance_that_it_was_sent_to(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        lost = house.place(Model(WORDS))
        events = await lost.reader.open(house.user, house.run.id, None)
        assert events is not None
        await anext(events)
        lost.line.cut()
        await asyncio.to_thread(messages.stop, house.user, house.run.id)
        briefly.move_clock(16)
        elsewhere = house.place(Model(WORDS)).reader
        assert kinds(await house.read(elsewhere))[-2:] == ["abort", "done"]
        assert (await house.present()).state is RunState.STOPPED

    within_loop(check)


def test_a_stop_of_a_run_that_nobody_reads_is_an_end_of_its_own(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        stopped = await asyncio.to_thread(messages.stop, house.user, house.run.id)
        assert stopped.state is RunState.STOPPED
        reader = house.place(Model(WORDS)).reader
        read = await house.read(reader)
        assert kinds(read) == ["start", "abort", "done"]
        assert await reader.open(house.user, house.run.id, Resumption.parse(read[-1].id)) is None

    within_loop(check)


def test_whenever_it_is_stopped_what_was_kept_is_what_was_read(briefly: Briefly) -> None:
    """Stops meet flushes: what is being written then is neither lost nor written twice."""

    async def check(house: House) -> None:
        model = Model(WORDS)
        lost = house.place(model)
        events = await lost.reader.open(house.user, house.run.id, None)
        assert events is not None
        model.let(8)
        read = [await anext(events)]
        while '"text-delta"' not in read[-1].data:
            read.append(await anext(events))
        model.let(12)
        await asyncio.to_thread(messages.stop, house.user, house.run.id)
        read += [event async for event in events]
        assert kinds(read)[-3:] == ["message-metadata", "abort", "done"]
        elsewhere = house.place(Model([])).reader
        assert await house.read(elsewhere) == read
        answer = await house.log.message(house.user, house.run)
        assert answer is not None
        assert answer.text == text(read)

    within_loop(check)


def test_what_was_held_back_for_a_better_look_is_said_when_it_is_stopped(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        model = Model(WORDS)
        reading = asyncio.create_task(house.read(house.place(model).reader))
        model.let(17)

        async def has_spoken() -> bool:
            return model.spoken == 17

        await until(has_spoken)
        await asyncio.to_thread(messages.stop, house.user, house.run.id)
        assert text(await reading) == "".join(WORDS[:17])

    within_loop(check)


def test_a_stop_before_anything_was_said_still_tells_whose_answer_it_ends(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        place = house.place(Model(WORDS))
        stored = await house.log.read(house.user, house.run.id)
        assert stored is not None
        await place.instance.take_up(house.user, stored)
        await asyncio.to_thread(messages.stop, house.user, house.run.id)
        read = await house.read(place.reader)
        assert kinds(read)[0] == "start"
        assert kinds(read)[-2:] == ["abort", "done"]

    within_loop(check)


def test_what_was_set_aside_while_it_was_stopped_is_settled(briefly: Briefly) -> None:
    reserving, may_reserve = threading.Event(), threading.Event()

    def slowly(person: UserId, reservation: str, amount: Micros) -> None:
        reserving.set()
        assert may_reserve.wait(PATIENCE_SECONDS)
        spend.reserve(person, reservation, amount)

    async def check(house: House) -> None:
        stored = await house.log.read(house.user, house.run.id)
        assert stored is not None
        held = await house.log.claim(house.user, stored, "ins_1")
        assert held is not None
        ring = Ring(held.run.epoch)
        keeper = Keeper(house.log, house.user, held, ring)
        collaborators = replace(house.books.collaborators(Model(WORDS)), reserve=slowly)
        preparation = Preparation(house.user, held.run)
        producer = Producer(house.user, held.run, preparation, ring, keeper, collaborators)
        producing = asyncio.create_task(producer.produce())
        await asyncio.to_thread(reserving.wait, PATIENCE_SECONDS)
        producer.stop()
        may_reserve.set()
        await producing
        assert (await house.present()).state is RunState.STOPPED
        (used,) = house.books.told
        assert (used.outcome, used.cost) == ("stopped", 0)
        usage_store.record_model_use(used)
        assert spend.current(house.user).committed == 0

    within_loop(check)


def test_what_a_model_wrote_is_told_though_its_run_was_deleted_under_it(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        model = Model(WORDS)
        model.let(12)
        await some(await house.place(model).reader.open(house.user, house.run.id, None), 2)
        await asyncio.to_thread(person(house.user).collection("runs").document(house.run.id).delete)
        model.let(len(WORDS))

        async def is_told() -> bool:
            return bool(house.books.told)

        await until(is_told)
        (used,) = house.books.told
        assert used.tokens.input > 0

    within_loop(check)


def test_an_instance_that_ends_while_it_claims_a_run_interrupts_it(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        place = house.place(Model(WORDS))
        place.line.cut_claims()
        events = await place.reader.open(house.user, house.run.id, None)
        assert events is not None
        reading = asyncio.ensure_future(anext(events))
        await place.line.claiming.wait()
        ending = asyncio.create_task(place.instance.end())
        await asyncio.sleep(0)
        place.line.mend()
        await ending
        assert (await house.present()).state is RunState.INTERRUPTED
        assert '"start"' in (await reading).data

    within_loop(check)


@pytest.mark.parametrize("letting", [0, 1, 12])
def test_an_event_loop_that_ends_under_a_run_writes_the_interruption_down(briefly: Briefly, letting: int) -> None:
    """As when uvicorn is told to end and no reader is there to be waited for: every task is cancelled, once."""

    async def check(house: House) -> None:
        model = Model(WORDS)
        lost = house.place(model)
        model.let(letting)
        events = await lost.reader.open(house.user, house.run.id, None)
        assert events is not None
        await anext(events)

        async def has_spoken() -> bool:
            return model.spoken == letting

        await until(has_spoken)
        await _cancel_all()
        assert (await house.present()).state is RunState.INTERRUPTED
        elsewhere = house.place(Model([])).reader
        assert kinds(await house.read(elsewhere))[-2:] == ["error", "done"]

    within_loop(check)


def test_a_deleted_conversation_leaves_nothing_behind(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        model = Model(WORDS)
        reader = house.place(model).reader
        model.let(12)
        await some(await reader.open(house.user, house.run.id, None), 2)
        await asyncio.to_thread(conversations.delete, house.user, house.run.conversation_id)
        model.let(12)
        run = person(house.user).collection("runs").document(house.run.id)
        conversation = person(house.user).collection("conversations").document(house.run.conversation_id)

        async def is_over() -> bool:
            return not any(task.get_name() == house.run.id for task in asyncio.all_tasks())

        await until(is_over)
        assert list(run.collection("chunks").stream()) == []
        assert list(conversation.collection("messages").stream()) == []

    within_loop(check)


def test_a_deletion_that_was_broken_off_can_be_done_again(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        conversation = person(house.user).collection("conversations").document(house.run.conversation_id)
        await asyncio.to_thread(conversation.delete)
        await asyncio.to_thread(conversations.delete, house.user, house.run.conversation_id)
        assert [path for path in everything(house.user) if "/runs/" in path or "/messages/" in path] == []
        with pytest.raises(NotFound):
            await asyncio.to_thread(conversations.delete, house.user, house.run.conversation_id)

    within_loop(check)


@pytest.mark.long
def test_an_answer_of_eight_seconds_costs_at_most_twenty_writes(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        model = Model(WORDS * 14)
        place = house.place(model)
        reading = asyncio.create_task(house.read(place.reader))
        for _ in range(len(model.words) + 1):
            model.let(1)
            await asyncio.sleep(8 / len(model.words))
        await reading
        posting, claim = 3, 1
        assert place.line.writes + posting + claim <= 20

    within_loop(check)


async def _cancel_all() -> None:
    """What `asyncio.run` does in the end: every task is cancelled once, and then waited for."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_a_question_that_was_deleted_gets_no_answer_and_costs_nothing(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        conversation = person(house.user).collection("conversations").document(house.run.conversation_id)
        await asyncio.to_thread(conversation.collection("messages").document(house.run.question_id).delete)
        events = await house.read(house.place(Model(WORDS)).reader)
        run = await house.present()
        assert (run.state, run.error) == (RunState.FAILED, "The question was deleted")
        assert kinds(events)[-2:] == ["error", "done"]
        assert house.books.told == []

    within_loop(check)


def test_whoever_claims_a_run_while_it_is_being_deleted_is_told_to_stop(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        instance = ids.new("ins")
        runs = await asyncio.to_thread(more_runs, house, 20)
        deleting = asyncio.create_task(asyncio.to_thread(store.delete, house.user, house.run.conversation_id))
        claimed = []
        while not deleting.done():
            for run in runs:
                stored = await house.log.read(house.user, run.id)
                if stored is not None and stored.run.state is RunState.QUEUED:
                    claimed += [run.id] if await house.log.claim(house.user, stored, instance) else []
        await deleting
        told = [await asyncio.to_thread(store.signals_of, instance, run_id) for run_id in claimed]
        assert claimed
        assert all(wishes.get("stop") for wishes in told)

    within_loop(check)


def more_runs(house: House, number: int) -> list[Run]:
    """Runs that wait in the same conversation."""
    wanted = [ids.stable("run", house.user, str(place)) for place in range(number)]
    runs = [house.run.model_copy(update={"id": run_id}) for run_id in wanted]
    for run in runs:
        question = Message(id=ids.new("msg"), role="user", text="And now?", created_at=run.created_at)
        store.post(house.user, question, run, None)
    return runs
