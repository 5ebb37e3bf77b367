"""Time that passes for a test alone, and Cloud KMS as a test reaches it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lib.core import clock
from tests.briefly import Briefly
from tests.kms_line import Line, line_to, reached

Wait = Callable[[timedelta], None]


@pytest.fixture
def wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Lets time pass for this process alone."""
    file = tmp_path / "offset"
    file.write_text(str(clock.offset().total_seconds()))
    monkeypatch.setenv(clock.OFFSET_FILE_VARIABLE, str(file))

    def pass_time(duration: timedelta) -> None:
        file.write_text(str(float(file.read_text()) + duration.total_seconds()))

    return pass_time


@pytest.fixture
def kms(briefly: Briefly) -> Iterator[None]:
    """The emulator."""
    with reached(briefly.state.endpoints.kms):
        yield


@pytest.fixture
def line(briefly: Briefly) -> Iterator[Line]:
    """The emulator behind a line that changes what it carries."""
    with line_to(briefly.state.endpoints.kms) as line:
        yield line
