"""The log's algebra: however lines were flushed, and wherever a reader goes on, it gets exactly the rest."""

import asyncio
from itertools import accumulate, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.chat import wire
from lib.chat.models import Message, RunState, Work
from lib.chat.reader import Event, Resumption
from lib.chat.ring import Ring
from lib.chat.run_log import Chunk, ClaimLost, Ending, Stored
from lib.core import clock
from lib.core.store import person
from tests.briefly import Briefly
from tests.chat.runs import House, Model, within_loop

WORK = Work(model="gpt-6-luna", provider="openai", input_tokens=10, reservation="r")

partitions = st.lists(st.integers(1, 4), min_size=1, max_size=6)


def ending(house: House) -> Ending:
    answer = Message(id=house.run.answer_id, role="assistant", text="all", created_at=clock.now())
    return Ending(RunState.FINISHED, answer)


def line(number: int) -> str:
    """A line with what passes for the end of one, but not in JSON."""
    return wire.encode(wire.TextDelta("answer", f"{number} 漢字🌊\u2028\u0085 "))


async def claimed(house: House) -> Stored:
    stored = await house.log.read(house.user, house.run.id)
    assert stored is not None
    held = await house.log.claim(house.user, stored, "somewhere")
    assert held is not None
    return held


async def flushed(house: House, sizes: list[int]) -> list[str]:
    """Keep a run's lines in chunks of these sizes, the last of which ends it; the lines."""
    lines = [line(number) for number in range(1, sum(sizes))] + [wire.DONE]
    held = await claimed(house)
    bounds = list(pairwise(accumulate(sizes, initial=0)))
    for place, (begin, end) in enumerate(bounds, 1):
        chunk = Chunk(held.run.epoch, begin + 1, lines[begin:end])
        if place == len(bounds):
            await house.log.finish(house.user, held, chunk, ending(house))
        elif place == 1:
            held = await house.log.append_and_renew(house.user, held, chunk, WORK)
        else:
            await house.log.append(house.user, held, chunk)
    return lines


def of(house: House, number: int) -> str:
    return f"{house.run.id}:1:{number}"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=partitions, data=st.data())
def test_any_partition_and_any_resume_point_give_the_exact_suffix(
    briefly: Briefly, sizes: list[int], data: st.DataObject
) -> None:
    resumed_after = data.draw(st.integers(0, sum(sizes) - 1))

    async def check(house: House) -> None:
        lines = await flushed(house, sizes)
        whole = [Event(of(house, number), text) for number, text in enumerate(lines, 1)]
        reader = house.place(Model([])).reader
        assert await house.read(reader) == whole
        assert await house.read(reader, of(house, resumed_after)) == whole[resumed_after:]
        assert await reader.open(house.user, house.run.id, Resumption.parse(of(house, len(lines)))) is None

    within_loop(check)


@given(
    count=st.integers(0, 20),
    joins=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=5),
)
def test_whenever_readers_join_a_ring_each_gets_the_exact_suffix(count: int, joins: list[tuple[int, int]]) -> None:
    """Each reader joins when so many lines were written, and asks for those beyond a number."""

    async def check() -> None:
        ring, readers = Ring(1), []
        for written in range(count + 1):
            for at, after in joins:
                if min(at, count) == written:
                    readers.append((min(after, written), asyncio.create_task(_collected(ring, min(after, written)))))
            if written < count:
                ring.append(str(written + 1))
                await asyncio.sleep(0)
        ring.close()
        for after, reader in readers:
            assert await reader == [(number, str(number)) for number in range(after + 1, count + 1)]

    asyncio.run(check())


def test_a_holder_who_lost_the_run_cannot_go_on(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        zombie = await claimed(house)
        first = Chunk(1, 1, [line(1), line(2)])
        zombie = await house.log.append_and_renew(house.user, zombie, first, WORK)
        await house.log.finish_for_lost(house.user, zombie, 2, [wire.DONE], ending(house))
        late = Chunk(1, 3, [line(3)])
        with pytest.raises(ClaimLost):
            await house.log.append(house.user, zombie, late)
        with pytest.raises(ClaimLost):
            await house.log.append_and_renew(house.user, zombie, late, WORK)
        with pytest.raises(ClaimLost):
            await house.log.renew(house.user, zombie)
        with pytest.raises(ClaimLost):
            await house.log.finish(house.user, zombie, late, ending(house))
        reader = house.place(Model([])).reader
        assert [event.data for event in await house.read(reader)] == [line(1), line(2), wire.DONE]

    within_loop(check)


def test_a_holder_who_lives_after_all_keeps_the_run(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        held = await claimed(house)
        seen = await house.log.append_and_renew(house.user, held, Chunk(1, 1, [line(1)]), WORK)
        await house.log.append(house.user, seen, Chunk(1, 2, [line(2)]))
        with pytest.raises(ClaimLost):
            await house.log.finish_for_lost(house.user, seen, 1, [wire.DONE], ending(house))
        assert (await house.present()).state is RunState.RUNNING

    within_loop(check)


def test_what_arrived_is_not_taken_for_lost_when_it_is_sent_again(briefly: Briefly) -> None:
    """As after a commit whose answer got lost on the way."""

    async def check(house: House) -> None:
        held = await claimed(house)
        chunk = Chunk(1, 1, [line(1)])
        once = await house.log.append_and_renew(house.user, held, chunk, WORK)
        again = await house.log.append_and_renew(house.user, held, chunk, WORK)
        assert again.updated_at == once.updated_at
        await house.log.finish(house.user, again, Chunk(1, 2, [wire.DONE]), ending(house))
        await house.log.finish(house.user, again, Chunk(1, 2, [wire.DONE]), ending(house))

    within_loop(check)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_chunk_is_told_and_not_passed_over(briefly: Briefly, missing: int) -> None:
    async def check(house: House) -> None:
        await flushed(house, [2, 2, 2])
        _delete_chunk(house, missing)
        reader = house.place(Model([])).reader
        resumed = await house.read(reader, of(house, 1))
        assert [event.id for event in resumed] == [None, None, of(house, 6)]
        assert '"data-resync"' in resumed[0].data
        anew = await house.read(reader)
        assert ["all" in event.data for event in anew] == [False, False, True, False, False, False]
        assert (anew[-1].id, anew[-1].data) == (of(house, 6), wire.DONE)

    within_loop(check)


def test_those_who_notice_a_lost_producer_end_its_run_once(briefly: Briefly) -> None:
    async def check(house: House) -> None:
        held = await claimed(house)
        await house.log.append_and_renew(house.user, held, Chunk(1, 1, [line(1)]), WORK)
        briefly.move_clock(16)
        readers = [house.place(Model([])).reader for _ in range(4)]
        read = await asyncio.gather(*(house.read(reader) for reader in readers))
        assert all(events == read[0] for events in read)
        assert sum('"error"' in event.data for event in read[0]) == 1
        assert len({event.id for event in house.books.told}) == 1
        assert house.books.told[0].outcome == "interrupted"

    within_loop(check)


async def _collected(ring: Ring, after: int) -> list[tuple[int, str]]:
    return [pair async for pair in ring.follow(after)]


def _delete_chunk(house: House, place: int) -> None:
    chunks = person(house.user).collection("runs").document(house.run.id).collection("chunks")
    found = list(chunks.order_by("end").stream())
    found[place - 1].reference.delete()
