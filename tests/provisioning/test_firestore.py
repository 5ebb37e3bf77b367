from pathlib import Path

import pytest

from scripts.provisioning.firestore import differences
from tests.provisioning.copies import Copy, copy_to


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return copy_to(tmp_path)


def complaint(copy: Copy) -> str:
    (found,) = differences(copy.root)
    return found


def test_the_file_is_what_the_code_needs(copy: Copy) -> None:
    assert differences(copy.root) == []


def test_a_composite_index_that_is_gone_is_missed(copy: Copy) -> None:
    copy.change("terraform/firestore.yaml", "        - [kind asc, at desc, id desc]\n", "        []\n")
    found = complaint(copy)
    assert found.startswith("lib/usage/store.py:")
    assert "needs the composite index default/usage_events [kind asc, at desc, id desc]" in found


def test_a_single_field_that_is_gone_is_missed(copy: Copy) -> None:
    copy.change("terraform/firestore.yaml", "fields: {number: [desc]}", "fields: {}")
    assert "needs the field audit/audit_heads [number desc]" in complaint(copy)


def test_an_index_in_another_order_is_not_the_one(copy: Copy) -> None:
    copy.change("terraform/firestore.yaml", "[updated_at desc, id desc]", "[updated_at asc, id asc]")
    missing, superfluous = sorted(differences(copy.root))
    assert "needs the composite index default/conversations [updated_at desc, id desc]" in missing
    assert superfluous == "terraform/firestore.yaml: no query needs default/conversations [updated_at asc, id asc]"


def test_an_index_that_no_query_needs_is_superfluous(copy: Copy) -> None:
    copy.change("terraform/firestore.yaml", "fields: {day: [desc]}", "fields: {day: [asc, desc]}")
    assert complaint(copy) == "terraform/firestore.yaml: no query needs default/usage_days [day asc]"


def test_a_new_query_needs_its_index(copy: Copy) -> None:
    copy.add(
        "lib/usage/store.py",
        '\n\ndef dear(user: UserId) -> Any:\n    return person(user).collection("usage_events")'
        '.where(filter=firestore.FieldFilter("cost", ">", 0)).order_by("cost").order_by("at").get()\n',
    )
    assert "needs the composite index default/usage_events [cost asc, at asc]" in complaint(copy)


@pytest.mark.parametrize(
    "collection", ["chunks", "signals", "idempotency_claims", "pending_connections", "signed_requests", "usage_events"]
)
def test_documents_that_expire_need_an_expiry(copy: Copy, collection: str) -> None:
    file = copy.root / "terraform" / "firestore.yaml"
    before, after = file.read_text().split(f"    {collection}:\n")
    without = after.replace("      expiry: expires_at\n", "", 1)
    file.write_text(f"{before}    {collection}:\n      group_fields: {{}}\n{without}")
    assert f"documents of default/{collection} have an expires_at, but no expiry" in complaint(copy)


def test_an_expiry_is_followed_through_models_and_functions(copy: Copy) -> None:
    copy.add(
        "lib/users/store.py",
        '\n\ndef _kept(data: dict[str, Any]) -> dict[str, Any]:\n    return data | {"expires_at": clock.now()}\n'
        "\n\ndef leave(user: UserId) -> None:\n    farewell = _kept({})\n"
        '    person(user).collection("farewells").document("one").set(farewell)\n',
    )
    found = differences(copy.root)
    assert any("default/farewells have an expires_at, but no expiry" in one for one in found)
    assert any("default/farewells is missing" in one for one in found)


@pytest.mark.parametrize(
    "statements",
    [
        '    data: dict[str, Any] = {}\n    data["expires_at"] = clock.now()\n',
        "    data = dict(expires_at=clock.now())\n",
        '    data: dict[str, Any] = {"expires_at": clock.now()}\n',
        '    data: dict[str, Any] = {}\n    data |= {"expires_at": clock.now()}\n',
    ],
)
def test_an_expiry_is_seen_however_it_is_written(copy: Copy, statements: str) -> None:
    written = f'{statements}    person(user).collection("farewells").document("one").set(data)\n'
    copy.add("lib/users/store.py", f"\n\ndef leave(user: UserId) -> None:\n{written}")
    found = differences(copy.root)
    assert any("default/farewells have an expires_at, but no expiry" in one for one in found)


def test_an_expiry_of_what_is_no_variable_is_refused(copy: Copy) -> None:
    text = '\n\ndef keep(kept: Any) -> None:\n    kept.data["expires_at"] = clock.now()\n'
    copy.add("lib/users/store.py", text)
    assert "the text does not tell to which collection this expires_at is written" in complaint(copy)


def test_an_expiry_whose_collection_is_not_to_be_told_is_refused(copy: Copy) -> None:
    copy.add("lib/users/store.py", '\n\ndef kept() -> dict[str, Any]:\n    return {"expires_at": clock.now()}\n')
    assert "the text does not tell to which collection this expires_at is written" in complaint(copy)


def test_an_expiry_that_nothing_writes_is_superfluous(copy: Copy) -> None:
    copy.change("terraform/firestore.yaml", "    spend_days: {}", "    spend_days: {expiry: expires_at}")
    assert complaint(copy) == "terraform/firestore.yaml: nothing writes an expires_at to default/spend_days"


def test_an_expiry_of_something_else_has_to_be_said(copy: Copy) -> None:
    file = copy.root / "terraform" / "firestore.yaml"
    file.write_text(file.read_text().partition("other_expiries:")[0])
    assert "documents of vault/sealed_tokens have an expires_at, but no expiry" in complaint(copy)


def test_a_collection_that_no_code_names_is_superfluous(copy: Copy) -> None:
    copy.change("terraform/firestore.yaml", "    spend_days: {}", "    spend_days: {}\n    spend_weeks: {}")
    assert complaint(copy) == "terraform/firestore.yaml: no code names default/spend_weeks"
