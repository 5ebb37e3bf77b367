"""A fresh Google for each test, in which consent is given by itself."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from scripts.local.google import GoogleConfig, serve
from tests.local.conftest import LoopThread
from tests.local.google import ada
from tests.local.google.visitor import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, Visitor


@pytest.fixture
def visitor(loop_thread: LoopThread, move_clock: Callable[[timedelta], None]) -> Iterator[Visitor]:
    config = GoogleConfig(CLIENT_ID, CLIENT_SECRET, (REDIRECT_URI,), ada.people, auto_approve=True)
    handle = loop_thread.run(serve(config))
    yield Visitor(handle.url)
    loop_thread.run(handle.close())
