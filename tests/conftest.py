"""One local cloud for the whole run; every test brings people of its own."""

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import settings

from scripts.local.background import BackgroundCloud, running
from scripts.local.call import Caller
from scripts.local.endpoints import PROVIDERS
from scripts.local.push import Backoff
from scripts.local.runner import Options
from tests.briefly import Briefly

# How many examples a property is tried with: few in the suite, many behind `scripts/test --long`.
settings.register_profile("suite", max_examples=50, deadline=None)
settings.register_profile("long", max_examples=1000, deadline=None)

GENEROUS = {"REQUESTS_PER_MINUTE": "100000"}
# A refused push is not waited for as long as Pub/Sub would.
IMPATIENT = Backoff(first=timedelta(seconds=1), longest=timedelta(minutes=1))


GRANT_PAGE = "https://front-end.example/connect/{provider}"
"""Where people allow more, to the modules of `lib` that a test calls directly."""

CLOUD = "cloud"
"""The group of tests that share the local cloud."""

# These would have the tests ask a real model, at a cost.
REAL_MODELS = ("MODEL_CATALOGUE", "RATE_CARD", "OPENAI_MODEL")
REAL_MODELS_ENDINGS = ("_API_KEY", "_BASE_URL")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-seed", type=int, help="play only this seed's schedule of faults (tests/faults)")


@pytest.fixture(scope="session")
def fault_seed(pytestconfig: pytest.Config) -> int | None:
    """The one schedule of faults that is wanted."""
    seed: int | None = pytestconfig.getoption("--fault-seed")
    return seed


def pytest_configure(config: pytest.Config) -> None:
    for name in [name for name in os.environ if name in REAL_MODELS or name.endswith(REAL_MODELS_ENDINGS)]:
        del os.environ[name]
    os.environ["GRANT_PAGE_URL"] = GRANT_PAGE
    settings.load_profile("suite" if config.getoption("markexpr") == "not long" else "long")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share the local cloud stay together in one process; all others may run beside it, in another one."""
    for item in items:
        if "running_copy" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(CLOUD))


@pytest.fixture(scope="session")
def running_copy(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundCloud]:
    """The running copy, for tests that look into it."""
    if hasattr(pytestconfig, "workerinput") and f"@{CLOUD}" not in os.environ["PYTEST_CURRENT_TEST"]:
        pytest.fail("This test came to the local cloud unannounced, and would start a second one: name the fixture")
    folder = tmp_path_factory.mktemp("briefly")
    with running(
        Options(port=0, folder=folder, settings=GENEROUS, push_backoff=IMPATIENT, schedules_run=False)
    ) as background:
        yield background


@pytest.fixture(scope="session")
def briefly(running_copy: BackgroundCloud) -> Briefly:
    """The running copy. Modules of `lib` that a test calls directly reach the same emulators."""
    state = running_copy.state
    os.environ |= {
        "GOOGLE_CLOUD_PROJECT": "briefly-local",
        "K_SERVICE": "tests",
        "FUNCTION_URL": f"{state.origin}/{{name}}",
        "FIRESTORE_EMULATOR_HOST": state.endpoints.firestore.removeprefix("http://"),
        "PUBSUB_ENDPOINT": state.endpoints.pubsub,
        "KMS_ENDPOINT": state.endpoints.kms,
    }
    briefly = Briefly(state, Caller(state))
    for provider in PROVIDERS:
        briefly.control(provider, "POST", "auto_approve", {"enabled": True})
    # Many people of the tests connect the same mailbox, which Google would not let ask so often.
    briefly.control("google", "POST", "quota", {"gmail_user": 1_000_000, "calendar_user": 1_000_000})
    # Nobody has to be able to read along.
    briefly.control("models", "PUT", "settings", {"tokens_per_second": 0})
    return briefly
