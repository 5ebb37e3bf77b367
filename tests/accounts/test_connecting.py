"""Accounts are connected by a consent that is used once, by the person who began it, in the session it began in."""

from tests.briefly import ADA, BRAM, Briefly


def test_connecting_twice_keeps_the_account_and_its_id(briefly: Briefly) -> None:
    person = briefly.sign_up()
    first = person.connect_google()
    listed = person.get("/accounts/")["accounts"]
    assert [(account["id"], account["email"], account["health"]) for account in listed] == [(first, ADA, "ok")]
    assert person.connect_google() == first
    assert person.get("/accounts/")["accounts"][0]["connected_at"] == listed[0]["connected_at"]
    assert person.connect_google(BRAM) != first
    assert len(person.get("/accounts/")["accounts"]) == 2


def test_a_state_is_good_once(briefly: Briefly) -> None:
    person = briefly.sign_up()
    taken = person.consent_at_google(ADA)
    person.post("/accounts/connections/finish", taken, sensitive=True)
    again = person.post("/accounts/connections/finish", taken, 409, sensitive=True)
    assert again["type"] == "urn:briefly:problem:state-invalid"


def test_a_state_is_of_no_use_to_another_person_nor_in_another_session(briefly: Briefly) -> None:
    person, other = briefly.sign_up(), briefly.sign_up()
    taken = person.consent_at_google(ADA)
    other.post("/accounts/connections/finish", taken, 409, sensitive=True)
    person.in_another_session().post("/accounts/connections/finish", taken, 409, sensitive=True)
    assert person.get("/accounts/")["accounts"] == []


def test_a_code_that_google_does_not_take_is_told_as_such(briefly: Briefly) -> None:
    person = briefly.sign_up()
    taken = person.consent_at_google(ADA) | {"code": "made-up"}
    refused = person.post("/accounts/connections/finish", taken, 422, sensitive=True)
    assert refused["type"] == "urn:briefly:problem:code-refused"


def test_redirects_go_only_where_they_may(briefly: Briefly) -> None:
    person = briefly.sign_up()
    wish = {"provider": "google", "redirect_url": "https://evil.example/callback"}
    person.post("/accounts/connections", wish, 422)


def test_finishing_needs_a_proof_of_this_very_request(briefly: Briefly) -> None:
    person = briefly.sign_up()
    taken = person.consent_at_google(ADA)
    unproven = person.post("/accounts/connections/finish", taken, 401)
    assert unproven["type"] == "urn:briefly:problem:unauthenticated"


def test_disconnecting_revokes_forgets_and_says_so(briefly: Briefly) -> None:
    person = briefly.sign_up()
    account = person.connect_google(BRAM)
    answer = person.call("DELETE", f"/accounts/{account}", sensitive=True)
    assert (answer.status_code, answer.json()) == (200, {"revoked_at_provider": True})
    assert person.get(f"/accounts/{account}", 404)["type"] == "urn:briefly:problem:not-found"
    asked = {"account_id": account, "purpose": "a test", "scopes": []}
    assert briefly.as_function("mail", "tokens", "/access-tokens", person.user, asked).status_code == 404
