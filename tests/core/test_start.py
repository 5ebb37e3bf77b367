"""A function starts only when everything that the catalogue declares for it is there and of its kind."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from lib.core import settings
from lib.core.secrets import mounted_file
from lib.core.settings import InvalidSettings, Settings
from scripts.openapi_document import placeholder_environment, started
from tests.e2e.operations import functions
from tests.mounting import mount

COMMON = ("GOOGLE_CLOUD_PROJECT", "FUNCTION_URL", "K_SERVICE")
WRONG = "neither JSON, nor a number, nor an address"


def groups() -> Iterator[type[Settings]]:
    """Every group of settings that the functions have loaded."""
    waiting = [Settings]
    while waiting:
        group = waiting.pop()
        waiting.extend(group.__subclasses__())
        yield group


def fields(setting: str) -> list[Any]:
    """The setting wherever it is declared."""
    return [group.model_fields[setting.lower()] for group in groups() if setting.lower() in group.model_fields]


def spoilings(setting: str) -> list[str | None]:
    """The values that must keep a function from starting; None is no value at all."""
    declared = fields(setting)
    found: list[str | None] = [None] if any(field.is_required() for field in declared) else []
    is_free_text = all(field.annotation is str and not field.metadata for field in declared)
    return found if is_free_text else [*found, WRONG]


def refusal(function: str) -> str:
    """What a function complains of when it is to start in the present environment."""
    settings.forget()
    try:
        started(function)
    except InvalidSettings as error:
        return str(error)
    return "it started"


@pytest.mark.parametrize("function", functions())
def test_a_function_with_all_that_is_declared_starts(function: str) -> None:
    with placeholder_environment(function, functions()[function]):
        assert refusal(function) == "it started"


@pytest.mark.parametrize("function", functions())
def test_a_setting_that_is_missing_or_wrong_is_named_at_the_start(function: str) -> None:
    row = functions()[function]
    with placeholder_environment(function, row):
        started(function)
        for setting in (*COMMON, *row.get("settings", ())):
            before = os.environ.get(setting)
            assert spoilings(setting), f"nobody declares {setting}, or nothing can be wrong with it"
            for value in spoilings(setting):
                os.environ.pop(setting, None)
                if value is not None:
                    os.environ[setting] = value
                assert f"{setting} is {'not set' if value is None else 'wrong'}" in refusal(function)
            os.environ.pop(setting, None)
            if before is not None:
                os.environ[setting] = before


@pytest.mark.parametrize("function", [name for name, row in functions().items() if row.get("secrets")])
def test_a_secret_that_is_not_mounted_or_empty_is_named_at_the_start(function: str) -> None:
    row = functions()[function]
    with placeholder_environment(function, row) as mounted:
        for secret in row["secrets"]:
            mount(mounted, secret, "\n")
            assert f"the secret {secret} is empty" in refusal(function)
            mounted_file(mounted, secret).unlink()
            assert f"the secret {secret} is not mounted" in refusal(function)
            mount(mounted, secret, "a secret")


def test_one_message_names_settings_and_secrets() -> None:
    with placeholder_environment("mail", functions()["mail"]) as mounted:
        mounted_file(mounted, "cursor-key").unlink()
        os.environ |= {"GATEWAY_KEYS": "not json", "REQUESTS_PER_MINUTE": "abc"}
        complaint = refusal("mail")
    for named in ("mail cannot start", "GATEWAY_KEYS is wrong", "REQUESTS_PER_MINUTE is wrong", "cursor-key"):
        assert named in complaint


@pytest.mark.parametrize("keys", ["{}", '{"keys": []}', '{"keys": [{"kty": "oct"}]}', "[]", "7", '{"keys": 1}'])
def test_a_key_set_without_a_usable_key_is_none(keys: str) -> None:
    with placeholder_environment("users", functions()["users"]):
        os.environ["CLERK_KEYS"] = keys
        assert "CLERK_KEYS is wrong" in refusal("users")
