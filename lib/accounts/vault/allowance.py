"""Who may be handed tokens for what: as the catalogue says it, and with the least scopes that do."""

from collections.abc import Collection, Sequence

from pydantic import Field

from lib.accounts import capabilities
from lib.accounts.models import Capability, Provider
from lib.core.errors import Forbidden
from lib.core.settings import Settings, load


class HandOutSettings(Settings):
    """What the catalogue lets be handed out (`hands_out`), by the callers' service accounts."""

    hands_out: dict[str, list[Capability]] = Field(default_factory=dict)


def check_caller(caller: str, provider: Provider, scopes: Sequence[str]) -> list[Capability]:
    """The capabilities that the scopes are asked for.

    Raises `Forbidden` for a caller that may be handed nothing, and for a scope that none of its capabilities needs.
    """
    allowed = load(HandOutSettings).hands_out.get(caller, [])
    serving = {
        scope: [capability for capability in allowed if scope in capabilities.sufficing(provider, capability)]
        for scope in scopes
    }
    foreign = sorted(scope for scope, serves in serving.items() if not serves)
    if foreign:
        raise Forbidden(f"This caller may not be handed a token for {', '.join(foreign)}")
    return [capability for capability in allowed if any(capability in serves for serves in serving.values())]


def check_scopes(
    provider: Provider,
    account_id: str,
    asked_for: Sequence[Capability],
    scopes: Sequence[str],
    granted: Collection[str],
) -> None:
    """Raises `ConsentRequired` where the person did not allow it, `Forbidden` for more than the least that does."""
    least = {capability: capabilities.narrowest(provider, capability, granted) for capability in asked_for}
    if not set(scopes) <= set(granted):
        missing = [capability for capability, scope in least.items() if scope is None]
        if missing:
            raise capabilities.consent_required(provider, account_id, missing)
    excessive = sorted(set(scopes) & set(granted) - set(least.values()))
    if excessive:
        raise Forbidden(f"Less than {', '.join(excessive)} is enough")
