"""People who have one of everything, with words and ids that nobody else has."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from lib.office.identifiers import encode
from tests.asking import answer, ask
from tests.briefly import Briefly, Client, eventually

DISTINCT_CHARACTERS = 12


@dataclass
class Belongings:
    """A person and what is theirs: `ids` by the names that parameters have, `own` words that only they may see."""

    client: Client
    google: str
    ids: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    titles: set[str] = field(default_factory=set)

    @property
    def briefly(self) -> Briefly:
        return self.client.briefly

    @property
    def user(self) -> str:
        return self.client.user

    def seen_in(self, text: str, sent: str = "") -> list[str]:
        """Which of the own words and ids a text has, but for those that the asker knew and sent."""
        return sorted(word for word in self.own if word in text and word not in sent)

    def cursor_of(self, path: str) -> str:
        """A real cursor of a list."""
        return str(self.client.get(f"{path}?limit=1")["next_cursor"])

    def connect(self) -> None:
        """Connect, or connect again what was disconnected; the account keeps its id."""
        self.ids["account_id"] = self.client.connect_google(self.google)

    def begin_conversation(self, name: str) -> None:
        """A conversation with a question that is answered."""
        title, word = f"Title {secrets.token_hex(8)}", f"word{secrets.token_hex(8)}"
        started = self.client.post("/chat/conversations", {"title": title}, 201)
        _, posted = ask(self.client, f"What do I have today? {word}", started["id"])
        answer(self.client, posted["run"]["id"])
        self.ids |= {
            name: started["id"],
            "message_id": posted["answer_id"],
            "question_id": posted["message_id"],
            "run_id": posted["run"]["id"],
        }
        self.own |= {title, word, *(self.ids[key] for key in (name, "message_id", "question_id", "run_id"))}

    def begin_question(self) -> None:
        """A question of which nobody has read the answer yet."""
        ask(self.client, "And tomorrow?", self.ids["conversation_id"])

    @property
    def redirect_url(self) -> str:
        return self.briefly.state.endpoints.redirect_url("google")


def somebody(briefly: Briefly, google: str) -> Belongings:
    """A new person who has one of everything."""
    person = Belongings(briefly.sign_up(), google)
    _name(person)
    person.connect()
    person.begin_conversation("spare_conversation_id")
    person.begin_conversation("conversation_id")
    _find_mail(person)
    _find_events(person)
    person.own |= {person.user, person.client.email, person.ids["account_id"], google}
    unique = secrets.token_hex(12)
    person.ids |= {"spare_id": f"spare-{unique}", "new_id": f"new-{unique}"}
    person.client.post("/chat/conversations", {"id": person.ids["spare_id"], "title": f"Spare {unique}"}, 201)
    person.own.add(f"Spare {unique}")
    person.absent = {
        "account_id": "acc_" + "0" * 24,
        "conversation_id": f"con_{unique}",
        "message_id": f"msg_{unique}",
        "run_id": "run_" + "0" * 24,
        **{name: _of_nobody(person.ids[name]) for name in ("mail_id", "thread_id", "event_id")},
    }
    eventually(lambda: len(person.client.get("/usage/models")["events"]) == 2)
    return person


def tell_apart(first: Belongings, second: Belongings) -> None:
    """Add to each one's own words the titles of mails and events that the other does not have."""
    for one, other in ((first, second), (second, first)):
        one.own |= {title for title in one.titles - other.titles if len(title) >= DISTINCT_CHARACTERS}


def _name(person: Belongings) -> None:
    name = f"Name{secrets.token_hex(8)}"
    person.briefly.control("clerk", "PATCH", f"users/{person.user}", {"first_name": name})
    eventually(lambda: person.client.get("/users/me")["given_name"] == name)
    person.own.add(name)


def _find_mail(person: Belongings) -> None:
    messages: list[dict[str, Any]] = person.client.get("/mail/?limit=50")["messages"]
    person.ids |= {"mail_id": messages[0]["id"], "thread_id": messages[0]["thread_id"]}
    person.ids["label"] = encode(person.ids["account_id"], "INBOX")
    person.own |= {message["id"] for message in messages} | {message["thread_id"] for message in messages}
    person.titles |= {message["subject"] for message in messages}


def _find_events(person: Belongings) -> None:
    found: list[dict[str, Any]] = person.client.get("/events/?limit=50")["events"]
    person.ids["event_id"] = found[0]["id"]
    person.own |= {event["id"] for event in found}
    person.titles |= {event["title"] for event in found}


def _of_nobody(identifier: str) -> str:
    _, _, rest = identifier.partition(".")
    return f"acc_{'0' * 24}.{rest}"
