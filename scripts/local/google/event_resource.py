"""A person's event as Google's Event resource.

Source: https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from base64 import urlsafe_b64encode

from scripts.local.google import event_times
from scripts.local.people.models import Attendee, Event, Person
from scripts.local.provider.wire import Json


def of_event(event: Event, person: Person) -> Json:
    """The resource without `etag`, which the store gives."""
    names = {attendee.email: attendee.name for attendee in event.attendees} | {person.email: person.name}
    resource: Json = {
        "kind": "calendar#event",
        "id": event.id,
        "status": event.status,
        "htmlLink": html_link(event.id, person.email),
        "created": event_times.rfc3339_milliseconds(event.created),
        "updated": event_times.rfc3339_milliseconds(event.updated),
        "summary": event.summary,
        "creator": someone(event.organizer_email, person.email),
        "organizer": someone(event.organizer_email, person.email, names.get(event.organizer_email)),
        "start": event_times.write(event.start, event.time_zone),
        "end": event_times.write(event.end, event.time_zone),
        "iCalUID": f"{event.recurring_event_id or event.id}@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
    }
    optional = {"description": event.description, "location": event.location}
    resource |= {name: value for name, value in optional.items() if value}
    if event.recurrence:
        resource["recurrence"] = list(event.recurrence)
    if event.recurring_event_id and event.original_start is not None:
        resource["recurringEventId"] = event.recurring_event_id
        resource["originalStartTime"] = event_times.write(event.original_start, event.time_zone)
    if event.transparency == "transparent":
        resource["transparency"] = "transparent"
    if event.attendees:
        resource["attendees"] = [_attendee(attendee) for attendee in event.attendees]
    return resource | (_meeting(event.meet_link) if event.meet_link else {})


def html_link(event_id: str, email: str) -> str:
    """Where the event is shown."""
    packed = urlsafe_b64encode(f"{event_id} {email}".encode()).decode().rstrip("=")
    return f"https://www.google.com/calendar/event?eid={packed}"


def someone(email: str, owner: str, name: str | None = None) -> Json:
    """A creator or organizer."""
    described: Json = {"email": email}
    if name:
        described["displayName"] = name
    return described | {"self": True} if email == owner else described


def _attendee(attendee: Attendee) -> Json:
    described: Json = {"email": attendee.email, "responseStatus": attendee.response}
    if attendee.name:
        described["displayName"] = attendee.name
    if attendee.organizer:
        described["organizer"] = True
    return described | {"self": True} if attendee.is_self else described


def _meeting(link: str) -> Json:
    entry = {"entryPointType": "video", "uri": link, "label": link.removeprefix("https://")}
    solution = {
        "key": {"type": "hangoutsMeet"},
        "name": "Google Meet",
        "iconUri": "https://fonts.gstatic.com/s/i/productlogos/meet_2020q4/v6/web-512dp/logo_meet_2020q4_color_2x_web_512dp.png",
    }
    conference = {
        "entryPoints": [entry],
        "conferenceSolution": solution,
        "conferenceId": link.rsplit("/", 1)[-1],
    }
    return {"hangoutLink": link, "conferenceData": conference}
