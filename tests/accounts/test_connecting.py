"""To finish connecting proves who asks, as everything sensitive does."""

from tests.briefly import ADA, Briefly


def test_finishing_needs_a_proof_of_this_very_request(briefly: Briefly) -> None:
    person = briefly.sign_up()
    taken = person.consent_at("google", ADA)
    unproven = person.post("/accounts/connections/finish", taken, 401)
    assert unproven["type"] == "urn:briefly:problem:unauthenticated"
