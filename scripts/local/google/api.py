"""The APIs: finds the method, judges token, scopes, parameters and quota, calls the handler, and judges its answer.

A handler that breaks Google's contract makes the emulator answer 500 with what is wrong, so that a test fails loudly.
Errors: https://developers.google.com/workspace/gmail/api/guides/handle-errors
"""

import logging
from dataclasses import dataclass
from typing import Any

import orjson

from scripts.local.google import (
    calendar_events,
    calendar_lists,
    calendar_writing,
    discovery,
    field_mask,
    gmail_mailbox,
    gmail_messages,
    parameters,
    sign_in,
)
from scripts.local.google.accounts import Accounts
from scripts.local.google.api_request import ApiRequest, Handler
from scripts.local.google.discovery import Match
from scripts.local.google.errors import ApiError, invalid_argument
from scripts.local.google.grants import AccessToken, Grants
from scripts.local.google.quota import Quota
from scripts.local.google.required_fields import missing
from scripts.local.google.schema import violations
from scripts.local.google.settings import Behaviour
from scripts.local.google.token_information import bearer
from scripts.local.provider.wire import Answer, Call, Json, json_answer

HANDLERS: dict[str, Handler] = {
    **gmail_messages.HANDLERS,
    **gmail_mailbox.HANDLERS,
    **calendar_lists.HANDLERS,
    **calendar_events.HANDLERS,
    **calendar_writing.HANDLERS,
    **sign_in.HANDLERS,
}
_REALM = 'Bearer realm="https://accounts.google.com/"'
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_logger = logging.getLogger(__name__)


class ContractBroken(Exception):
    """An answer of ours is not one that Google would give."""


@dataclass(slots=True)
class Api:
    """Answers the calls to discovery-described methods."""

    accounts: Accounts
    grants: Grants
    quota: Quota
    behaviour: Behaviour
    client_id: str

    def user_of(self, call: Call) -> str | None:
        """Whose token a call carries, alive or not."""
        token = self.grants.access_tokens.get(bearer(call) or "")
        return token.email if token else None

    def operation_of(self, call: Call) -> str | None:
        """The method id, for the record."""
        match = discovery.find(call.method, call.path)
        return match.method.id if match else None

    def answer(self, call: Call) -> Answer:
        """One call, judged from the outside in."""
        try:
            return self._answer(call)
        except ApiError as refusal:
            return refusal.answer()
        except ContractBroken as broken:
            _logger.error("%s %s: %s", call.method, call.path, broken)
            return ApiError(500, "contractBroken", f"The emulator broke Google's contract: {broken}").answer()

    def _answer(self, call: Call) -> Answer:
        match = discovery.find(call.method, call.path)
        if match is None:
            raise _no_such_method(call)
        handler = HANDLERS.get(match.method.id)
        if handler is None:
            raise ApiError(501, "notImplemented", f"{match.method.id} is not imitated by the local Google.")
        token = self._authorized(call, match)
        given = parameters.read(match.method, match.path_parameters, call.query)
        body = _read_body(call, match)
        self.quota.spend(match.method.id, token.email)
        request = ApiRequest(
            account=self.accounts.of(token.email),
            token=token,
            parameters=given,
            body=body,
            behaviour=self.behaviour,
            client_id=self.client_id,
        )
        answer = handler(request)
        _check_contract(match, given.text("format"), answer)
        if mask := given.text("fields"):
            answer = field_mask.apply(field_mask.parse(mask), answer)
        headers = {"ETag": answer["etag"]} if "etag" in answer else {}
        return json_answer(answer, headers=headers)

    def _authorized(self, call: Call, match: Match) -> AccessToken:
        """The living token with a scope that the method takes: else 401 or 403."""
        value = bearer(call)
        if value is None:
            raise _unauthenticated("required", "Login Required.", _REALM)
        token = self.grants.access_tokens.get(value)
        if token is None or not token.alive or token.email not in self.accounts.by_email:
            challenge = f'{_REALM}, error="invalid_token"'
            raise _unauthenticated("authError", "Invalid Credentials", challenge)
        if match.method.scopes and not set(match.method.scopes) & set(token.scopes):
            raise _scope_insufficient(match)
        return token


def _no_such_method(call: Call) -> ApiError:
    if discovery.path_exists(call.path):
        return ApiError(405, "httpMethodNotAllowed", "The HTTP method is not allowed.")
    return ApiError(404, "notFound", "Not Found")


def _unauthenticated(reason: str, message: str, challenge: str) -> ApiError:
    """401: https://developers.google.com/workspace/calendar/api/guides/errors#401_invalid_credentials"""
    return ApiError(
        401,
        reason,
        message,
        location=("header", "Authorization"),
        headers={"WWW-Authenticate": challenge},
    )


def _scope_insufficient(match: Match) -> ApiError:
    """403: https://developers.google.com/workspace/gmail/api/guides/handle-errors"""
    service = {"gmail": "gmail.googleapis.com", "calendar": "calendar-json.googleapis.com"}
    metadata = {"service": service.get(match.document.name, "oauth2.googleapis.com"), "method": match.method.id}
    details: Json = {
        "@type": _ERROR_INFO,
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    challenge = f'{_REALM}, error="insufficient_scope", scope="{" ".join(match.method.scopes)}"'
    message = "Request had insufficient authentication scopes."
    headers = {"WWW-Authenticate": challenge}
    return ApiError(403, "insufficientPermissions", message, details=(details,), headers=headers)


def _read_body(call: Call, match: Match) -> Json:
    """The request's JSON, judged by its schema; local times without offset are left to the handler."""
    if match.method.request is None:
        return {}
    try:
        body = _without_nulls(orjson.loads(call.body or b"{}"))
    except orjson.JSONDecodeError:
        raise ApiError(400, "parseError", "Parse Error") from None
    wrong = [
        text
        for text in violations(match.document.schemas, {"$ref": match.method.request}, body)
        if not _is_local_time(text)
    ]
    if wrong:
        path, _, problem = wrong[0].partition(": ")
        name = path.rpartition(".")[2]
        if problem == "unknown field":
            where = f" at '{path.removeprefix('$.').rpartition('.')[0]}'" if path.count(".") > 1 else ""
            message = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
        else:
            message = f"Invalid value at '{path.removeprefix('$.')}': {problem}"
        raise invalid_argument(message, (message,))
    return dict(body)


def _without_nulls(value: Any) -> Any:
    """The value without fields that are null: to Google they are not there."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _is_local_time(violation: str) -> bool:
    """A dateTime without offset is right when a timeZone stands beside it, which the schema cannot say."""
    return violation.startswith(("$.start.dateTime:", "$.end.dateTime:")) and "date-time" in violation


def _check_contract(match: Match, form: str | None, answer: Json) -> None:
    wrong: list[str] = []
    if match.method.response:
        wrong += violations(match.document.schemas, {"$ref": match.method.response}, answer)
    wrong += missing(match.method.id, form, answer)
    if wrong:
        raise ContractBroken("; ".join(wrong))
