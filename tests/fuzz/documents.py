"""The functions' own OpenAPI documents as the fuzzer reads them, and what has to hold of every answer."""

from functools import cache

import schemathesis
from schemathesis import APIOperation, Case, CheckContext, Config, Response
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lib.core.errors import MEDIA_TYPE
from scripts.openapi_document import function_document
from tests.e2e.operations import Operation, functions

# How far a stream is read.
BOUNDS = {"max-stream-events": 500, "request-timeout": 30}


@cache
def document(function: str) -> BaseSchema:
    """What a function says of itself."""
    own = function_document(function, functions()[function])
    return schemathesis.openapi.from_dict(own, config=Config.from_dict(BOUNDS))


def described(operation: Operation) -> APIOperation:
    """An operation as its function's document describes it."""
    found: APIOperation = document(operation.function)[operation.path][operation.method]
    return found


def is_documented_success_or_problem(_: CheckContext, response: Response, case: Case) -> None:
    """Whatever is not a problem (RFC 9457) has a status of its own in the document, and no redirect is one."""
    if response.status_code >= 400:
        assert response.headers["content-type"] == [MEDIA_TYPE], response.headers
        problem = response.json()
        assert problem["type"].startswith("urn:briefly:problem:")
        assert problem["status"] == response.status_code
    else:
        assert str(response.status_code) in case.operation.responses.status_codes, response.status_code


def is_admitted(_: CheckContext, response: Response, __: Case) -> None:
    """Who proves everything rightly is let in, whatever else the request has."""
    assert response.status_code not in (401, 403), response.text


CHECKS = [
    *(not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance),
    *(response_schema_conformance, negative_data_rejection, is_documented_success_or_problem, is_admitted),
]
