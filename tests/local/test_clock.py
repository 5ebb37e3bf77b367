"""Waiting by the clock that tests move."""

import asyncio
from datetime import timedelta

import pytest

from scripts.local import clock


def test_a_wait_that_is_cancelled_just_as_its_event_comes_is_cancelled() -> None:
    async def check() -> None:
        event = asyncio.Event()
        waiting = asyncio.create_task(clock.wait(event, clock.now() + timedelta(hours=1)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        event.set()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(check())


def test_a_wait_ends_when_the_clock_is_moved_beyond_its_instant(move_clock: object) -> None:
    async def check() -> None:
        waiting = asyncio.create_task(clock.sleep_until(clock.now() + timedelta(hours=1)))
        await asyncio.sleep(0)
        clock.move(timedelta(hours=2))
        await asyncio.wait_for(waiting, 5)

    asyncio.run(check())
