"""Where a Google Cloud service is reached, when that is not its usual place."""

from typing import Any

import grpc


def transport(kind: type[Any], endpoint: str | None) -> Any | None:
    """The transport of a client towards `http://host:port`, without TLS; None means the service's own default."""
    if not endpoint:
        return None
    return kind(channel=grpc.insecure_channel(endpoint.removeprefix("http://").rstrip("/")))
