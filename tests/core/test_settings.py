"""Settings come typed from the environment, and what is wrong is named."""

import pytest

from lib.core import settings
from lib.core.settings import InvalidSettings, Settings


class _First(Settings):
    settings_test_name: str
    settings_test_list: list[str]
    settings_test_number: int = 3


class _Second(Settings):
    settings_test_other: str


@pytest.fixture(autouse=True)
def _forget_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for group in (_First, _Second):
        settings._loaded.pop(group, None)


def test_values_are_decoded_to_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS_TEST_NAME", "a name")
    monkeypatch.setenv("SETTINGS_TEST_LIST", '["a", "b"]')
    monkeypatch.setenv("SETTINGS_TEST_NUMBER", "7")
    loaded = settings.load(_First)
    assert loaded.settings_test_list == ["a", "b"]
    assert loaded.settings_test_number == 7


def test_one_message_names_everything_that_is_missing_or_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS_TEST_LIST", "[broken")
    monkeypatch.setenv("SETTINGS_TEST_NUMBER", "many")
    with pytest.raises(InvalidSettings) as raised:
        settings.require(_First, _Second)
    message = str(raised.value)
    assert "SETTINGS_TEST_NAME is not set" in message
    assert "SETTINGS_TEST_LIST is wrong" in message
    assert "SETTINGS_TEST_NUMBER is wrong" in message
    assert "SETTINGS_TEST_OTHER is not set" in message
