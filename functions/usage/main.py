"""What a person used, and the limits that hold."""

from datetime import date
from typing import Annotated, Any

import functions_framework
from pydantic import Field

from lib.core.cursor import SECRET as CURSOR_KEY
from lib.core.http import Service, Strict
from lib.core.http_models import SpelledOut
from lib.core.store import UserId
from lib.usage import reports
from lib.usage.models import Limits, ModelUsedPage, UsageReport
from lib.usage.rate import requests_per_minute

service = Service("Usage", limit=requests_per_minute, secrets=(CURSOR_KEY,))


class Span(Strict):
    """Days, both included."""

    first: Annotated[date, SpelledOut] | None = None
    last: Annotated[date, SpelledOut] | None = None


class Page(Strict):
    """A page of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


@service.get("/")
def read_usage(person: UserId, query: Span) -> UsageReport:
    """What was used, day by day"""
    return reports.report(person, query.first, query.last)


@service.get("/limits")
def read_limits(person: UserId) -> Limits:
    """Which limits hold and how far they are used"""
    return reports.limits(person)


@service.get("/models")
def list_model_uses(person: UserId, query: Page) -> ModelUsedPage:
    """Every call of a model, newest first"""
    return reports.model_uses(person, query.limit, query.cursor)


@functions_framework.http
def usage(request: Any) -> Any:
    """Serve a request."""
    return service(request)
