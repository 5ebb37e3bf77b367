"""What accounts keep of a person, and what of it has to be ended at the vault and at the providers."""

from lib.core import siblings
from lib.core.personal_data import PersonalData
from lib.core.store import UserId
from lib.users.models import Erased, ErasureRequest


def end(person: UserId, receipt: str) -> None:
    """Have the vault revoke and delete all that it keeps of the person. Raises `Unavailable`."""
    request = ErasureRequest(purpose="the person was deleted", receipt=receipt)
    siblings.post("tokens", "/erasures", person, request, Erased)


PERSONAL_DATA = PersonalData(
    room="accounts",
    exported=("accounts",),
    withheld={
        "pending_connections": "Secrets of a connecting that was begun; forgotten when it ends, or within a day.",
        "keysets": "The person's keys, which nobody but the vault may ever see.",
        "sealed_tokens": "Tokens, which open the accounts to whoever has them; providers show what was granted.",
    },
    end=end,
)
