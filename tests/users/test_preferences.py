"""Preferences are one document with defaults, changed a part at a time, over nobody else's change."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from lib.core.store import UserId
from lib.core.store import person as person_document
from lib.users import chosen, profile
from lib.users.preferences import Preferences, WorkingHours
from lib.users.signatures import sanitised
from tests.briefly import Briefly, Client

ACCOUNT = f"acc_{'0' * 24}"
OTHER_ACCOUNT = f"acc_{'1' * 24}"
PATH = "/users/me/preferences"


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def change(person: Client, wish: dict[str, Any]) -> dict[str, Any]:
    """Change preferences."""
    answer = person.call("PATCH", PATH, wish)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def complaints(refused: requests.Response) -> dict[str, str]:
    """What was refused, by its path."""
    assert refused.status_code == 422, refused.text
    assert refused.json()["type"] == "urn:briefly:problem:invalid-request"
    return {error["field"]: error["message"] for error in refused.json()["errors"]}


def test_a_new_person_has_all_preferences(person: Client) -> None:
    assert person.get(PATH) == Preferences().model_dump(mode="json")


def test_changes_merge_at_every_depth_and_null_brings_the_default_back(person: Client) -> None:
    change(person, {"theme": "dark", "time_zone": "Asia/Kathmandu", "chat": {"style": "formal", "language": "de-AT"}})
    change(person, {"chat": {"length": "long"}, "notifications": {"mail": {"push": True}}})
    merged = change(person, {"locale": "zh-Hant-TW", "notifications": {"mail": {"in_app": False}}})
    assert (merged["theme"], merged["time_zone"], merged["locale"]) == ("dark", "Asia/Kathmandu", "zh-Hant-TW")
    assert merged["chat"] == Preferences().chat.model_dump() | {
        "style": "formal",
        "language": "de-AT",
        "length": "long",
    }
    assert merged["notifications"]["mail"] == {"in_app": False, "push": True, "email": False}
    merged = change(person, {"theme": None, "chat": {"style": None}, "notifications": None})
    assert (merged["theme"], merged["chat"]["style"], merged["chat"]["length"]) == ("system", "neutral", "long")
    assert merged["notifications"] == Preferences().notifications.model_dump()
    assert person.get(PATH) == merged


def test_a_default_that_nobody_chose_is_not_kept(person: Client) -> None:
    change(person, {"theme": "dark"})
    change(person, {"theme": None, "locale": "fr"})
    assert (person_document(UserId(person.user)).get().to_dict() or {})["preferences"] == {"locale": "fr"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"theme": "pink"}, "theme"),
        ({"locale": "english"}, "locale"),
        ({"locale": "xx"}, "locale"),
        ({"locale": "de-ZZ"}, "locale"),
        ({"locale": "zh-Abcd"}, "locale"),
        ({"colour": "red"}, "colour"),
        ({"chat": {"mood": "good"}}, "chat.mood"),
        ({"chat": {"language": "xx"}}, "chat.language"),
        ({"week_start": "someday"}, "week_start"),
        ({"working_hours": {"monday": [{"start": "9:00", "end": "17:00"}]}}, "working_hours.monday.0.start"),
        ({"working_hours": {"monday": [{"start": "09:00", "end": "24:01"}]}}, "working_hours.monday.0.end"),
        ({"working_hours": {"monday": [{"start": "24:00", "end": "24:00"}]}}, "working_hours.monday.0.start"),
        ({"working_hours": {"monday": [{"start": "17:00", "end": "09:00"}]}}, "working_hours.monday.0"),
        (
            {"working_hours": {"friday": [{"start": "09:00", "end": "12:00"}, {"start": "11:59", "end": "13:00"}]}},
            "working_hours.friday",
        ),
        ({"working_hours": {"someday": []}}, "working_hours.someday"),
        ({"working_hours": {"monday": [{"start": "00:00", "end": "01:00"}] * 7}}, "working_hours.monday"),
        ({"default_calendars": {"mine": f"{ACCOUNT}.cal"}}, "default_calendars.mine.[key]"),
        ({"default_calendars": {ACCOUNT: "primary"}}, f"default_calendars.{ACCOUNT}"),
        ({"default_calendars": {ACCOUNT: f"{OTHER_ACCOUNT}.cal"}}, "default_calendars"),
        ({"signatures": {"mine": "Yours"}}, "signatures.mine.[key]"),
        ({"signatures": {ACCOUNT: "x" * 10_001}}, f"signatures.{ACCOUNT}"),
        ({"signatures": {f"acc_{place:024d}": "x" for place in range(21)}}, "signatures"),
        ({"notifications": {"mail": {"pigeon": True}}}, "notifications.mail.pigeon"),
        ({"notifications": {"quiet_hours": {"start": "22:00"}}}, "notifications.quiet_hours.end"),
        ({"notifications": {"quiet_hours": {"start": "22:00", "end": "22:00"}}}, "notifications.quiet_hours"),
        ({"privacy": {"retention_days": {"conversations": 0}}}, "privacy.retention_days.conversations"),
        ({"privacy": {"retention_days": {"thoughts": 1}}}, "privacy.retention_days.thoughts"),
        ({"privacy": {"chat_reads_minds": True}}, "privacy.chat_reads_minds"),
    ],
)
def test_a_wrong_preference_is_named_by_its_path_and_nothing_is_changed(
    briefly: Briefly, wrong: dict[str, Any], field: str
) -> None:
    person = shared(briefly)
    change(person, {"theme": "light"})
    named = complaints(person.call("PATCH", PATH, {"theme": "dark", **wrong}))
    assert list(named) == [field]
    assert person.get(PATH)["theme"] == "light"


_shared: list[Client] = []


def shared(briefly: Briefly) -> Client:
    """One person for all wrong wishes, none of which changes anything."""
    if not _shared:
        _shared.append(briefly.sign_up())
    return _shared[0]


def test_what_is_wrong_names_the_unknown_value(person: Client) -> None:
    named = complaints(person.call("PATCH", PATH, {"time_zone": "Mars/Olympus", "locale": "de-ZZ", "colour": "red"}))
    assert set(named) == {"time_zone", "locale", "colour"}
    assert "Mars/Olympus" in named["time_zone"]
    assert "ZZ" in named["locale"]


def test_a_day_has_hours_apart_from_each_other_up_to_its_end(person: Client) -> None:
    late, early = {"start": "18:00", "end": "24:00"}, {"start": "00:00", "end": "12:00"}
    noon = {"start": "12:00", "end": "13:30"}
    merged = change(person, {"working_hours": {"sunday": [late, early, noon], "monday": []}})
    assert merged["working_hours"]["sunday"] == [early, noon, late]
    assert merged["working_hours"]["monday"] == []
    assert merged["working_hours"]["tuesday"] == [{"start": "09:00", "end": "17:00"}]


def test_accounts_have_calendars_and_signatures_of_their_own(person: Client) -> None:
    change(person, {"default_calendars": {ACCOUNT: f"{ACCOUNT}.Y2Fs"}, "signatures": {ACCOUNT: "<b>Ada</b>"}})
    merged = change(person, {"signatures": {OTHER_ACCOUNT: "Lindqvist"}})
    assert merged["signatures"] == {ACCOUNT: "<b>Ada</b>", OTHER_ACCOUNT: "Lindqvist"}
    merged = change(person, {"signatures": {ACCOUNT: None}, "default_calendars": {ACCOUNT: None}})
    assert (merged["signatures"], merged["default_calendars"]) == ({OTHER_ACCOUNT: "Lindqvist"}, {})


HARMFUL = """\
<p onclick="steal()" style="color: red; position: fixed; background-image: url(https://x.example/)">Ada</p>
<script>steal()</script><style>p { display: none }</style><!-- note --><iframe src="https://x.example"></iframe>
<a href="javascript:steal()">one</a><a href="https://ada.example/">two</a><a href="/three">three</a>
<img src="http://x.example/pixel" onerror="steal()"><img src="data:image/svg+xml,x"><img src="https://ada.example/logo">
<form action="https://x.example"><input name="password"></form><svg onload="steal()"></svg>"""


def test_a_signature_keeps_what_shows_and_links_and_nothing_that_runs_or_hides(person: Client) -> None:
    kept = change(person, {"signatures": {ACCOUNT: HARMFUL}})["signatures"][ACCOUNT]
    for harm in ("steal", "javascript", "script", "style>", "iframe", "http://", "data:", "form", "input", "svg"):
        assert harm not in kept
    for harm in ("position", "url(", "note", '"/three"'):
        assert harm not in kept
    assert '<p style="color:red">Ada</p>' in kept
    assert 'href="https://ada.example/"' in kept
    assert 'src="https://ada.example/logo"' in kept
    assert sanitised(kept) == kept


def test_a_signature_that_is_too_long_once_it_is_safe_is_refused(person: Client) -> None:
    named = complaints(person.call("PATCH", PATH, {"signatures": {ACCOUNT: "<" * 9_000}}))
    assert list(named) == [f"signatures.{ACCOUNT}"]


def test_a_change_passes_if_it_names_the_version_that_is_there(person: Client) -> None:
    read = person.call("GET", PATH)
    first = person.call("PATCH", PATH, {"theme": "dark"}, If_Match=read.headers["ETag"])
    assert first.status_code == 200
    late = person.call("PATCH", PATH, {"theme": "light"}, If_Match=read.headers["ETag"])
    assert (late.status_code, late.json()["type"]) == (412, "urn:briefly:problem:precondition-failed")
    assert late.headers["ETag"] == first.headers["ETag"] == person.call("GET", PATH).headers["ETag"]
    assert person.get(PATH)["theme"] == "dark"
    several = f'"other", {first.headers["ETag"]}'
    assert person.call("PATCH", PATH, {"theme": "light"}, If_Match=several).status_code == 200
    assert person.call("PATCH", PATH, {"theme": "dark"}, If_Match="*").status_code == 200


@pytest.mark.parametrize("tag", ['"other"', "W/{}", "", "nonsense", "{}x"])
def test_a_change_that_names_another_version_or_only_a_weak_one_is_refused(person: Client, tag: str) -> None:
    current = person.call("GET", PATH).headers["ETag"]
    named = tag.format(current if tag == "W/{}" else current.strip('"'))
    assert person.call("PATCH", PATH, {"theme": "dark"}, If_Match=named).status_code == 412


def test_of_two_changes_that_name_one_version_one_passes(person: Client) -> None:
    tag = person.call("GET", PATH).headers["ETag"]
    themes = ["dark", "light"] * 3
    with ThreadPoolExecutor(len(themes)) as pool:
        answers = list(pool.map(lambda theme: person.call("PATCH", PATH, {"theme": theme}, If_Match=tag), themes))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * (len(themes) - 1)]
    (passed,) = (answer for answer in answers if answer.status_code == 200)
    assert person.get(PATH) == passed.json()


def test_changes_of_different_fields_at_once_do_not_undo_each_other(person: Client) -> None:
    wishes: list[dict[str, Any]] = [{"theme": "dark"}, {"locale": "sv"}, {"chat": {"style": "formal"}}]
    with ThreadPoolExecutor(len(wishes)) as pool:
        answers = list(pool.map(lambda wish: person.call("PATCH", PATH, wish), wishes))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    now = person.get(PATH)
    assert (now["theme"], now["locale"], now["chat"]["style"]) == ("dark", "sv", "formal")


def test_what_a_caller_knows_is_not_sent_again(person: Client) -> None:
    tag = person.call("GET", PATH).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = person.call("GET", PATH, If_None_Match=known)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    change(person, {"theme": "dark"})
    assert person.call("GET", PATH, If_None_Match=tag).status_code == 200


def test_preferences_of_the_old_shape_are_read_and_written_anew(person: Client) -> None:
    old = {"theme": "dark", "time_zone": "Europe/Berlin", "locale": "de", "chat_model": "local-lorem"}
    document = person_document(UserId(person.user))
    document.update({"schema_version": 1, "preferences": old})
    read = person.get(PATH)
    assert (read["theme"], read["time_zone"], read["locale"]) == ("dark", "Europe/Berlin", "de")
    assert read["chat"]["model"] == "local-lorem"
    assert "chat_model" not in read
    change(person, {"theme": "light"})
    stored = document.get().to_dict() or {}
    assert stored["schema_version"] == 2
    assert stored["preferences"] == {
        "theme": "light",
        "time_zone": "Europe/Berlin",
        "locale": "de",
        "chat": {"model": "local-lorem"},
    }
    assert profile.read_preferences(UserId(person.user)).chat.model == "local-lorem"


def test_what_is_kept_but_not_allowed_any_more_is_at_its_default_again(person: Client) -> None:
    kept = {
        "locale": "xx",
        "theme": "dark",
        "chat": {"language": "xx", "style": "formal"},
        "signatures": {"mine": "x", ACCOUNT: "Ada"},
        "notifications": {"quiet_hours": {"start": "22:00"}},
    }
    person_document(UserId(person.user)).update({"preferences": kept})
    read = person.get(PATH)
    assert (read["locale"], read["theme"]) == ("en", "dark")
    assert (read["chat"]["language"], read["chat"]["style"]) == (None, "formal")
    assert (read["signatures"], read["notifications"]["quiet_hours"]) == ({ACCOUNT: "Ada"}, None)
    assert change(person, {"theme": "light"}) == read | {"theme": "light"}
    stored = (person_document(UserId(person.user)).get().to_dict() or {})["preferences"]
    assert stored == {
        "theme": "light",
        "chat": {"style": "formal"},
        "signatures": {ACCOUNT: "Ada"},
        "notifications": {},
    }


TIMES = [f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in (0, 30)] + ["24:00"]


@given(st.lists(st.tuples(st.sampled_from(TIMES), st.sampled_from(TIMES)), max_size=6))
def test_hours_are_allowed_exactly_if_none_is_in_two_intervals(pairs: list[tuple[str, str]]) -> None:
    places = [range(TIMES.index(start), TIMES.index(end)) for start, end in pairs]
    covered = [half_hour for place in places for half_hour in place]
    allowed = all(len(place) for place in places) and len(covered) == len(set(covered))
    hours = [{"start": start, "end": end} for start, end in pairs]
    assert allowed == is_valid({"monday": hours})


def is_valid(hours: dict[str, Any]) -> bool:
    """Whether these are working hours."""
    try:
        WorkingHours.model_validate(hours)
    except ValueError:
        return False
    return True


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(max_size=5), below, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*Preferences.model_fields, "unknown"]), JUNK, max_size=4))
def test_whatever_is_kept_there_are_preferences(kept: dict[str, Any]) -> None:
    assert chosen.preferences(kept)
