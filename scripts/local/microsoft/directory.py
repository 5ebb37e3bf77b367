"""Who has an account at Microsoft, in which tenant, and under which immutable ids.

Sources: https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols#endpoints (the words for tenants),
https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference (`tid`, `oid`, pairwise `sub`).
"""

import hashlib
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from scripts.local.people.models import Person
from scripts.local.provider.wire import Json

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal accounts."""
_PERSONAL_DOMAIN = "outlook.example"
_ANY, _WORK, _PERSONAL = "common", "organizations", "consumers"


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account; that of another domain than Outlook's is of an organisation."""

    person: Person

    @property
    def email(self) -> str:
        """The address that names the account."""
        return self.person.email

    @property
    def is_personal(self) -> bool:
        return self.email.endswith(f"@{_PERSONAL_DOMAIN}")

    @property
    def tenant(self) -> str:
        """The id of the tenant."""
        domain = self.email.partition("@")[2]
        return CONSUMERS if self.is_personal else str(uuid.uuid5(uuid.NAMESPACE_DNS, domain))

    @property
    def object_id(self) -> str:
        """The account's id, the same for every application; a personal one's is 64 bits in the form of a GUID."""
        name = hashlib.sha256(self.email.encode()).hexdigest()
        if self.is_personal:
            return f"00000000-0000-0000-{name[:4]}-{name[4:16]}"
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{self.email}"))

    def subject(self, client_id: str) -> str:
        """The account's id for this application only."""
        digest = hashlib.sha256(f"{client_id} {self.object_id}".encode()).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def client_info(self) -> str:
        """Which account it is, as Microsoft's own libraries ask to be told with `client_info=1`."""
        known: Json = {"uid": self.object_id, "utid": self.tenant}
        return urlsafe_b64encode(orjson.dumps(known)).decode().rstrip("=")


@dataclass(slots=True)
class Directory:
    """All accounts by address."""

    by_email: dict[str, Account] = field(default_factory=dict)

    def load(self, people: Iterable[Person]) -> None:
        """Replace every account; a person given twice counts as last given."""
        self.by_email = {person.email: Account(person) for person in people}

    def of(self, email: str) -> Account:
        """The account of an address; KeyError if there is none."""
        return self.by_email[email]

    def named(self, hint: str | None) -> Account | None:
        """The account that a login_hint names, or None."""
        found = (hint or "").lower()
        return next((account for email, account in self.by_email.items() if email.lower() == found), None)

    def admitted(self, tenant: str) -> list[Account]:
        """The accounts that may sign in at a tenant, by its word or its id."""
        return [account for account in self.by_email.values() if _admits(tenant, account)]

    def has(self, tenant: str) -> bool:
        """Whether there is such a tenant."""
        words = (_ANY, _WORK, _PERSONAL, CONSUMERS)
        return tenant in words or any(account.tenant == tenant for account in self.by_email.values())


def _admits(tenant: str, account: Account) -> bool:
    if tenant == _ANY:
        return True
    if tenant in (_WORK, _PERSONAL):
        return account.is_personal == (tenant == _PERSONAL)
    return account.tenant == tenant


def issuing_tenant(tenant: str) -> str:
    """What stands for the tenant in the issuer of a configuration: its id, or a place for it."""
    return {_ANY: "{tenantid}", _WORK: "{tenantid}", _PERSONAL: CONSUMERS}.get(tenant, tenant)
