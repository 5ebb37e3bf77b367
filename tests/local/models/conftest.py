"""The models on a real socket, and official clients for them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from scripts.local.models.server import serve
from scripts.local.models.settings import Behaviour, ModelsConfig
from scripts.local.people.person import random_person
from tests.local.models.prompting import Prompt
from tests.local.models.running import Models

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def served_models() -> Iterator[Models]:
    """The models on a loop and a thread of their own, without pacing."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    config = ModelsConfig(behaviour=Behaviour(tokens_per_second=0))
    endpoint = asyncio.run_coroutine_threadsafe(serve(config), loop).result(10)
    models = Models(endpoint.url)
    yield models
    models.close()
    asyncio.run_coroutine_threadsafe(endpoint.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture
def models(served_models: Models) -> Models:
    """The models as they are at their start."""
    served_models.restore()
    return served_models


@pytest.fixture(scope="session")
def openai_session(served_models: Models) -> Iterator[OpenAI]:
    """OpenAI's own client, which does not repeat what failed; making one takes longer than most tests."""
    with OpenAI(base_url=f"{served_models.url}/v1", api_key="sk-local", max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_session(served_models: Models) -> Iterator[Anthropic]:
    """Anthropic's own client, which does not repeat what failed."""
    with Anthropic(base_url=served_models.url, api_key="sk-ant-local", max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
def openai_client(models: Models, openai_session: OpenAI) -> OpenAI:
    """OpenAI's client before models as they are at their start."""
    return openai_session


@pytest.fixture
def anthropic_client(models: Models, anthropic_session: Anthropic) -> Anthropic:
    """Anthropic's client before models as they are at their start."""
    return anthropic_session


@pytest.fixture(scope="session")
def prompt() -> Prompt:
    """The context of some person."""
    return Prompt(random_person(7, NOW), NOW)


@pytest.fixture
def ask(openai_client: OpenAI) -> Callable[..., str]:
    """Put questions to a model as the chat room does, the last one to be answered."""

    def put(prompt: Prompt, *questions: str, model: str = "local-extractive") -> str:
        sent = prompt.sent(*questions)
        turns: list[Any] = [{"role": "system", "content": sent.system}]
        turns += [{"role": turn.role, "content": turn.text} for turn in sent.turns]
        completion = openai_client.chat.completions.create(model=model, messages=turns)
        return completion.choices[0].message.content or ""

    return put
