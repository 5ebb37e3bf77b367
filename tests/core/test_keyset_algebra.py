"""Whatever order keys are added, used and removed in: what is kept can be opened, and by nobody who lacks its key."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lib.core import keys
from lib.core.keys import Keyset, Unreadable, sealing_key


class Lives(RuleBasedStateMachine):
    """A keyset, what is kept that it sealed, and readers who remember it as it once was."""

    @initialize()
    def begin(self) -> None:
        self.keyset = keys.new_keyset()
        self.kept: dict[int, bytes] = {}
        self.readers: list[Keyset] = []
        self.removed: set[int] = set()
        self.number = 0

    @rule()
    def seal(self) -> None:
        self.number += 1
        self.kept[self.number] = self.keyset.seal(text(self.number), place(self.number))

    @rule()
    def remember(self) -> None:
        self.readers.append(self.keyset)

    @precondition(lambda self: len(self.keyset.older) < 4)
    @rule()
    def rotate(self) -> None:
        before = self.keyset
        self.keyset = before.rotated()
        assert self.keyset.older == before.older | {before.primary}
        assert self.keyset.primary not in self.keyset.older

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def seal_anew(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.kept)))
        opened = self.keyset.open(self.kept[number], place(number))
        self.kept[number] = self.keyset.seal(opened, place(number))

    @precondition(lambda self: all(sealing_key(one) == self.keyset.primary for one in self.kept.values()))
    @rule()
    def remove_older(self) -> None:
        before = self.keyset
        self.keyset = before.without_older()
        self.removed |= before.older
        assert (self.keyset.primary, self.keyset.older) == (before.primary, frozenset())

    @invariant()
    def all_that_is_kept_opens(self) -> None:
        for number, sealed in getattr(self, "kept", {}).items():
            assert self.keyset.open(sealed, place(number)) == text(number)
            assert sealing_key(sealed) in {self.keyset.primary, *self.keyset.older}
            assert sealing_key(sealed) not in self.removed

    @invariant()
    def who_remembers_opens_what_their_keys_sealed_and_nothing_else(self) -> None:
        for reader in getattr(self, "readers", []):
            for number, sealed in self.kept.items():
                if sealing_key(sealed) in {reader.primary, *reader.older}:
                    assert reader.open(sealed, place(number)) == text(number)
                else:
                    with pytest.raises(Unreadable):
                        reader.open(sealed, place(number))

    @invariant()
    def no_key_is_shown(self) -> None:
        if hasattr(self, "keyset"):
            assert repr(self.keyset) == "Keyset(…)"


def text(number: int) -> bytes:
    return f"token {number}".encode()


def place(number: int) -> str:
    return f"vault/users/somebody/sealed_tokens/acc_{number}"


TestLives = Lives.TestCase
TestLives.settings = settings(settings.get_profile("suite"), max_examples=30, stateful_step_count=30)


def test_the_sealing_key_of_an_unknown_format_is_not_guessed() -> None:
    sealed = keys.new_keyset().seal(b"a token", "here")
    for wrong in (b"", sealed[:5], b"\x02" + sealed[1:], sealed[:1] + b"\x00" + sealed[2:]):
        with pytest.raises(Unreadable):
            sealing_key(wrong)
