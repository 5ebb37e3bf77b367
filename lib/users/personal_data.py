"""What stands of a person with nobody else: the profile with the preferences, and what the core and lifecycle keep."""

from lib.core.personal_data import PROFILE, PersonalData

PERSONAL_DATA = PersonalData(
    room="users",
    exported=(PROFILE, "sessions", "notices", "exports", "deletion_requests"),
    withheld={
        "idempotency_claims": "Answers to requests that may be repeated, told of elsewhere; kept for a day.",
        "signed_requests": "Hashes of proofs that were used; kept for two minutes.",
    },
)
