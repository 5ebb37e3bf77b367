"""Who asks for each switch of privacy, and which test shows that it is heeded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Enforced:
    """`module` asks before it does what the switch is about; `test` (path::name) shows that it does not do it then."""

    module: str
    test: str


@dataclass(frozen=True)
class Awaited:
    """Nothing in Briefly does this yet. What will do it has one of these paths, and then has to ask."""

    paths: tuple[str, ...]


_RETENTION, _RETENTION_TESTS = "lib/maintenance/retention.py", "tests/maintenance/test_retention.py"
_CONTEXT_TESTS = "tests/chat/test_context.py"

SWITCHES: dict[str, tuple[Enforced, ...] | Awaited] = {
    "chat_reads_mail": (
        Enforced("lib/chat/context.py", f"{_CONTEXT_TESTS}::test_mail_that_chat_may_not_read_is_not_asked_for"),
    ),
    "chat_reads_calendars": (
        Enforced("lib/chat/context.py", f"{_CONTEXT_TESTS}::test_calendars_that_chat_may_not_read_are_not_asked_for"),
    ),
    "chat_reads_files": Awaited(("lib/office/files.py", "functions/files")),
    "mail_is_tracked": Awaited(("lib/email", "functions/track")),
    "content_is_indexed": Awaited(("lib/search", "lib/content")),
    "retention_days.conversations": (
        Enforced(_RETENTION, f"{_RETENTION_TESTS}::test_conversations_that_were_long_unused_are_forgotten"),
    ),
    "retention_days.usage_events": (
        Enforced(_RETENTION, f"{_RETENTION_TESTS}::test_old_usage_is_forgotten_but_for_the_counters_of_days"),
    ),
    "chat.learn": Awaited(("lib/memory",)),
}
"""By the fields of `PrivacyControls`; `chat.learn` is privacy too, though it stands elsewhere."""
