"""One Cloud Storage for the tests of this folder; every test names objects of its own."""

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from google.cloud.storage import Blob

from tests.local.conftest import LoopThread
from tests.storage_rig import StorageRig, storage_rig


@pytest.fixture(scope="package")
def rig(loop_thread: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageRig]:
    with storage_rig(loop_thread, tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_clock(move_clock: Callable[[timedelta], None]) -> None:
    """Google's client signs by the real time, so that no other test's clock may be in force here."""


@pytest.fixture
def blob(rig: StorageRig) -> Blob:
    """An object that there is not yet."""
    return rig.bucket().blob(f"a folder/{secrets.token_hex(6)} & ü.txt")
