"""The local models on a real socket, reached by our adapters and by the vendors' own clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.ai.anthropic.settings import AnthropicSettings
from lib.ai.openai.settings import OpenAISettings
from lib.core import secrets, settings
from lib.core.secrets import SecretSettings
from tests.local.models.conftest import anthropic_session, models, openai_session, served_models
from tests.local.models.running import Models
from tests.mounting import mount

__all__ = ["anthropic_session", "models", "openai_session", "served_models"]


@pytest.fixture
def reached(models: Models, tmp_path: Path) -> Iterator[Models]:
    """The models as they are at their start, named in the settings that our adapters read."""
    keys = {"openai-api-key": "sk-local", "anthropic-api-key": "sk-ant-local"}
    for name, key in keys.items():
        mount(tmp_path, name, key + "\n")
    given: list[settings.Settings] = [
        OpenAISettings(openai_base_url=f"{models.url}/v1"),
        AnthropicSettings(anthropic_base_url=models.url),
        SecretSettings(secrets_dir=str(tmp_path)),
    ]
    before = {type(group): settings._loaded.get(type(group)) for group in given}
    settings._loaded.update({type(group): group for group in given})
    yield models
    for kind, group in before.items():
        settings._loaded.pop(kind)
        if group is not None:
            settings._loaded[kind] = group
    for name in keys:
        secrets._cache.pop(name, None)
