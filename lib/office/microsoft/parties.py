"""Whom Outlook names with an address."""

from lib.office.calling import Json
from lib.office.invisible import line
from lib.office.models import Party


def party(entry: Json | None) -> Party | None:
    """Somebody with an address; Outlook repeats the address where it knows no name."""
    address = (entry or {}).get("emailAddress") or {}
    email, name = line(address.get("address") or ""), line(address.get("name") or "")
    return Party(name="" if name == email else name, email=email) if email else None
