"""Faults on command, seen by the official clients and on the raw wire."""

import time
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.local.models.running import Models

OPENAI_HEADERS = {"Authorization": "Bearer sk-local"}
ANTHROPIC_HEADERS = {"x-api-key": "sk-ant-local", "anthropic-version": "2023-06-01"}
MESSAGES: Any = [{"role": "user", "content": "go on"}]


def openai_stream(client: OpenAI, **more: Any) -> str:
    """What a streamed answer of fifty tokens brought."""
    chunks = client.chat.completions.create(
        model="local-lorem", messages=MESSAGES, max_completion_tokens=50, stream=True, **more
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def anthropic_stream(client: Anthropic) -> list[Any]:
    """The events of a streamed answer of fifty tokens."""
    return list(client.messages.create(model="local-lorem-claude", messages=MESSAGES, max_tokens=50, stream=True))


def test_a_truncated_stream_ends_without_its_end_mark(models: Models, openai_client: OpenAI) -> None:
    models.fault(kind="truncate", after_tokens=3)
    body = {"model": "local-lorem", "messages": MESSAGES, "stream": True}
    text = httpx2.post(f"{models.url}/v1/chat/completions", json=body, headers=OPENAI_HEADERS).text
    assert text.count('"content":"') == 4
    assert "[DONE]" not in text
    assert 'finish_reason":"' not in text
    assert openai_stream(openai_client).startswith("The harbour")


def test_the_official_clients_take_a_truncation_for_an_end(
    models: Models, openai_client: OpenAI, anthropic_client: Anthropic
) -> None:
    models.fault(kind="truncate", after_tokens=2, times=2)
    assert openai_stream(openai_client) == "The harbou"
    assert [event.type for event in anthropic_stream(anthropic_client)][-1] == "content_block_delta"


def test_openai_errors_in_the_middle_are_raised(models: Models, openai_client: OpenAI) -> None:
    models.fault(kind="error", after_tokens=5)
    with pytest.raises(openai.APIError, match="server had an error"):
        openai_stream(openai_client)


def test_anthropic_overload_in_the_middle_is_raised(models: Models, anthropic_client: Anthropic) -> None:
    models.fault(kind="error", after_tokens=5)
    with pytest.raises(anthropic.APIStatusError) as caught:
        anthropic_stream(anthropic_client)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == "overloaded_error"


def test_a_broken_connection_is_a_connection_error(models: Models, openai_client: OpenAI) -> None:
    models.fault(kind="disconnect", after_tokens=5)
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        openai_stream(openai_client)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_openai_errors_are_typed(
    models: Models, openai_client: OpenAI, status: int, error: type[openai.APIStatusError]
) -> None:
    models.fault(kind="http", status=status, retry_after=7)
    with pytest.raises(error) as caught:
        openai_stream(openai_client)
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_anthropic_errors_are_typed(
    models: Models, anthropic_client: Anthropic, status: int, error: type[anthropic.APIStatusError], kind: str
) -> None:
    models.fault(kind="http", status=status)
    with pytest.raises(error) as caught:
        anthropic_stream(anthropic_client)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == kind


@pytest.mark.parametrize("fault", [{"after_tokens": 0}, {"after_tokens": 0, "headers_sent": True}, {"after_tokens": 9}])
def test_a_hang_lasts_until_the_client_gives_up(models: Models, openai_client: OpenAI, fault: dict[str, Any]) -> None:
    models.fault(kind="hang", **fault)
    with pytest.raises((openai.APITimeoutError, httpx2.TimeoutException)):
        openai_stream(openai_client.with_options(timeout=0.2))
    assert models.received()[-1]["tokens_sent"] == fault["after_tokens"]


def test_the_first_token_can_be_late(models: Models, openai_client: OpenAI) -> None:
    models.fault(kind="slow_start", seconds=0.3)
    start = time.monotonic()
    openai_stream(openai_client)
    assert time.monotonic() - start >= 0.3


def test_tokens_come_at_the_pace_that_is_set(models: Models, openai_client: OpenAI) -> None:
    models.set(tokens_per_second=200)
    start = time.monotonic()
    openai_stream(openai_client)
    assert 0.24 <= time.monotonic() - start < 1


def test_a_refusal_has_the_reason_of_each_vendor(
    models: Models, openai_client: OpenAI, anthropic_client: Anthropic
) -> None:
    models.fault(kind="refusal", times=2)
    done = openai_client.chat.completions.create(model="local-lorem", messages=MESSAGES)
    assert done.choices[0].finish_reason == "content_filter"
    events = anthropic_stream(anthropic_client)
    assert events[-2].delta.stop_reason == "refusal"


def test_an_answer_can_be_empty_or_cut_short(models: Models, anthropic_client: Anthropic) -> None:
    models.fault(kind="empty")
    models.fault(kind="length", after_tokens=4)
    empty = anthropic_client.messages.create(model="local-lorem-claude", messages=MESSAGES, max_tokens=50)
    assert empty.content == []
    cut = anthropic_client.messages.create(model="local-lorem-claude", messages=MESSAGES, max_tokens=50)
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 4)


@pytest.mark.parametrize(
    ("match", "hit", "missed"),
    [
        ({"user": "ada"}, {"user": "ada"}, {"user": "bram"}),
        ({"metadata": {"run": "1"}}, {"metadata": {"run": "1"}}, {"metadata": {"run": "2"}}),
        ({"header": {"x-run": "1"}}, {"extra_headers": {"X-Run": "1"}}, {"extra_headers": {"X-Run": "2"}}),
    ],
)
def test_a_fault_strikes_only_what_it_matches_and_as_often_as_told(
    models: Models, openai_client: OpenAI, match: dict[str, Any], hit: dict[str, Any], missed: dict[str, Any]
) -> None:
    models.fault(kind="http", status=503, match=match, times=1)
    assert openai_stream(openai_client, **missed)
    with pytest.raises(openai.InternalServerError):
        openai_stream(openai_client, **hit)
    assert openai_stream(openai_client, **hit)


def test_requests_are_kept_with_their_end_and_without_their_key(models: Models, openai_client: OpenAI) -> None:
    openai_stream(openai_client, user="ada")
    received = models.received()[-1]
    assert received["path"] == "/v1/chat/completions"
    assert received["body"]["user"] == "ada"
    assert (received["outcome"], received["tokens_sent"]) == ("complete", 50)
    assert "authorization" not in received["headers"]


def test_an_unknown_fault_is_refused(models: Models) -> None:
    assert httpx2.post(f"{models.url}/_control/faults", json={"kind": "earthquake"}).status_code == 400
    assert httpx2.put(f"{models.url}/_control/settings", json={"style": "loud"}).status_code == 400


def test_a_client_that_leaves_is_noticed(models: Models, openai_client: OpenAI) -> None:
    models.set(tokens_per_second=100)
    with openai_client.chat.completions.create(
        model="local-lorem", messages=MESSAGES, max_completion_tokens=5000, stream=True
    ) as stream:
        next(iter(stream))
    deadline = time.monotonic() + 3
    while models.received()[-1]["outcome"] == "running" and time.monotonic() < deadline:
        pass
    assert models.received()[-1]["outcome"] == "disconnected"
    assert models.received()[-1]["tokens_sent"] < 400
