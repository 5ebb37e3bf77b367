"""What Clerk announces, of users and of sessions."""

from typing import Annotated

from pydantic import Field, RootModel

from lib.users.models import ClerkEvent
from lib.users.sessions.models import SessionEvent


class Announcement(RootModel[Annotated[ClerkEvent | SessionEvent, Field(discriminator="type")]]):
    """A webhook of Clerk, as it is handed on."""
