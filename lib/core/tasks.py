"""Work for later, on Cloud Tasks queues: an HTTP request to a sibling, with a token of the tasks' own account."""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from google.api_core.exceptions import AlreadyExists
from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.cloud.tasks_v2.types import HttpMethod, HttpRequest, OidcToken, Task
from pydantic import StringConstraints

from lib.core.environment import function_url, project
from lib.core.grpc_endpoint import transport
from lib.core.identity import PERSON_HEADER
from lib.core.settings import Settings, load
from lib.core.store import UserId

ENQUEUE_TIMEOUT_SECONDS = 10.0


Location = Annotated[str, StringConstraints(pattern=r"^[a-z]+-[a-z]+\d+$")]
"""A region of Google Cloud: https://cloud.google.com/about/locations."""


class TaskSettings(Settings):
    """`tasks_invoker` is the service account whose token tasks carry, `tasks_location` the region of the queues.

    `tasks_endpoint` is for elsewhere than Google.
    """

    tasks_invoker: str
    tasks_location: Location
    tasks_endpoint: str | None = None


def enqueue(
    queue: str,
    function: str,
    path: str,
    person: UserId | None,
    *,
    method: Literal["GET", "POST"] = "POST",
    body: bytes = b"",
    name: str | None = None,
    at: datetime | None = None,
) -> None:
    """Have the function asked, for a person's sake or for nobody's, now or at an instant at most 30 days ahead.

    A name only saves traffic: a task of the same name that exists, or ran of late, makes this do nothing
    (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create).
    """
    client, settings = _client(), load(TaskSettings)
    headers = {PERSON_HEADER: person} if person is not None else {}
    parent = client.queue_path(project(), settings.tasks_location, queue)
    request = HttpRequest(
        url=function_url(function) + path,
        http_method=getattr(HttpMethod, method),
        headers=headers | ({"Content-Type": "application/json"} if body else {}),
        body=body,
        oidc_token=OidcToken(service_account_email=settings.tasks_invoker, audience=function_url(function)),
    )
    fields: dict[str, Any] = {"http_request": request}
    if name is not None:
        fields["name"] = f"{parent}/tasks/{name}"
    if at is not None:
        fields["schedule_time"] = at
    try:
        client.create_task(parent=parent, task=Task(**fields), timeout=ENQUEUE_TIMEOUT_SECONDS)
    except AlreadyExists:
        return


@cache
def _client() -> CloudTasksClient:
    return CloudTasksClient(transport=transport(CloudTasksGrpcTransport, load(TaskSettings).tasks_endpoint))
