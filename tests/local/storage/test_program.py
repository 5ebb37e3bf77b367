"""The program that keeps the bytes is found in its wheel, or its lack is explained."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from scripts.local.preflight import NotReady
from scripts.local.storage import program


def test_the_program_is_in_the_wheel() -> None:
    assert program.find_program().name.startswith("fake-gcs-server-")


@pytest.mark.parametrize("installed", [False, True])
def test_a_machine_without_it_is_told_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    spec = ModuleSpec(program.PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr("scripts.local.storage.program.find_spec", lambda _: spec if installed else None)
    with pytest.raises(NotReady) as missing:
        program.find_program()
    assert "fake-gcs-server" in str(missing.value)
    assert "\n" not in str(missing.value)
