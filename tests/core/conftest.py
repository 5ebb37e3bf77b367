"""Time that passes for a test alone."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from lib.core import clock

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
