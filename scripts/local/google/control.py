"""The control API of the fake Google (JSON in, JSON out, 400 with a reason when malformed, 404 for an unknown account).

- `POST /_control/faults` with a Fault (provider/faults.py): `{match: {method?, path_prefix?, user?}, kind: error |
  delay | timeout_after_commit | truncate | hang, status?, reason?, message?, delay?, times?, retry_after?}`;
  `times: null` lasts. On `/token`, `reason: invalid_grant` answers as for a revoked token. `GET` lists, `DELETE`
  disarms.
- `GET /_control/requests`: what was called, oldest first; `?user=`, `?operation=` filter. `DELETE` forgets.
- `GET /_control/people`: who has an account, and what a right answer about them cites. `POST` `{known?, unseen?,
  seed?}` puts everybody's data back to what the generator makes of now; grants stay.
- What of grants can be known and changed is described in provider/grant_control.py.
- `POST /_control/expire` `{what: access_tokens | history | sync_tokens, user?}`: at once.
- `POST /_control/quota` `{gmail_user?, gmail_project?, calendar_user?, calendar_project?, status?: 403 | 429}`:
  limits a minute; what was spent is forgotten. `POST /_control/pages` `{short}`: short and empty pages of events.
- `POST /_control/mail` `{user, sender, sender_name?, subject, text, html?, thread_id?, labels?}` delivers a mail and
  answers its id; `POST /_control/labels` `{user, message, add?, remove?}`; `POST /_control/mail/delete`
  `{user, message}`.
- `POST /_control/events` `{user, calendar?, event}` changes the event with the id in `event`, or an instance of a
  series (which makes it an exception); `status: cancelled` deletes it.
"""

import secrets
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from scripts.local import clock
from scripts.local.google.accounts import Account
from scripts.local.google.people_source import people_source
from scripts.local.google.world import Google
from scripts.local.people.models import Message
from scripts.local.provider.control import (
    DeliveredMail,
    PagesRequest,
    Strict,
    Told,
    Unknown,
    UserRequest,
    observer_routes,
    plain,
    reading,
)
from scripts.local.provider.grant_control import grant_routes
from scripts.local.provider.people_source import PeopleRequest, described


class ExpireRequest(Strict):
    """What of whom to make too old; no user means everybody."""

    what: Literal["access_tokens", "history", "sync_tokens"]
    user: str | None = None


class QuotaRequest(Strict):
    """New limits a minute; what is not given stays."""

    gmail_user: int | None = None
    gmail_project: int | None = None
    calendar_user: int | None = None
    calendar_project: int | None = None
    status: Literal[403, 429] | None = None


class MailRequest(DeliveredMail):
    """A mail to deliver now, and where to."""

    thread_id: str | None = None
    labels: tuple[str, ...] = ("INBOX", "UNREAD")


class LabelsRequest(UserRequest):
    """Labels to put on and take off a message."""

    message: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class DeleteMailRequest(UserRequest):
    """A message to delete for good."""

    message: str


class EventRequest(UserRequest):
    """An event's new fields, with its id."""

    calendar: str = "primary"
    event: dict[str, Any] = Field(min_length=1)


def control_routes(google: Google) -> list[web.RouteDef]:
    """The routes under /_control."""
    control = _Control(google)
    return [
        *observer_routes(google.observer),
        *grant_routes(google.grants, google.authorization, control.email),
        web.get("/_control/people", plain(lambda _: control.list_people())),
        web.post("/_control/people", reading(PeopleRequest, control.load_people)),
        web.post("/_control/expire", reading(ExpireRequest, control.expire)),
        web.post("/_control/quota", reading(QuotaRequest, control.set_quota)),
        web.post("/_control/pages", reading(PagesRequest, control.set_pages)),
        web.post("/_control/mail", reading(MailRequest, control.deliver)),
        web.post("/_control/mail/delete", reading(DeleteMailRequest, control.delete_mail)),
        web.post("/_control/labels", reading(LabelsRequest, control.change_labels)),
        web.post("/_control/events", reading(EventRequest, control.change_event)),
    ]


class _Control:
    """What each route does."""

    def __init__(self, google: Google) -> None:
        self._google = google

    def list_people(self) -> Told:
        people = [described(account.person) for account in self._google.accounts.by_email.values()]
        return {"loaded_at": self._google.loaded_at.isoformat(), "people": people}

    def load_people(self, wanted: PeopleRequest) -> Told:
        """Without a word about whom, those whom the configuration names."""
        self._google.load(people_source(wanted) if wanted.model_fields_set else self._google.config.people)
        return self.list_people()

    def expire(self, wanted: ExpireRequest) -> Told:
        if wanted.what == "access_tokens":
            user = self.email(wanted.user) if wanted.user else None
            return {"expired": self._google.grants.expire_access_tokens(user)}
        accounts = [self._account(wanted.user)] if wanted.user else self._google.accounts.by_email.values()
        for account in accounts:
            if wanted.what == "history":
                account.mailbox.forget_history()
            else:
                for calendar in account.calendars.calendars.values():
                    calendar.forget()
        return {}

    def set_quota(self, wanted: QuotaRequest) -> Told:
        for name, value in wanted.model_dump(exclude_none=True).items():
            setattr(self._google.quota.limits, name, value)
        self._google.quota.reset()
        return {}

    def set_pages(self, wanted: PagesRequest) -> Told:
        self._google.behaviour.short_pages = wanted.short
        return {}

    def deliver(self, mail: MailRequest) -> Told:
        account = self._account(mail.user)
        message_id = secrets.token_hex(8)
        earlier = account.mailbox.thread(mail.thread_id) if mail.thread_id else []
        if mail.thread_id and not earlier:
            raise Unknown(mail.thread_id)
        references = tuple(stored.source.rfc822_message_id for stored in earlier)
        message = Message(
            id=message_id,
            thread_id=mail.thread_id or message_id,
            subject=mail.subject,
            sender=(mail.sender_name, mail.sender),
            to=((account.person.name, account.email),),
            cc=(),
            date=clock.now(),
            text=mail.text,
            html=mail.html,
            labels=mail.labels,
            attachments=(),
            rfc822_message_id=f"<{message_id}@mail.gmail.example>",
            in_reply_to=references[-1] if references else None,
            references=references,
        )
        stored = account.mailbox.add(message)
        return {"id": stored.id, "threadId": stored.thread_id, "historyId": str(stored.history_id)}

    def delete_mail(self, wanted: DeleteMailRequest) -> Told:
        mailbox = self._account(wanted.user).mailbox
        if wanted.message not in mailbox.messages:
            raise Unknown(wanted.message)
        mailbox.delete(wanted.message)
        return {}

    def change_labels(self, wanted: LabelsRequest) -> Told:
        mailbox = self._account(wanted.user).mailbox
        if wanted.message not in mailbox.messages:
            raise Unknown(wanted.message)
        mailbox.change_labels(wanted.message, wanted.add, wanted.remove)
        return {}

    def change_event(self, wanted: EventRequest) -> Told:
        calendar = self._account(wanted.user).calendars.find(wanted.calendar)
        if calendar is None:
            raise Unknown(wanted.calendar)
        event_id = str(wanted.event.get("id", ""))
        stored = calendar.events.get(event_id)
        before = stored.resource if stored else calendar.instance(event_id)
        if before is None:
            raise Unknown(event_id)
        return calendar.put(before | wanted.event).resource

    def email(self, user: str) -> str:
        email = self._google.accounts.email_of_hint(user)
        if email is None:
            raise Unknown(user)
        return email

    def _account(self, user: str) -> Account:
        return self._google.accounts.of(self.email(user))
