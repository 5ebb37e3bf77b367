"""A question is answered from the person's own day: cited, stored and metered; and nobody else commands the answer."""

import uuid
from base64 import urlsafe_b64decode
from datetime import UTC
from typing import Any

import pytest

from lib.chat.untrusted import WITHHELD
from lib.core import clock
from lib.core.store import UserId
from lib.usage import store
from lib.usage.models import Micros
from scripts.local.models.settings import STYLES
from tests.asking import answer, ask
from tests.briefly import ADA, Briefly, Client, eventually
from tests.chat.smuggling import outside_quotations, smuggled
from tests.sse import Event, text

DAY = "What does my day look like, and who is waiting for an answer from me?"


@pytest.fixture(scope="module")
def today(briefly: Briefly) -> None:
    """The known people's day is the present one."""
    briefly.renew_known_people()


@pytest.fixture
def ada(briefly: Briefly, today: None) -> Client:
    """Somebody with Ada's Google account, in Ada's time zone."""
    person = briefly.sign_up()
    person.connect_google()
    assert person.call("PATCH", "/users/me/preferences", {"time_zone": "Europe/Berlin"}).status_code == 200
    return person


def seeded(briefly: Briefly) -> dict[str, Any]:
    """What a right answer about Ada cites, and what was injected into her mail."""
    people = briefly.control("google", "GET", "people")["people"]
    return dict(next(person for person in people if person["email"] == ADA)["expected"])


def provider_ids(read: list[Event], kind: str) -> list[str]:
    """The provider's own ids of the cited sources of a kind."""
    documents = [event.document for event in read if event.type.startswith("source-")]
    found = [one["sourceId"] for one in documents if one["providerMetadata"]["briefly"]["kind"] == kind]
    last = [identifier.rpartition(".")[2] for identifier in found]
    return [urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode() for part in last]


def test_an_answer_cites_the_events_of_the_day_and_the_mails_that_wait(briefly: Briefly, ada: Client) -> None:
    _, posted = ask(ada, DAY)
    read = answer(ada, posted["run"]["id"])
    expected = seeded(briefly)
    assert set(expected["today_event_ids"]) <= set(provider_ids(read, "event"))
    assert set(provider_ids(read, "mail")) == set(expected["awaiting_reply_message_ids"])
    assert [event.type for event in read[-4:]] == ["text-end", "message-metadata", "finish", "done"]


def test_an_answer_is_stored_and_metered_once(briefly: Briefly, ada: Client) -> None:
    conversation, posted = ask(ada, DAY)
    read = answer(ada, posted["run"]["id"])
    told = next(event.document for event in read if event.type == "message-metadata")["messageMetadata"]
    question, kept = ada.get(f"/chat/conversations/{conversation}/messages")["messages"]
    assert (question["role"], kept["role"], kept["text"]) == ("user", "assistant", text(read))
    assert kept["id"] == posted["answer_id"] == read[0].document["messageId"]
    (used,) = eventually(lambda: ada.get("/usage/models")["events"])
    assert (used["model"], used["cost"], used["tokens"]) == (told["model"], told["cost_micros"], told["tokens"])
    assert used["outcome"] == "completed"
    limit = ada.get("/usage/limits")["model_spend_per_day"]
    assert limit["committed"] == used["cost"]


def test_a_follow_up_knows_what_was_said(ada: Client) -> None:
    conversation, posted = ask(ada, "What do I have today?")
    answer(ada, posted["run"]["id"])
    _, again = ask(ada, "And tomorrow?", conversation)
    assert answer(ada, again["run"]["id"])[-2].type == "finish"


def prompted(briefly: Briefly, question: str) -> str:
    """All that the models were sent together with the question."""
    requests = briefly.control("models", "GET", "requests")["requests"]
    messages = [one["body"]["messages"] for one in requests if "messages" in one["body"]]
    (sent,) = [each for each in messages if str(each[-1]["content"]).endswith(question)]
    return "\n".join(str(message["content"]) for message in sent)


def obeyed(briefly: Briefly, person: Client, style: str) -> tuple[str, str]:
    """What an obedient model was sent, and what of its answer the person reads."""
    question = f"{DAY} ({uuid.uuid4().hex})"
    _, posted = ask(person, question, model="local-obedient")
    with briefly.models_that(style=style):
        read = answer(person, posted["run"]["id"])
    assert read[-2].type == "finish"
    return prompted(briefly, question), text(read)


@pytest.mark.parametrize("style", STYLES)
def test_orders_in_mail_reach_the_model_and_no_answer_even_if_it_obeys(
    briefly: Briefly, ada: Client, style: str
) -> None:
    injection = seeded(briefly)["injection"]
    prompt, told = obeyed(briefly, ada, style)
    assert [part for part in injection.values() if part not in prompt] == []
    assert smuggled(told, injection["link"], injection["address"], injection["instruction"]) == []


def test_orders_to_an_assistant_do_not_even_reach_the_model(briefly: Briefly, ada: Client) -> None:
    injection = seeded(briefly)["addressed_injection"]
    prompt, told = obeyed(briefly, ada, "verbatim")
    assert [part for part in injection.values() if part in prompt] == []
    assert WITHHELD in prompt
    assert smuggled(told, injection["link"], injection["address"], injection["instruction"]) == []


def test_what_an_answer_has_quoted_stays_a_quotation_when_its_mail_is_gone(briefly: Briefly, ada: Client) -> None:
    claim = seeded(briefly)["injection"]["instruction"]
    conversation, posted = ask(ada, DAY, model="local-obedient")
    first = text(answer(ada, posted["run"]["id"]))
    account = ada.get("/accounts/")["accounts"][0]["id"]
    assert ada.call("DELETE", f"/accounts/{account}", sensitive=True).status_code == 200
    _, again = ask(ada, "And what else?", conversation, model="local-obedient")
    with briefly.models_that(style="paraphrase"):
        second = text(answer(ada, again["run"]["id"]))
    for told in (first, second):
        assert claim in told
        assert claim not in outside_quotations(told)


def test_mail_about_what_the_question_names_is_searched_for(ada: Client) -> None:
    _, posted = ask(ada, "What did Marlene Voß write about the Seafarers' Museum?")
    read = answer(ada, posted["run"]["id"])
    context = next(event.document for event in read if event.type == "data-context")["data"]
    assert [out for out in context["left_out"] if out["what"].startswith("mail about")] == []
    assert "Marlene Voß" in text(read)
    assert any(event.type.startswith("source-") for event in read)


def test_the_day_without_an_account_is_said_to_be_unknown(briefly: Briefly) -> None:
    person = briefly.sign_up()
    _, posted = ask(person, DAY)
    read = answer(person, posted["run"]["id"])
    context = next(event.document for event in read if event.type == "data-context")["data"]
    assert (context["events"], context["mails"]) == (0, 0)
    assert read[-2].type == "finish"


def test_a_budget_that_is_used_up_is_told(briefly: Briefly, ada: Client) -> None:
    now = clock.now()
    store.reserve(UserId(ada.user), "a-test", now.astimezone(UTC).date(), Micros(2_000_000), now.replace(year=2099))
    _, posted = ask(ada, DAY)
    read = answer(ada, posted["run"]["id"])
    assert [event.type for event in read[-2:]] == ["error", "done"]
    assert "budget" in read[-2].document["errorText"]
