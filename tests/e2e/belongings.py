"""People who have one of everything, with words and ids that nobody else has."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from lib.core.store import UserId
from lib.office.identifiers import encode
from lib.users.sessions import store as sessions
from tests.asking import answer, ask
from tests.briefly import Briefly, Client, eventually

DISTINCT_CHARACTERS = 12
INBOXES = {"google": "INBOX", "microsoft": "inbox"}
"""What providers call where mail arrives."""


@dataclass
class Belongings:
    """A person and what is theirs: ids by the names that parameters have, `own` words that only they may see."""

    client: Client
    emails: dict[str, str]
    """The addresses of the accounts, by provider."""
    ids: dict[str, str] = field(default_factory=dict)
    ids_at: dict[str, dict[str, str]] = field(default_factory=dict)
    """Those of what is kept by a provider, or for the account there."""
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

    def id(self, name: str, provider: str) -> str:
        """What a parameter names; of what there is at several providers, that of this one."""
        return (self.ids | self.ids_at[provider])[name]

    def absent_id(self, name: str, provider: str) -> str:
        """Like `id`, but nobody has what it names."""
        at_provider = {key: _of_nobody(value) for key, value in self.ids_at[provider].items()}
        return (self.absent | at_provider)[name]

    def connect(self, provider: str) -> None:
        """Connect, or connect again what was disconnected; the account keeps its id."""
        self.ids_at.setdefault(provider, {})["account_id"] = self.client.connect(provider, self.emails[provider])

    def connect_all(self) -> None:
        """Connect all accounts, or connect them again."""
        for provider in self.emails:
            self.connect(provider)

    def of_account(self, provider: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Which of what was found belongs to the account at the provider."""
        account = self.ids_at[provider]["account_id"]
        return [one for one in found if str(one["id"]).startswith(f"{account}.")]

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

    def export_everything(self) -> None:
        """An export that can be fetched."""
        export = self.client.post("/users/me/exports", None, 202, sensitive=True)["id"]
        self.wait_for_exports()
        self.ids["export_id"] = export
        notices = self.client.get("/users/me/notices")["notices"]
        self.ids["notice_id"] = next(one["id"] for one in notices if one["subject"] == export)
        self.own |= {export, self.ids["notice_id"]}

    def wait_for_exports(self) -> None:
        """Until no export is being made."""
        exports = "/users/me/exports"
        eventually(lambda: all(one["state"] == "ready" for one in self.client.get(exports)["exports"]))

    def ask_for_deletion(self) -> None:
        """A deletion that can be undone for many days."""
        self.client.post("/users/me/deletion", {"confirmation": "delete everything"}, 202, sensitive=True)

    def sign_in_elsewhere(self) -> None:
        """One more session, which Briefly was told of."""
        session = str(self.briefly.control("clerk", "POST", "sessions", {"user_id": self.user})["id"])
        eventually(lambda: session in {one.id for one in sessions.live(UserId(self.user))})
        self.ids["session_id"] = session
        self.own.add(session)

    def begin_question(self) -> None:
        """A question of which nobody has read the answer yet."""
        ask(self.client, "And tomorrow?", self.ids["conversation_id"])

    def redirect_url(self, provider: str) -> str:
        return self.briefly.state.endpoints.redirect_url(provider)


def somebody(briefly: Briefly, **emails: str) -> Belongings:
    """A new person who has one of everything, and of what providers keep one at each of these, by address."""
    person = Belongings(briefly.sign_up(), emails)
    _name(person)
    person.connect_all()
    person.begin_conversation("spare_conversation_id")
    person.begin_conversation("conversation_id")
    _find_mail(person)
    _find_events(person)
    # Twice, so that there is more than a page of notices about it.
    person.export_everything()
    person.export_everything()
    person.ask_for_deletion()
    person.sign_in_elsewhere()
    accounts = {ids["account_id"] for ids in person.ids_at.values()}
    person.own |= {person.user, person.client.email, *accounts, *emails.values()}
    unique = secrets.token_hex(12)
    person.ids |= {"spare_id": f"spare-{unique}", "new_id": f"new-{unique}"}
    person.client.post("/chat/conversations", {"id": person.ids["spare_id"], "title": f"Spare {unique}"}, 201)
    person.own.add(f"Spare {unique}")
    person.absent = {
        "conversation_id": f"con_{unique}",
        "message_id": f"msg_{unique}",
        "run_id": "run_" + "0" * 24,
        "export_id": "exp_" + "0" * 26,
        "session_id": f"sess_{unique}",
        "notice_id": "ntc_" + "0" * 24,
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
    for provider, ids in person.ids_at.items():
        newest = person.of_account(provider, messages)[0]
        ids |= {"mail_id": newest["id"], "thread_id": newest["thread_id"]}
        ids["label"] = encode(ids["account_id"], INBOXES[provider])
    person.own |= {message["id"] for message in messages} | {message["thread_id"] for message in messages}
    person.titles |= {message["subject"] for message in messages}


def _find_events(person: Belongings) -> None:
    found: list[dict[str, Any]] = person.client.get("/events/?limit=50")["events"]
    for provider, ids in person.ids_at.items():
        ids["event_id"] = person.of_account(provider, found)[0]["id"]
    person.own |= {event["id"] for event in found}
    person.titles |= {event["title"] for event in found}


def _of_nobody(identifier: str) -> str:
    _, point, rest = identifier.partition(".")
    return f"acc_{'0' * 24}{point}{rest}"
