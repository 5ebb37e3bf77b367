"""Serves the local models over HTTP, in OpenAI's and Anthropic's dialects at once.

POST /v1/chat/completions, POST /v1/embeddings, GET /v1/models[/{id}] speak OpenAI; POST /v1/messages, POST
/v1/messages/count_tokens and GET /v1/models (when `anthropic-version` is sent) speak Anthropic.

Models: `local-extractive` answers from the context in its request; `local-obedient` does so too and then follows
every order that it finds in that context, in the style of the settings or of its name (`local-obedient:base64`);
`local-lorem` writes as many tokens as `max_tokens` says. With the ending `-claude` they are Anthropic's.

`/_control/…` is described in `control`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.models import anthropic_requests, embeddings, errors, openai_requests, tokens
from scripts.local.models.anthropic_requests import MessageRequest, TokenCountRequest
from scripts.local.models.anthropic_wire import AnthropicWire
from scripts.local.models.control import Control
from scripts.local.models.conversation import Answer, Conversation, Dialect
from scripts.local.models.delivery import Delivery
from scripts.local.models.errors import ModelError
from scripts.local.models.faults import Fault
from scripts.local.models.generation import generate
from scripts.local.models.openai_requests import ChatRequest, EmbeddingRequest
from scripts.local.models.openai_wire import OpenAIWire
from scripts.local.models.request_log import Received
from scripts.local.models.settings import EMBEDDING_MODEL, MODELS, Behaviour, Kind, ModelsConfig, Style

MODELS_SINCE = 1_780_000_000
MODELS_SINCE_TEXT = "2026-05-28T00:00:00Z"
BODY_LIMIT = 32 * 1024 * 1024

Endpoint = Callable[[web.Request, Received], Awaitable[web.StreamResponse]]


async def serve(config: ModelsConfig | None = None) -> HttpEndpoint:
    """Listen on 127.0.0.1; OSError if the port is busy."""
    config = config or ModelsConfig()
    return await serve_application(Models(config).application(), config.port)


class Models:
    """All models behind one origin."""

    def __init__(self, config: ModelsConfig) -> None:
        self._config = config
        self._control = Control(config.behaviour)

    def application(self) -> web.Application:
        """All routes."""
        application = web.Application(client_max_size=BODY_LIMIT)
        application.add_routes(
            [
                web.post("/v1/chat/completions", self._endpoint("openai", self._complete)),
                web.post("/v1/embeddings", self._endpoint("openai", self._embed)),
                web.post("/v1/messages", self._endpoint("anthropic", self._message)),
                web.post("/v1/messages/count_tokens", self._endpoint("anthropic", self._count)),
                web.get("/v1/models", self._list_models),
                web.get("/v1/models/{model}", self._show_model),
                *self._control.routes(),
            ]
        )
        return application

    def _endpoint(self, dialect: Dialect, answer: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The endpoint with its key checked, its body read and noted, and its refusals in the vendor's form."""

        async def handle(request: web.Request) -> web.StreamResponse:
            received: Received | None = None
            try:
                self._admit(dialect, request)
                received = self._control.log.add(request.path, await _body(request), request.headers)
                return await answer(request, received)
            except ModelError as error:
                if received is not None and received.outcome == "running":
                    received.outcome = "refused"
                return errors.response(dialect, error)

        return handle

    def _admit(self, dialect: Dialect, request: web.Request) -> None:
        if dialect == "openai":
            if request.headers.get("Authorization") != f"Bearer {self._config.openai_key}":
                raise ModelError(401)
            return
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.headers.get("x-api-key", bearer) != self._config.anthropic_key:
            raise ModelError(401, "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            raise ModelError(400, "anthropic-version: header is required")

    async def _complete(self, request: web.Request, received: Received) -> web.StreamResponse:
        try:
            conversation = ChatRequest.model_validate(received.body).conversation()
        except ValidationError as error:
            raise openai_requests.refused(error) from error
        return await self._answer(request, received, conversation)

    async def _message(self, request: web.Request, received: Received) -> web.StreamResponse:
        try:
            conversation = MessageRequest.model_validate(received.body).conversation()
        except ValidationError as error:
            raise anthropic_requests.refused(error) from error
        return await self._answer(request, received, conversation)

    async def _answer(self, request: web.Request, received: Received, conversation: Conversation) -> web.StreamResponse:
        kind, style = self._model(conversation)
        fault = self._control.faults.take(conversation, request.headers)
        if fault is not None and fault.kind == "http":
            received.outcome = "fault"
            raise ModelError(fault.status, retry_after=fault.retry_after)
        self._check_window(conversation)
        answer = _spoiled(generate(conversation, kind, style), fault)
        wire = OpenAIWire(conversation) if conversation.dialect == "openai" else AnthropicWire(conversation)
        delivery = Delivery(request, conversation, wire, self._control.behaviour, fault, received)
        return await delivery.deliver(answer)

    def _model(self, conversation: Conversation) -> tuple[Kind, Style]:
        name = self._control.behaviour.aliases.get(conversation.model, conversation.model)
        name, _, style = name.partition(":")
        known = MODELS.get(name)
        if known is None or known[0] != conversation.dialect:
            raise _unknown(conversation.dialect, conversation.model)
        kind: Kind = "obedient" if self._control.behaviour.obedient and known[1] == "extractive" else known[1]
        try:
            chosen = Behaviour(style=style).style if style else self._control.behaviour.style
        except ValidationError as error:
            raise _unknown(conversation.dialect, conversation.model) from error
        return kind, chosen

    def _check_window(self, conversation: Conversation) -> None:
        window, given = self._control.behaviour.context_window, conversation.input_tokens
        if given <= window:
            return
        if conversation.dialect == "anthropic":
            raise ModelError(400, f"prompt is too long: {given} tokens > {window} maximum")
        raise ModelError(
            400,
            f"This model's maximum context length is {window} tokens. However, your messages resulted in {given}"
            " tokens. Please reduce the length of the messages.",
            code="context_length_exceeded",
            parameter="messages",
        )

    async def _count(self, request: web.Request, received: Received) -> web.StreamResponse:
        try:
            counted = TokenCountRequest.model_validate(received.body)
        except ValidationError as error:
            raise anthropic_requests.refused(error) from error
        conversation = Conversation("anthropic", counted.model, counted.turns(), stream=False)
        self._model(conversation)
        received.outcome = "complete"
        return web.json_response({"input_tokens": conversation.input_tokens})

    async def _embed(self, request: web.Request, received: Received) -> web.StreamResponse:
        try:
            asked = EmbeddingRequest.model_validate(received.body)
        except ValidationError as error:
            raise openai_requests.refused(error) from error
        texts = asked.texts()
        if self._control.behaviour.aliases.get(asked.model, asked.model) != EMBEDDING_MODEL:
            raise _unknown("openai", asked.model)
        fault = self._control.faults.take(
            Conversation("openai", asked.model, (), stream=False, user=asked.user), request.headers
        )
        if fault is not None and fault.kind == "http":
            received.outcome = "fault"
            raise ModelError(fault.status, retry_after=fault.retry_after)
        vectors = [embeddings.embed(text, asked.dimensions or embeddings.DEFAULT_DIMENSIONS) for text in texts]
        data: list[dict[str, Any]] = [
            {
                "object": "embedding",
                "index": index,
                "embedding": embeddings.encoded(vector) if asked.encoding_format == "base64" else vector,
            }
            for index, vector in enumerate(vectors)
        ]
        used = sum(tokens.count(text) for text in texts)
        received.outcome = "complete"
        usage = {"prompt_tokens": used, "total_tokens": used}
        return web.json_response({"object": "list", "data": data, "model": asked.model, "usage": usage})

    async def _list_models(self, request: web.Request) -> web.Response:
        dialect = _asking(request)
        try:
            self._admit(dialect, request)
        except ModelError as error:
            return errors.response(dialect, error)
        data = [_described(dialect, name) for name in self._names(dialect)]
        if dialect == "openai":
            return web.json_response({"object": "list", "data": data})
        page = {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
        return web.json_response(page)

    async def _show_model(self, request: web.Request) -> web.Response:
        dialect, name = _asking(request), request.match_info["model"]
        try:
            self._admit(dialect, request)
            if name not in self._names(dialect):
                raise _unknown(dialect, name)
        except ModelError as error:
            return errors.response(dialect, error)
        return web.json_response(_described(dialect, name))

    def _names(self, dialect: Dialect) -> list[str]:
        """The names that were given to models come before their own."""
        own = [name for name, (spoken, _) in MODELS.items() if spoken == dialect]
        if dialect == "openai":
            own.append(EMBEDDING_MODEL)
        return [*(alias for alias, name in self._control.behaviour.aliases.items() if name in own), *own]


async def _body(request: web.Request) -> Any:
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise ModelError(400, "We could not parse the JSON body of your request.") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise ModelError(413, "Request exceeds the maximum size") from error
    if not isinstance(body, dict):
        raise ModelError(400, "The body of your request must be a JSON object.")
    return body


def _spoiled(answer: Answer, fault: Fault | None) -> Answer:
    """The answer as the fault would have the model give it."""
    if fault is None:
        return answer
    if fault.kind == "empty":
        return Answer((), "stop")
    if fault.kind == "refusal":
        return Answer(answer.tokens[: fault.after_tokens], "refusal")
    if fault.kind == "length":
        return Answer(answer.tokens[: fault.after_tokens], "length")
    return answer


def _unknown(dialect: Dialect, name: str) -> ModelError:
    if dialect == "anthropic":
        return ModelError(404, f"model: {name}")
    return ModelError(
        404, f"The model `{name}` does not exist or you do not have access to it.", code="model_not_found"
    )


def _asking(request: web.Request) -> Dialect:
    return "anthropic" if "anthropic-version" in request.headers else "openai"


def _described(dialect: Dialect, name: str) -> dict[str, Any]:
    if dialect == "openai":
        return {"id": name, "object": "model", "created": MODELS_SINCE, "owned_by": "local"}
    return {"type": "model", "id": name, "display_name": name, "created_at": MODELS_SINCE_TEXT}
