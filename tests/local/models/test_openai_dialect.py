"""OpenAI's own client against the local models."""

import json
import math
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from scripts.local.models import tokens
from scripts.local.models.openai_requests import ChatRequest
from tests.local.models.prompting import Prompt
from tests.local.models.running import Models

QUESTION = "What does my day look like, and who is waiting for an answer from me?"


def messages(prompt: Prompt) -> list[ChatCompletionMessageParam]:
    """A prompt as the chat room sends it."""
    return [{"role": "system", "content": prompt.system}, {"role": "user", "content": QUESTION}]


def streamed(client: OpenAI, prompt: Prompt, **more: Any) -> Iterator[ChatCompletionChunk]:
    """The chunks of a streamed answer."""
    yield from client.chat.completions.create(model="local-extractive", messages=messages(prompt), stream=True, **more)


def test_a_streamed_answer_is_the_whole_answer_in_pieces(openai_client: OpenAI, prompt: Prompt) -> None:
    whole = openai_client.chat.completions.create(model="local-extractive", messages=messages(prompt))
    chunks = list(streamed(openai_client, prompt))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(chunks) > 50


def test_usage_comes_last_and_only_when_asked_for(openai_client: OpenAI, prompt: Prompt) -> None:
    assert all(chunk.usage is None for chunk in streamed(openai_client, prompt))
    *chunks, last = streamed(openai_client, prompt, stream_options={"include_usage": True})
    assert all(chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage is not None
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert last.usage.completion_tokens == tokens.count(text)
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


def test_a_limit_ends_the_answer_as_length(openai_client: OpenAI, prompt: Prompt) -> None:
    done = openai_client.chat.completions.create(
        model="local-extractive", messages=messages(prompt), max_completion_tokens=5
    )
    assert done.choices[0].finish_reason == "length"
    assert done.usage is not None
    assert done.usage.completion_tokens == 5


def test_lorem_is_as_long_as_asked(openai_client: OpenAI) -> None:
    done = openai_client.chat.completions.create(
        model="local-lorem", messages=[{"role": "user", "content": "go"}], max_completion_tokens=321
    )
    assert done.usage is not None
    assert done.usage.completion_tokens == 321


def test_a_json_schema_shapes_the_answer(openai_client: OpenAI, prompt: Prompt) -> None:
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "kind": {"enum": ["day", "other"]},
            "count": {"type": "integer"},
        },
        "required": ["title", "tags", "kind", "count"],
        "additionalProperties": False,
    }
    done = openai_client.chat.completions.create(
        model="local-extractive",
        messages=messages(prompt),
        response_format={"type": "json_schema", "json_schema": {"name": "day", "schema": schema, "strict": True}},
    )
    value = json.loads(done.choices[0].message.content or "")
    assert set(value) == {"title", "tags", "kind", "count"}
    assert value["kind"] == "day"


def test_tools_are_ignored_by_the_honest_model(openai_client: OpenAI, prompt: Prompt) -> None:
    done = openai_client.chat.completions.create(
        model="local-extractive",
        messages=messages(prompt),
        tools=[{"type": "function", "function": {"name": "send_mail", "parameters": {"type": "object"}}}],
    )
    assert done.choices[0].message.tool_calls is None


def test_a_wrong_key_is_refused(models: Models, prompt: Prompt) -> None:
    client = OpenAI(base_url=f"{models.url}/v1", api_key="sk-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model="local-extractive", messages=messages(prompt))
    assert caught.value.code == "invalid_api_key"
    assert models.received() == []


@pytest.mark.parametrize("model", ["gpt-unknown", "local-extractive-claude", "local-obedient:nonsense"])
def test_an_unknown_model_is_not_found(openai_client: OpenAI, prompt: Prompt, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        openai_client.chat.completions.create(model=model, messages=messages(prompt))
    assert caught.value.code == "model_not_found"


def test_an_alias_answers_under_its_own_name(models: Models, openai_client: OpenAI, prompt: Prompt) -> None:
    models.set(aliases={"gpt-local": "local-extractive"})
    done = openai_client.chat.completions.create(model="gpt-local", messages=messages(prompt))
    assert done.model == "gpt-local"


def test_too_long_a_prompt_is_refused(models: Models, openai_client: OpenAI, prompt: Prompt) -> None:
    models.set(context_window=100)
    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.chat.completions.create(model="local-extractive", messages=messages(prompt))
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, "model"),
        ({"model": "local-extractive"}, "messages"),
        ({"model": "local-extractive", "messages": [], "stream": False}, "messages"),
        (
            {"model": "local-extractive", "messages": [{"role": "user", "content": "x"}], "stream_options": {}},
            "stream_options",
        ),
        ({"model": "local-extractive", "messages": [{"role": "user", "content": "x"}], "top_k": 3}, "top_k"),
        ({"model": "local-extractive", "messages": [{"role": "king", "content": "x"}]}, "messages.0.role"),
    ],
)
def test_a_malformed_request_names_its_parameter(models: Models, body: dict[str, Any], parameter: str) -> None:
    response = httpx2.post(f"{models.url}/v1/chat/completions", json=body, headers={"Authorization": "Bearer sk-local"})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == parameter
    assert error["type"] == "invalid_request_error"


def test_every_parameter_of_the_official_client_is_known() -> None:
    assert set(CompletionCreateParamsBase.__annotations__) | {"stream"} <= set(ChatRequest.model_fields)


def test_models_are_listed(openai_client: OpenAI) -> None:
    assert {"local-extractive", "local-obedient", "local-lorem", "local-embedding"} == {
        model.id for model in openai_client.models.list()
    }


def test_texts_with_common_words_have_near_vectors_of_unit_length(openai_client: OpenAI) -> None:
    texts = ["The ferry leaves at nine", "At nine leaves the ferry to Oslo", "Soup with noodles"]
    first, second, third = (
        item.embedding for item in openai_client.embeddings.create(model="local-embedding", input=texts).data
    )
    assert math.isclose(sum(value * value for value in first), 1, rel_tol=1e-5)
    assert dot(first, second) > 0.6
    assert dot(first, third) < 0.3


def test_both_encodings_of_a_vector_agree(openai_client: OpenAI) -> None:
    packed = openai_client.embeddings.create(model="local-embedding", input="Grüße", dimensions=64)
    plain = openai_client.embeddings.create(
        model="local-embedding", input="Grüße", dimensions=64, encoding_format="float"
    )
    assert len(packed.data[0].embedding) == 64
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)


def test_an_empty_text_cannot_be_embedded(openai_client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        openai_client.embeddings.create(model="local-embedding", input=[""])


def dot(one: list[float], other: list[float]) -> float:
    """The cosine of two unit vectors."""
    return sum(left * right for left, right in zip(one, other, strict=True))
