"""Anthropic's own client against the local models."""

from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic
from anthropic.types import MessageParam
from anthropic.types.message_create_params import MessageCreateParamsBase

from scripts.local.models import tokens
from scripts.local.models.anthropic_requests import MessageRequest
from tests.local.models.prompting import Prompt
from tests.local.models.running import Models

QUESTION: list[MessageParam] = [{"role": "user", "content": "What does my day look like?"}]
HEADERS = {"x-api-key": "sk-ant-local", "anthropic-version": "2023-06-01"}


def test_events_come_in_the_documented_order(anthropic_client: Anthropic, prompt: Prompt) -> None:
    events = list(
        anthropic_client.messages.create(
            model="local-extractive-claude", max_tokens=2000, system=prompt.system, messages=QUESTION, stream=True
        )
    )
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start"
    assert kinds[1] == "content_block_start"
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}


def test_the_raw_stream_holds_a_ping(models: Models) -> None:
    body = {"model": "local-lorem-claude", "max_tokens": 3, "messages": QUESTION, "stream": True}
    text = httpx2.post(f"{models.url}/v1/messages", json=body, headers=HEADERS).text
    assert "event: ping\n" in text
    assert text.endswith("\n\n")


def test_usage_is_cumulative_and_counts_what_came(anthropic_client: Anthropic, prompt: Prompt) -> None:
    with anthropic_client.messages.stream(
        model="local-extractive-claude", max_tokens=2000, system=prompt.system, messages=QUESTION
    ) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert message.usage.output_tokens == tokens.count(text)
    assert message.stop_reason == "end_turn"
    counted = anthropic_client.messages.count_tokens(
        model="local-extractive-claude", system=prompt.system, messages=QUESTION
    )
    assert counted.input_tokens == message.usage.input_tokens


def test_both_dialects_give_the_same_answer(anthropic_client: Anthropic, prompt: Prompt, ask: Any) -> None:
    message = anthropic_client.messages.create(
        model="local-extractive-claude",
        max_tokens=5000,
        system=[{"type": "text", "text": prompt.system}],
        messages=QUESTION,
    )
    assert message.content[0].type == "text"
    assert message.content[0].text == ask(prompt, "What does my day look like?")


def test_a_limit_ends_the_answer_as_max_tokens(anthropic_client: Anthropic, prompt: Prompt) -> None:
    message = anthropic_client.messages.create(
        model="local-extractive-claude", max_tokens=4, system=prompt.system, messages=QUESTION
    )
    assert message.stop_reason == "max_tokens"


def test_a_stop_sequence_ends_the_answer_before_itself(anthropic_client: Anthropic, prompt: Prompt) -> None:
    message = anthropic_client.messages.create(
        model="local-extractive-claude", max_tokens=900, system=prompt.system, messages=QUESTION, stop_sequences=["for"]
    )
    assert message.stop_reason == "stop_sequence"
    assert message.stop_sequence == "for"
    assert message.content[0].type == "text"
    assert "for" not in message.content[0].text


@pytest.mark.parametrize("sampling", [{"temperature": 0.3}, {"top_p": 0.9}, {"top_k": 4}])
def test_sampling_parameters_are_refused(anthropic_client: Anthropic, sampling: dict[str, Any]) -> None:
    with pytest.raises(anthropic.BadRequestError, match=next(iter(sampling))):
        anthropic_client.messages.create(
            model="local-extractive-claude", max_tokens=9, messages=QUESTION, extra_body=sampling
        )


def test_a_prefill_is_refused(anthropic_client: Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="prefill"):
        anthropic_client.messages.create(
            model="local-extractive-claude",
            max_tokens=9,
            messages=[*QUESTION, {"role": "assistant", "content": "Your day"}],
        )


def test_a_wrong_key_is_refused(models: Models) -> None:
    client = Anthropic(base_url=models.url, api_key="sk-ant-wrong", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
        client.messages.create(model="local-extractive-claude", max_tokens=9, messages=QUESTION)


def test_an_unknown_model_is_not_found(anthropic_client: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        anthropic_client.messages.create(model="local-extractive", max_tokens=9, messages=QUESTION)


def test_the_version_header_is_required(models: Models) -> None:
    body = {"model": "local-extractive-claude", "max_tokens": 9, "messages": QUESTION}
    response = httpx2.post(f"{models.url}/v1/messages", json=body, headers={"x-api-key": "sk-ant-local"})
    assert response.status_code == 400
    assert "anthropic-version" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": "local-extractive-claude", "messages": QUESTION}, "max_tokens: Field required"),
        (
            {"model": "local-extractive-claude", "messages": QUESTION, "max_tokens": 9, "n": 2},
            "n: Extra inputs are not permitted",
        ),
    ],
)
def test_a_malformed_request_names_its_field(models: Models, body: dict[str, Any], message: str) -> None:
    response = httpx2.post(f"{models.url}/v1/messages", json=body, headers=HEADERS)
    assert response.status_code == 400
    assert response.json()["error"] == {"type": "invalid_request_error", "message": message}


def test_too_long_a_prompt_is_refused(models: Models, anthropic_client: Anthropic, prompt: Prompt) -> None:
    models.set(context_window=100)
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        anthropic_client.messages.create(
            model="local-extractive-claude", max_tokens=9, system=prompt.system, messages=QUESTION
        )


def test_every_parameter_of_the_official_client_is_known() -> None:
    assert set(MessageCreateParamsBase.__annotations__) | {"stream", "stop_sequences"} <= set(
        MessageRequest.model_fields
    )


def test_models_are_listed(anthropic_client: Anthropic) -> None:
    names = {model.id for model in anthropic_client.models.list()}
    assert names == {"local-extractive-claude", "local-obedient-claude", "local-lorem-claude"}
