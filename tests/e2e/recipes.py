"""How each operation is exercised: by the owner of what it names, and by somebody else.

An operation without a recipe fails the tests, and so does a recipe whose operation is gone.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import requests

from tests import clerk
from tests.briefly import READING_MAIL
from tests.e2e.belongings import Belongings
from tests.e2e.operations import Operation

PROVIDERS = tuple(READING_MAIL)
NOT_FOUND = (404, "not-found")
OWN = (200, "")
"""The other gets their own, and nothing of the owner's."""

NAMES = {
    ("mail", "message_id"): "mail_id",
}
"""Where a parameter's name means something else than elsewhere."""

IDS = {
    *("account_id", "conversation_id", "message_id", "run_id", "thread_id", "event_id", "export_id"),
    *("session_id", "notice_id", "id", "label", "cursor"),
}
PLAIN = {
    *("limit", "first", "last", "start", "end", "q", "text", "from", "to", "subject", "unread", "has_attachment"),
    *("after", "before", "theme", "time_zone", "locale", "week_start", "working_hours", "default_calendars"),
    *("signatures", "chat", "notifications", "privacy", "title", "model", "thumb", "purpose", "scopes"),
    *("provider", "redirect_url", "login_hint", "iss", "refused_token_hash", "Last-Event-ID", "last_event_id"),
    *("confirmation", "receipt", "capabilities"),
}
PROOFS = {"state", "code", "code_verifier"}
"""Parameters that name nothing of a person's but prove a consent; their recipes give them as the owner got them."""


def _nothing(_: Belongings) -> None:
    return


def through_the_gateway(
    operation: Operation, asker: Belongings, path: str, body: dict[str, Any] | None
) -> requests.Response:
    """Ask as the asker, whom the gateway vouches for."""
    return asker.client.call(operation.method, path, body, sensitive=operation.sensitive)


def for_a_whole_export(
    operation: Operation, asker: Belongings, path: str, body: dict[str, Any] | None
) -> requests.Response:
    """Ask as the asker, and wait for what that begins."""
    answer = through_the_gateway(operation, asker, path, body)
    asker.wait_for_exports()
    return answer


def as_a_sibling(operation: Operation, asker: Belongings, path: str, body: dict[str, Any] | None) -> requests.Response:
    """Ask as a function that names the asker."""
    inner = path.removeprefix(f"/{operation.function}")
    return asker.briefly.as_function("mail", operation.function, inner, asker.user, body)


def as_a_task(operation: Operation, asker: Belongings, path: str, body: dict[str, Any] | None) -> requests.Response:
    """Ask as a task that Briefly enqueued, for the asker's sake or for nobody's."""
    inner = path.removeprefix(f"/{operation.function}")
    return asker.briefly.as_function("tasks-invoker", operation.function, inner, asker.user, body)


def as_a_sibling_for_a_while(
    operation: Operation, asker: Belongings, path: str, body: dict[str, Any] | None
) -> requests.Response:
    """Ask as a function that names the asker, and give back what that ends of the asker's own."""
    answer = as_a_sibling(operation, asker, path, body)
    asker.connect_all()
    return answer


def as_clerk_or_not(_: Operation, asker: Belongings, __: str, body: dict[str, Any] | None) -> requests.Response:
    """Deliver a webhook: of the asker's own it is Clerk's, of somebody else's the asker has to forge it."""
    assert body is not None
    text, own = json.dumps(body), body["data"]["id"] == asker.user
    key = clerk.secret(asker.briefly) if own else "whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2Vk"
    return clerk.deliver(asker.briefly, text, clerk.signed(asker.briefly, text, key=key))


Body = Callable[[Belongings, Belongings], dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """One way to exercise an operation.

    `query` and `body` name things of the owner's (`body` is also told who asks). `provider`: where the account is that
    it is about, if it is about one. `others`: what somebody else gets.
    `shows`: the owner's answer holds words of their own; `proof`: it holds this text, and nobody else's does.
    `asker_path`: the path names the asker's things, so that only query and body name the owner's.
    `restore`: gives back what the owner's request ends. `covers`: the ids that query and body give.
    """

    others: tuple[int, str] = NOT_FOUND
    query: Callable[[Belongings], dict[str, str]] | None = None
    body: Body | None = None
    shows: bool = True
    proof: str = ""
    provider: str = PROVIDERS[0]
    asker_path: dict[str, str] | None = None
    prepare: Callable[[Belongings], None] = _nothing
    restore: Callable[[Belongings], None] = _nothing
    ask: Callable[[Operation, Belongings, str, dict[str, Any] | None], requests.Response] = through_the_gateway
    covers: tuple[str, ...] = ()


def path_of(operation: Operation, recipe: Recipe, owner: Belongings, values: dict[str, str]) -> str:
    """The path of a call, with its query."""
    query = urlencode(recipe.query(owner)) if recipe.query else ""
    return operation.filled(values) + (f"?{query}" if query else "")


def _cursor(path: str) -> Recipe:
    return Recipe(
        others=(400, "invalid-cursor"),
        query=lambda owner: {"limit": "1", "cursor": owner.cursor_of(path)},
        covers=("cursor",),
    )


def _cursor_of_messages() -> Recipe:
    return Recipe(
        others=(400, "invalid-cursor"),
        asker_path={"conversation_id": "conversation_id"},
        query=lambda owner: {
            "limit": "1",
            "cursor": owner.cursor_of(f"/chat/conversations/{owner.ids['conversation_id']}/messages"),
        },
        covers=("cursor",),
    )


def _begin(provider: str) -> Recipe:
    def wish(owner: Belongings, _: Belongings) -> dict[str, Any]:
        return {"provider": provider, "redirect_url": owner.redirect_url(provider)}

    return Recipe(OWN, body=wish, shows=False)


def _begin_again(provider: str) -> Recipe:
    def wish(owner: Belongings, _: Belongings) -> dict[str, Any]:
        return {
            "provider": provider,
            "redirect_url": owner.redirect_url(provider),
            "account_id": owner.id("account_id", provider),
        }

    return Recipe(body=wish, shows=False, covers=("account_id",))


def _finish(provider: str) -> Recipe:
    def consent(owner: Belongings, _: Belongings) -> dict[str, Any]:
        return owner.client.consent_at(provider, owner.emails[provider])

    return Recipe((409, "state-invalid"), body=consent)


def _exchange(provider: str) -> Recipe:
    def wish(owner: Belongings, asker: Belongings) -> dict[str, Any]:
        code, verifier = owner.client.code_at(provider, owner.emails[provider])
        if asker is not owner:
            _, verifier = asker.client.code_at(provider, asker.emails[provider])
        redirect_url = owner.redirect_url(provider)
        account_id = owner.id("account_id", provider)
        bound = {"code_verifier": verifier, "redirect_url": redirect_url, "account_id": account_id}
        return {"provider": provider, "code": code, **bound}

    return Recipe((422, "code-refused"), body=wish, ask=as_a_sibling, covers=("account_id",))


def _hand_out(provider: str) -> Recipe:
    def wish(owner: Belongings, _: Belongings) -> dict[str, Any]:
        account_id = owner.id("account_id", provider)
        return {"account_id": account_id, "purpose": "read mail", "scopes": [READING_MAIL[provider]]}

    return Recipe(body=wish, shows=False, ask=as_a_sibling, covers=("account_id",))


def _shred(provider: str) -> Recipe:
    """Shredding what is not there is done already: only the owner's tokens are there to be revoked.

    Microsoft revokes no single grant, so that it says the same to everybody.
    """
    proof = '"revoked_at_provider":true' if provider == "google" else ""
    return Recipe(
        OWN,
        body=lambda owner, _: _account(owner, provider),
        shows=False,
        proof=proof,
        ask=as_a_sibling,
        restore=lambda owner: owner.connect(provider),
        covers=("account_id",),
    )


def _account_task(provider: str) -> Recipe:
    """What is due is done by whoever is first told; of what is not there, nothing is due."""
    return Recipe(
        OWN,
        body=lambda owner, _: {"account_id": owner.id("account_id", provider)},
        shows=False,
        ask=as_a_task,
        covers=("account_id",),
    )


def _account(owner: Belongings, provider: str) -> dict[str, Any]:
    return {"account_id": owner.id("account_id", provider), "purpose": "a test"}


def _disconnect(provider: str) -> Recipe:
    return Recipe(shows=False, restore=lambda owner: owner.connect(provider))


def _mail_with_label(provider: str) -> Recipe:
    return Recipe(query=lambda owner: {"label": owner.id("label", provider)}, shows=False, covers=("label",))


def _at_each_provider(make: Callable[[str], Recipe] = lambda _: Recipe()) -> list[Recipe]:
    return [replace(make(provider), provider=provider) for provider in PROVIDERS]


def _profile(owner: Belongings, _: Belongings) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(clerk.user_event("user.updated", owner.user, 1, first_name="Somebody"))
    return event


RECIPES: dict[str, list[Recipe]] = {
    "GET /users/me": [Recipe(OWN)],
    "GET /users/me/preferences": [Recipe(OWN, shows=False)],
    "PATCH /users/me/preferences": [Recipe(OWN, body=lambda *_: {"theme": "dark"}, shows=False)],
    "POST /users/me/exports": [Recipe(OWN, shows=False, ask=for_a_whole_export)],
    "GET /users/me/exports": [Recipe(OWN)],
    "GET /users/me/exports/{export_id}": [Recipe()],
    "POST /users/me/exports/{export_id}/links": [Recipe()],
    "POST /users/me/deletion": [Recipe(OWN, body=lambda *_: {"confirmation": "delete everything"}, shows=False)],
    "GET /users/me/deletion": [Recipe(OWN, prepare=Belongings.ask_for_deletion, shows=False)],
    "DELETE /users/me/deletion": [
        Recipe(OWN, prepare=Belongings.ask_for_deletion, restore=Belongings.ask_for_deletion, shows=False)
    ],
    "GET /users/me/notices": [Recipe(OWN), _cursor("/users/me/notices")],
    "POST /users/me/notices/{notice_id}/read": [Recipe(shows=False)],
    "GET /users/me/audit": [Recipe(OWN, shows=False), replace(_cursor("/users/me/audit"), shows=False)],
    "GET /users/me/audit/verification": [Recipe(OWN, shows=False)],
    "GET /users/me/sessions": [Recipe(OWN)],
    # What somebody ends so are their own sessions.
    "DELETE /users/me/sessions": [Recipe(OWN, shows=False, restore=Belongings.sign_in_elsewhere)],
    "DELETE /users/me/sessions/{session_id}": [Recipe(shows=False, restore=Belongings.sign_in_elsewhere)],
    "GET /accounts/": [Recipe(OWN)],
    "GET /accounts/{account_id}": _at_each_provider(),
    "POST /accounts/connections": [*_at_each_provider(_begin), *_at_each_provider(_begin_again)],
    "POST /accounts/connections/finish": _at_each_provider(_finish),
    "DELETE /accounts/{account_id}": _at_each_provider(_disconnect),
    "POST /tokens/exchanges": _at_each_provider(_exchange),
    "POST /tokens/access-tokens": _at_each_provider(_hand_out),
    "POST /tokens/shreddings": _at_each_provider(_shred),
    "POST /tokens/erasures": [
        # Everybody's own is erased: nobody's tokens end by what another asks.
        Recipe(
            OWN,
            body=lambda *_: {"purpose": "a test"},
            shows=False,
            ask=as_a_sibling_for_a_while,
        )
    ],
    "POST /tokens/sweeps/rotations": [Recipe(OWN, shows=False, ask=as_a_task)],
    "POST /tokens/sweeps/epochs": [Recipe(OWN, shows=False, ask=as_a_task)],
    "POST /tokens/refreshes": _at_each_provider(_account_task),
    "POST /tokens/revocations": _at_each_provider(_account_task),
    "POST /tokens/sweeps/refreshes": [Recipe(OWN, body=lambda *_: {}, shows=False, ask=as_a_task)],
    "POST /tokens/sweeps/revocations": [Recipe(OWN, body=lambda *_: {}, shows=False, ask=as_a_task)],
    "GET /mail/": [
        Recipe(OWN),
        *_at_each_provider(_mail_with_label),
        _cursor("/mail/"),
    ],
    "GET /mail/labels": [Recipe(OWN)],
    "GET /mail/threads/{thread_id}": _at_each_provider(),
    "GET /mail/{message_id}": _at_each_provider(),
    "GET /events/": [Recipe(OWN), _cursor("/events/")],
    "GET /events/calendars": [Recipe(OWN)],
    "GET /events/{event_id}": _at_each_provider(),
    "GET /chat/conversations": [Recipe(OWN), _cursor("/chat/conversations")],
    "POST /chat/conversations": [
        Recipe(OWN, body=lambda *_: {}, shows=False),
        Recipe(OWN, body=lambda owner, _: {"id": owner.ids["spare_id"]}, covers=("id",)),
    ],
    "GET /chat/conversations/{conversation_id}": [Recipe()],
    "PATCH /chat/conversations/{conversation_id}": [Recipe(body=lambda *_: {"title": "Renamed"})],
    "GET /chat/conversations/{conversation_id}/messages": [Recipe(), _cursor_of_messages()],
    "POST /chat/conversations/{conversation_id}/messages": [
        Recipe(body=lambda *_: {"id": uuid.uuid4().hex, "text": "And then?"}),
        Recipe(
            OWN,
            asker_path={"conversation_id": "spare_conversation_id"},
            body=lambda owner, _: {"id": owner.ids["new_id"], "text": "Whose is this?"},
            covers=("id",),
        ),
    ],
    "PUT /chat/conversations/{conversation_id}/messages/{message_id}/feedback": [
        Recipe(body=lambda *_: {"thumb": "up"})
    ],
    "GET /chat/runs/{run_id}": [Recipe()],
    "POST /chat/runs/{run_id}/stop": [Recipe()],
    "GET /stream/runs/{run_id}": [Recipe()],
    "GET /stream/conversations/{conversation_id}/stream": [Recipe(prepare=Belongings.begin_question, shows=False)],
    "GET /usage/": [Recipe(OWN, shows=False)],
    "GET /usage/limits": [Recipe(OWN, shows=False)],
    "GET /usage/models": [Recipe(OWN), _cursor("/usage/models")],
    "POST /webhooks/clerk": [Recipe((401, "invalid-signature"), body=_profile, shows=False, ask=as_clerk_or_not)],
    "DELETE /chat/conversations/{conversation_id}": [Recipe(shows=False)],
}
