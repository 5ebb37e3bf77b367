"""A fresh Microsoft for each test, in which consent is given by itself."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scripts.local import certificates
from scripts.local.certificates import Certificates
from scripts.local.microsoft import MicrosoftConfig, seeded_people, serve
from tests.local.conftest import LoopThread
from tests.local.microsoft.visitor import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, Visitor


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.make(Path(tmp_path_factory.mktemp("certificates")))


@pytest.fixture
def visitor(
    loop_thread: LoopThread,
    move_clock: Callable[[timedelta], None],
    certified: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Visitor]:
    # Where it is set, it goes before what msal is told to trust.
    for variable in certificates.BUNDLE_VARIABLES:
        monkeypatch.setenv(variable, str(certified.bundle))
    config = MicrosoftConfig(
        CLIENT_ID, CLIENT_SECRET, (REDIRECT_URI,), seeded_people, certified.server, auto_approve=True
    )
    handle = loop_thread.run(serve(config))
    yield Visitor(handle.url, handle.control.url, certified.bundle)
    loop_thread.run(handle.close())


@pytest.fixture
def token(visitor: Visitor) -> str:
    return str(visitor.tokens()["access_token"])
