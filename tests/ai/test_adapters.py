"""The adapters give what the vendors' own clients give, and tell every failure for what it is."""

import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

from lib.ai.errors import (
    ModelError,
    ModelRateLimited,
    ModelRejected,
    ModelTimedOut,
    ModelTruncated,
    ModelUnavailable,
)
from lib.ai.models import FinishReason, ModelCard
from lib.ai.ports import StreamingModel
from lib.ai.tokens import estimated_usage
from tests.ai.asking import ADAPTERS, ANTHROPIC, OPENAI, PROMPT, Told, stream
from tests.local.models.running import Models

REASONS: dict[str | None, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "refusal",
    "end_turn": "stop",
    "max_tokens": "length",
    "refusal": "refusal",
}
EXCHANGES: dict[str, dict[str, Any]] = {
    "to the end": {},
    "to its limit": {"kind": "length", "after_tokens": 7},
    "refused": {"kind": "refusal", "after_tokens": 3},
    "empty": {"kind": "empty"},
    "cut short by ourselves": {"tokens": 9},
}
both = pytest.mark.parametrize(("card", "model"), ADAPTERS.values(), ids=ADAPTERS)


def by_openai(client: OpenAI, tokens: int) -> tuple[str, FinishReason, tuple[int, int]]:
    """Text, reason, and input and output tokens by OpenAI's client."""
    messages: Any = [{"role": "system", "content": PROMPT.system}]
    messages += [{"role": turn.role, "content": turn.text} for turn in PROMPT.turns]
    chunks = client.chat.completions.create(
        model=OPENAI.id,
        messages=messages,
        max_completion_tokens=tokens,
        stream=True,
        stream_options={"include_usage": True},
    )
    text, reason, used, refused = "", None, (0, 0), False
    for chunk in chunks:
        for choice in chunk.choices:
            text += choice.delta.content or choice.delta.refusal or ""
            refused = refused or bool(choice.delta.refusal)
            reason = choice.finish_reason or reason
        if chunk.usage:
            used = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
    return text, "refusal" if refused else REASONS[reason], used


def by_anthropic(client: Anthropic, tokens: int) -> tuple[str, FinishReason, tuple[int, int]]:
    """Text, reason, and input and output tokens by Anthropic's client."""
    messages: Any = [{"role": turn.role, "content": turn.text} for turn in PROMPT.turns]
    with client.messages.stream(
        model=ANTHROPIC.id, system=PROMPT.system, messages=messages, max_tokens=tokens
    ) as streamed:
        message = streamed.get_final_message()
    text = "".join(block.text for block in message.content if block.type == "text")
    used = message.usage
    given = used.input_tokens + (used.cache_read_input_tokens or 0) + (used.cache_creation_input_tokens or 0)
    return text, REASONS[message.stop_reason], (given, used.output_tokens)


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("provider", ADAPTERS)
def test_the_same_exchange_comes_out_as_from_the_vendors_client(
    reached: Models, openai_session: OpenAI, anthropic_session: Anthropic, provider: str, exchange: str
) -> None:
    fault = dict(EXCHANGES[exchange])
    tokens = fault.pop("tokens", 400)
    if fault:
        reached.fault(**fault, times=2)
    by_client = by_openai(openai_session, tokens) if provider == "openai" else by_anthropic(anthropic_session, tokens)
    told = stream(*ADAPTERS[provider], tokens=tokens)
    assert told.completed is not None
    used = told.completed.usage
    given = used.input_tokens + used.cached_input_tokens + used.cache_write_tokens
    assert (told.text, told.completed.reason, (given, used.output_tokens)) == by_client
    assert not used.estimated
    assert all(told.texts)


@both
def test_the_request_asks_for_usage_and_never_sets_a_temperature(
    reached: Models, card: ModelCard, model: StreamingModel
) -> None:
    stream(card, model)
    (request,) = reached.received()
    body = request["body"]
    assert not {"temperature", "top_p", "top_k"} & set(body)
    assert body["stream"] is True
    if card.provider == "openai":
        assert body["stream_options"] == {"include_usage": True}
        assert body["max_completion_tokens"] == 50
    else:
        assert body["max_tokens"] == 50
        assert body["messages"][-1]["role"] == "user"


FAILURES: dict[str, tuple[dict[str, Any], type[ModelError]]] = {
    "truncated": ({"kind": "truncate", "after_tokens": 4}, ModelTruncated),
    "truncated at once": ({"kind": "truncate"}, ModelTruncated),
    "disconnected": ({"kind": "disconnect", "after_tokens": 4}, ModelUnavailable),
    "failed midway": ({"kind": "error", "after_tokens": 4}, ModelUnavailable),
    "down": ({"kind": "http", "status": 503}, ModelUnavailable),
    "broken": ({"kind": "http", "status": 500}, ModelUnavailable),
    "overloaded": ({"kind": "http", "status": 529}, ModelUnavailable),
    "limited": ({"kind": "http", "status": 429, "retry_after": 7}, ModelRateLimited),
    "wrong": ({"kind": "http", "status": 400}, ModelRejected),
    "forbidden": ({"kind": "http", "status": 401}, ModelRejected),
    "gone": ({"kind": "http", "status": 404}, ModelRejected),
}


@both
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_told_once_with_what_came_before_it(
    reached: Models, card: ModelCard, model: StreamingModel, failure: str
) -> None:
    fault, kind = FAILURES[failure]
    reached.fault(**fault)
    told = Told()
    with pytest.raises(kind) as caught:
        stream(card, model, told=told)
    assert type(caught.value) is kind
    assert told.completed is None
    assert bool(told.texts) == bool(fault.get("after_tokens"))
    assert len(reached.received()) == 1


def test_the_pause_that_a_provider_asks_for_is_told(reached: Models) -> None:
    reached.fault(kind="http", status=429, retry_after=7)
    with pytest.raises(ModelRateLimited) as caught:
        stream(*ADAPTERS["openai"])
    assert caught.value.retry_after == timedelta(seconds=7)


@both
@pytest.mark.parametrize(
    ("fault", "texts"),
    [
        ({"kind": "hang"}, False),
        ({"kind": "hang", "headers_sent": True}, False),
        ({"kind": "hang", "after_tokens": 4}, True),
    ],
)
def test_a_provider_that_hangs_is_given_up(
    reached: Models, card: ModelCard, model: StreamingModel, fault: dict[str, Any], texts: bool
) -> None:
    reached.fault(**fault)
    told = Told()
    began = time.monotonic()
    limit = timedelta(seconds=0.3)
    with pytest.raises(ModelTimedOut):
        stream(card, model, first=timedelta(seconds=5) if texts else limit, idle=limit, told=told)
    assert time.monotonic() - began < 2
    assert bool(told.texts) == texts


def test_a_slow_start_is_not_an_idle_stream(reached: Models) -> None:
    reached.fault(kind="slow_start", seconds=0.5)
    told = stream(*ADAPTERS["openai"], idle=timedelta(seconds=0.2))
    assert told.completed is not None


@both
def test_who_stops_reading_disconnects_the_provider(reached: Models, card: ModelCard, model: StreamingModel) -> None:
    reached.set(tokens_per_second=20)
    told = stream(card, model, tokens=400, enough=3)
    assert len(told.texts) == 3
    deadline = time.monotonic() + 5
    while (outcome := reached.received()[0]["outcome"]) == "running":
        assert time.monotonic() < deadline
    assert outcome == "disconnected"


def test_a_provider_that_is_not_there_is_unavailable(reached: Models) -> None:
    from lib.ai.openai.settings import OpenAISettings
    from lib.core import settings

    settings._loaded[OpenAISettings] = OpenAISettings(openai_base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ModelUnavailable):
        stream(*ADAPTERS["openai"])


def test_tokens_of_an_answer_that_was_cut_are_estimated() -> None:
    usage = estimated_usage(PROMPT, "Twelve chars" + "東京")
    assert (usage.output_tokens, usage.estimated) == (5, True)
    assert usage.input_tokens > 10


def test_the_stream_imports_no_vendor_client() -> None:
    script = (
        "import sys, lib.ai.answering, lib.ai.openai.chat, lib.ai.anthropic.messages, lib.ai.catalogue;"
        "print(sorted({'openai', 'anthropic', 'httpx', 'httpx2', 'requests'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
