"""Which properties the resources have, of which type: what $select, $filter and $orderby may name.

Sources: https://learn.microsoft.com/graph/api/resources/message, …/mailfolder, …/attachment, …/event, …/calendar and
…/user
"""

from dataclasses import dataclass
from typing import Literal

from scripts.local.microsoft.graph.errors import bad_request

Primitive = Literal["Edm.String", "Edm.Boolean", "Edm.DateTimeOffset", "Edm.Int32"]
Kind = Primitive | Literal["opaque", "strings"] | dict[str, "Kind"]
"""A primitive, something that cannot be compared, a collection of strings, or a complex value by its properties."""

STRING: Primitive = "Edm.String"
BOOLEAN: Primitive = "Edm.Boolean"
INSTANT: Primitive = "Edm.DateTimeOffset"
NUMBER: Primitive = "Edm.Int32"
PRIMITIVES = (STRING, BOOLEAN, INSTANT, NUMBER)
_ADDRESS: Kind = {"emailAddress": {"name": STRING, "address": STRING}}
_BODY: Kind = {"contentType": STRING, "content": STRING}
_MOMENT: Kind = {"dateTime": STRING, "timeZone": STRING}


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A type by the name that errors give it; `on_request` are the properties that come only when selected."""

    name: str
    properties: dict[str, Kind]
    on_request: frozenset[str] = frozenset()

    def kind_of(self, path: str) -> Kind:
        """The kind of a path such as from/emailAddress/address. Raises GraphError for a property that is none."""
        kind: Kind = dict(self.properties)
        for name in path.split("/"):
            if not isinstance(kind, dict) or name not in kind:
                raise bad_request(f"Could not find a property named '{name}' on type '{self.name}'.")
            kind = kind[name]
        return kind


MESSAGE = ResourceType(
    "microsoft.graph.message",
    {
        "id": STRING,
        "createdDateTime": INSTANT,
        "lastModifiedDateTime": INSTANT,
        "changeKey": STRING,
        "categories": "strings",
        "receivedDateTime": INSTANT,
        "sentDateTime": INSTANT,
        "hasAttachments": BOOLEAN,
        "internetMessageId": STRING,
        "subject": STRING,
        "bodyPreview": STRING,
        "importance": STRING,
        "parentFolderId": STRING,
        "conversationId": STRING,
        "conversationIndex": "opaque",
        "isDeliveryReceiptRequested": BOOLEAN,
        "isReadReceiptRequested": BOOLEAN,
        "isRead": BOOLEAN,
        "isDraft": BOOLEAN,
        "webLink": STRING,
        "inferenceClassification": STRING,
        "body": _BODY,
        "sender": _ADDRESS,
        "from": _ADDRESS,
        "toRecipients": "opaque",
        "ccRecipients": "opaque",
        "bccRecipients": "opaque",
        "replyTo": "opaque",
        "flag": {"flagStatus": STRING},
        "uniqueBody": _BODY,
        "internetMessageHeaders": "opaque",
    },
    frozenset(("uniqueBody", "internetMessageHeaders")),
)
FOLDER = ResourceType(
    "microsoft.graph.mailFolder",
    {
        "id": STRING,
        "displayName": STRING,
        "parentFolderId": STRING,
        "childFolderCount": NUMBER,
        "unreadItemCount": NUMBER,
        "totalItemCount": NUMBER,
        "sizeInBytes": NUMBER,
        "isHidden": BOOLEAN,
    },
)
ATTACHMENT = ResourceType(
    "microsoft.graph.attachment",
    {
        "id": STRING,
        "lastModifiedDateTime": INSTANT,
        "name": STRING,
        "contentType": STRING,
        "size": NUMBER,
        "isInline": BOOLEAN,
    },
)
EVENT = ResourceType(
    "microsoft.graph.event",
    {
        "id": STRING,
        "createdDateTime": INSTANT,
        "lastModifiedDateTime": INSTANT,
        "changeKey": STRING,
        "categories": "strings",
        "transactionId": STRING,
        "originalStartTimeZone": STRING,
        "originalEndTimeZone": STRING,
        "iCalUId": STRING,
        "reminderMinutesBeforeStart": NUMBER,
        "isReminderOn": BOOLEAN,
        "hasAttachments": BOOLEAN,
        "subject": STRING,
        "bodyPreview": STRING,
        "importance": STRING,
        "sensitivity": STRING,
        "originalStart": INSTANT,
        "isAllDay": BOOLEAN,
        "isCancelled": BOOLEAN,
        "isOrganizer": BOOLEAN,
        "responseRequested": BOOLEAN,
        "seriesMasterId": STRING,
        "showAs": STRING,
        "type": STRING,
        "webLink": STRING,
        "onlineMeetingUrl": STRING,
        "isOnlineMeeting": BOOLEAN,
        "onlineMeetingProvider": STRING,
        "allowNewTimeProposals": BOOLEAN,
        "occurrenceId": STRING,
        "isDraft": BOOLEAN,
        "hideAttendees": BOOLEAN,
        "responseStatus": {"response": STRING, "time": INSTANT},
        "body": _BODY,
        "start": _MOMENT,
        "end": _MOMENT,
        "location": {"displayName": STRING},
        "locations": "opaque",
        "recurrence": "opaque",
        "attendees": "opaque",
        "organizer": _ADDRESS,
        "onlineMeeting": "opaque",
    },
)
CALENDAR = ResourceType(
    "microsoft.graph.calendar",
    {
        "id": STRING,
        "name": STRING,
        "color": STRING,
        "hexColor": STRING,
        "isDefaultCalendar": BOOLEAN,
        "changeKey": STRING,
        "canShare": BOOLEAN,
        "canViewPrivateItems": BOOLEAN,
        "canEdit": BOOLEAN,
        "allowedOnlineMeetingProviders": "strings",
        "defaultOnlineMeetingProvider": STRING,
        "isTallyingResponses": BOOLEAN,
        "isRemovable": BOOLEAN,
        "owner": {"name": STRING, "address": STRING},
    },
)
USER = ResourceType(
    "microsoft.graph.user",
    {
        "id": STRING,
        "businessPhones": "strings",
        "displayName": STRING,
        "givenName": STRING,
        "jobTitle": STRING,
        "mail": STRING,
        "mobilePhone": STRING,
        "officeLocation": STRING,
        "preferredLanguage": STRING,
        "surname": STRING,
        "userPrincipalName": STRING,
    },
)
