"""Where Microsoft Graph is reached, and what it lets an app do with a mailbox."""

from lib.core.settings import Settings, WebAddress


class GraphSettings(Settings):
    """`microsoft_graph_endpoint` is Graph's root without a version: https://graph.microsoft.com in production.

    Limits are per app and mailbox, mail and calendars together:
    https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
    """

    microsoft_graph_endpoint: WebAddress
    microsoft_requests_per_ten_minutes: int = 10_000
    microsoft_requests_at_once: int = 4
