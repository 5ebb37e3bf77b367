"""The one HTTP layer: a function's routes, with identity, limits, validation, idempotency, problems and the log line.

A thin adapter of Flask (routing, validation and OpenAPI by flask-openapi3) over the neutral parts of `lib.core`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from inspect import getdoc
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from flask import Response, g, request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.exceptions import MethodNotAllowed as WrongMethod
from werkzeug.exceptions import NotFound as NoRoute

from lib.core import deadline, idempotency, problems, settings, telemetry
from lib.core.environment import Environment
from lib.core.errors import (
    MEDIA_TYPE,
    BodyTooLarge,
    InvalidRequest,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    Problem,
    UnsupportedMediaType,
)
from lib.core.http_models import Answer, ProblemDocument, Strict
from lib.core.identity import (
    CallerSettings,
    GatewaySettings,
    Identity,
    Request,
    admitted_caller,
    admitted_task,
    identify,
    refuse_tasks,
)
from lib.core.limits import Limit
from lib.core.request_log import request_log
from lib.core.secrets import missing

VERSION = "1"
MAXIMUM_BODY_BYTES = 1024 * 1024
REQUEST_BUDGET = timedelta(seconds=25)
IDEMPOTENCY_HEADER = "Idempotency-Key"

__all__ = ["Admits", "Answer", "Service", "Strict"]

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Admits(Enum):
    """Whom a service lets in."""

    GATEWAY = auto()
    """People, proved by the gateway's token and their session; and callers that may name a person."""
    NAMING_CALLERS = auto()
    """Only callers that may name a person."""
    NAMING_FUNCTIONS = auto()
    """Only functions that may name a person, not the tasks that anybody may have enqueued."""
    NAMING_TASKS = auto()
    """Only tasks that Briefly enqueued for a person's sake."""
    CALLERS = auto()
    """Whoever IAM admitted; nobody's person is meant."""
    TASKS = auto()
    """Only tasks that Briefly enqueued for nobody's sake."""
    ANYONE = auto()
    """Everybody: the handler verifies what it gets."""


_BY_TASKS = (Admits.TASKS, Admits.NAMING_TASKS)
_NAMING = (Admits.NAMING_CALLERS, Admits.NAMING_FUNCTIONS, Admits.NAMING_TASKS)


@dataclass(frozen=True)
class _Route:
    name: str
    admits: Admits
    sensitive: bool
    takes_json: bool
    takes_query: bool


class Service:
    """A function's HTTP routes. Called with Flask's request, as functions-framework does, it answers it."""

    def __init__(
        self,
        title: str,
        *,
        admits: Admits = Admits.GATEWAY,
        limit: Limit | None = None,
        requires: tuple[type[settings.Settings], ...] = (),
        secrets: tuple[str, ...] = (),
        budget: timedelta = REQUEST_BUDGET,
    ):
        """A request may take as long as `budget`.

        Raises `InvalidSettings` when the function's environment lacks something, which keeps it from starting.
        """
        identity_settings: dict[Admits, tuple[type[settings.Settings], ...]] = {
            Admits.GATEWAY: (GatewaySettings, CallerSettings),
            **dict.fromkeys(_NAMING, (CallerSettings,)),
        }
        limit_settings = limit.settings if limit is not None else ()
        settings.require(
            Environment,
            *identity_settings.get(admits, ()),
            *limit_settings,
            *requires,
            further=missing(secrets),
        )
        self._admits = admits
        self._limit = limit
        self._budget = budget
        self._routes: dict[str, _Route] = {}
        self._title = title
        self._additions: list[Callable[[OpenAPI, bool], None]] = []
        self.app = _application(title)
        self.app.config["MAX_CONTENT_LENGTH"] = MAXIMUM_BODY_BYTES
        self.app.url_map.strict_slashes = False
        # Werkzeug would answer a doubled slash with a redirect, before identity and without a problem's form.
        self.app.url_map.merge_slashes = False
        self.app.before_request(self._admit)
        self.app.register_error_handler(Exception, _answer_error)

    def __call__(self, framework_request: Any) -> Response:
        with (
            self.app.request_context(framework_request.environ),
            request_log(request.method, request.headers.get("X-Cloud-Trace-Context")) as log,
            deadline.within(self._budget),
        ):
            response = self.app.full_dispatch_request()
            log.status = response.status_code
            response.headers["X-Request-Id"] = log.request_id
            return response

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document of the routes."""
        documented = _application(self._title)
        for add in self._additions:
            add(documented, True)
        document: dict[str, Any] = documented.api_doc
        # flask-openapi3 writes null for want of security schemes, which OpenAPI does not know.
        document["components"].pop("securitySchemes", None)
        return document

    def get(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a route that reads."""
        return self._register("GET", rule, **options)

    def post(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a route that acts."""
        return self._register("POST", rule, **options)

    def put(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a route that replaces."""
        return self._register("PUT", rule, **options)

    def patch(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a route that changes."""
        return self._register("PATCH", rule, **options)

    def delete(self, rule: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a route that removes."""
        return self._register("DELETE", rule, **options)

    def _register(
        self, method: str, rule: str, *, status: int = 200, sensitive: bool = False, admits: Admits | None = None
    ) -> Callable[[Handler], Handler]:
        """The handler's annotations say what it takes (`person`, `path`, `query`, `body`, …) and what it returns.

        `admits` is for a route that lets others in than its service does.
        """

        def register(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            _check_strict(hints)
            name = f"{method} {rule}"
            self._routes[handler.__name__] = _Route(
                name, admits or self._admits, sensitive, takes_json="body" in hints, takes_query="query" in hints
            )
            view = _view(handler, hints, name, status)

            def add(application: OpenAPI, is_documented: bool) -> None:
                getattr(application, method.lower())(
                    rule,
                    responses={status: _documented(hints.get("return"))},
                    summary=(getdoc(handler) or "").partition("\n")[0],
                    operation_id=handler.__name__,
                    openapi_extensions=_extensions(self._routes[handler.__name__]),
                    doc_ui=is_documented,
                )(view)

            # To describe the routes takes a tenth of a start, and who serves them needs no description.
            add(self.app, False)
            self._additions.append(add)
            return handler

        return register

    def _admit(self) -> None:
        """Identity, limits and the body's form, before the library validates the parts."""
        if request.url_rule is None:
            return
        route = self._routes.get(request.endpoint or "")
        if route is None:
            # Of the framework's own, which nobody would have to prove anything for.
            raise NotFound()
        telemetry.add(route=route.name)
        if route.admits is Admits.GATEWAY or route.admits in _NAMING:
            g.identity = self._identify(route)
            telemetry.add(person=telemetry.person_hash(g.identity.person), caller=g.identity.caller)
            if self._limit is not None and g.identity.session is not None:
                self._limit(g.identity.person)
        elif route.admits is Admits.TASKS:
            telemetry.add(caller=admitted_task(request.headers))
        elif route.admits is Admits.CALLERS:
            telemetry.add(caller=admitted_caller(request.headers))
        if request.args and not route.takes_query:
            raise problems.unknown_query(request.args)
        if repeated := [name for name, values in request.args.lists() if len(values) > 1]:
            raise problems.repeated_query(repeated)
        if route.takes_json:
            _check_json()

    def _identify(self, route: _Route) -> Identity:
        if route.admits is Admits.NAMING_TASKS:
            admitted_task(request.headers)
        elif route.admits is Admits.NAMING_FUNCTIONS:
            refuse_tasks(request.headers)
        received = Request(request.headers, request.method, _target(), request.get_data())
        return identify(received, sensitive=route.sensitive)


def _application(title: str) -> OpenAPI:
    return OpenAPI(
        __name__,
        info=Info(title=title, version=VERSION),
        doc_ui=False,
        responses={"default": _PROBLEM_RESPONSE},
        validation_error_status="default",
        validation_error_model=ProblemDocument,
        validation_error_callback=_refuse_invalid,
    )


def _check_strict(hints: dict[str, Any]) -> None:
    """Raises `TypeError` for a model of what callers send that would let unknown fields pass."""
    for name in ("query", "body"):
        if name in hints and not issubclass(hints[name], Strict):
            raise TypeError(f"{hints[name].__name__} has to be Strict")


def _view(handler: Callable[..., Any], hints: dict[str, Any], route: str, status: int) -> Callable[..., Response]:
    """The function that flask-openapi3 calls with the validated parts."""
    given: dict[str, Callable[[], Any]] = {
        "person": lambda: g.identity.person,
        "identity": lambda: g.identity,
        "headers": lambda: dict(request.headers),
        "raw_body": lambda: request.get_data(),
    }

    def view(**arguments: Any) -> Response:
        for name in given.keys() & hints.keys():
            arguments[name] = given[name]()
        return _once(route, status, lambda: _response(handler(**arguments), status))

    view.__name__ = handler.__name__
    view.__annotations__ = {name: hints[name] for name in ("path", "query", "body") if name in hints}
    return view


def _once(route: str, status: int, answer: Callable[[], Response]) -> Response:
    """Answer under the request's idempotency key, if it has one and acts for a person."""
    key = request.headers.get(IDEMPOTENCY_HEADER)
    if key is None or request.method == "GET" or "identity" not in g:
        return answer()
    claim = idempotency.begin(g.identity.person, route, key, _target(), request.get_data(), status)
    if isinstance(claim, idempotency.Replay):
        replayed = {"Idempotency-Replayed": "true"}
        if claim.body is None:
            return Response(status=claim.status, headers=replayed)
        return Response(json.dumps(claim.body), claim.status, replayed, content_type="application/json")
    try:
        response = answer()
    except BaseException:
        idempotency.abandon(claim)
        raise
    idempotency.finish(claim, response.status_code, response.get_json(silent=True))
    return response


def _target() -> str:
    """The request's path with its query, as this function sees it."""
    return request.full_path if request.query_string else request.path


def _response(result: Any, status: int) -> Response:
    answer = result if isinstance(result, Answer) else Answer(result, status)
    if answer.body is None:
        return Response(status=204 if answer.status == 200 else answer.status, headers=answer.headers)
    text = answer.body.model_dump_json(by_alias=True)
    return Response(text, answer.status, answer.headers, content_type="application/json")


def _extensions(route: _Route) -> dict[str, Any]:
    """What OpenAPI has no words for: that a request needs a proof, comes as a task, or is about nobody who asks."""
    told = {
        "x-briefly-sensitive": route.sensitive,
        "x-briefly-task": route.admits in _BY_TASKS,
        "x-briefly-nobodys": route.admits is Admits.CALLERS,
    }
    return {name: True for name, holds in told.items() if holds}


def _documented(model: Any) -> type[BaseModel] | None:
    if get_origin(model) is Answer:
        (model,) = get_args(model)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _check_json() -> None:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType()
    try:
        value = json.loads(request.get_data(), parse_constant=_refuse_constant)
        # JSON can escape half a character, which no text can hold (RFC 7493, section 2.1).
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise MalformedBody() from None
    if not isinstance(value, dict):
        raise MalformedBody("The body has to be a JSON object")


def _refuse_constant(name: str) -> None:
    """Python's own addition to JSON. Raises `ValueError`."""
    raise ValueError(f"{name} is not JSON")


def _refuse_invalid(error: ValidationError) -> Response:
    raise problems.invalid(error)


def _answer_error(error: Exception) -> Response:
    problem = _as_problem(error)
    telemetry.add(problem=problem.type())
    document = json.dumps(problem.document(telemetry.field("request_id")))
    return Response(document, problem.status, problem.headers, content_type=MEDIA_TYPE)


def _as_problem(error: Exception) -> Problem:
    match error:
        case RequestEntityTooLarge():
            return BodyTooLarge()
        case NoRoute():
            return NotFound()
        case WrongMethod():
            return MethodNotAllowed(headers={"Allow": ", ".join(error.valid_methods or ())})
        case HTTPException():
            return InvalidRequest(error.description)
    return problems.problem(error)


_PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "A problem (RFC 9457)",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}
