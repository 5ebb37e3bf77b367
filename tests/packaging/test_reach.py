"""What a function reaches is found in its source: everything that it may import or read, or a refusal."""

from pathlib import Path

import pytest

from scripts.packaging.errors import NotPackaged
from scripts.packaging.reach import Reach, Sources

HOUSE = {
    "functions/mail/main.py": "from lib.office import mail\n",
    "lib/__init__.py": "",
    "lib/core/__init__.py": "",
    "lib/core/clock.py": "import time\n",
    "lib/core/store.py": "",
    "lib/office/__init__.py": "from lib.core import clock\n",
    "lib/office/mail.py": "",
    "lib/office/other.py": "",
    "lib/office/words.txt": "words",
    "lib/office/google/__init__.py": "",
    "lib/office/google/mail.py": "",
}
ALWAYS = {"functions/mail/main.py", "lib/__init__.py", "lib/office/__init__.py", "lib/office/mail.py"} | {
    "lib/core/__init__.py",
    "lib/core/clock.py",
}


def reach(folder: Path, text: str) -> Reach:
    """What the function reaches when the module that it imports says this."""
    for place, content in (HOUSE | {"lib/office/mail.py": text}).items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(content)
    return Sources(folder).reached_from(Path("functions/mail/main.py"))


def modules(folder: Path, text: str) -> set[str]:
    return {str(path) for path in reach(folder, text).modules}


def test_packages_come_with_their_modules_and_with_what_they_import(tmp_path: Path) -> None:
    assert modules(tmp_path, "") == ALWAYS


@pytest.mark.parametrize(
    "text",
    [
        "import lib.office.google.mail",
        "import lib.office.google.mail as google",
        "from lib.office.google import mail",
        "from lib.office.google.mail import GoogleMail",
        "from lib.office.google.mail import *",
        "def read():\n    from lib.office.google import mail\n    return mail",
        "try:\n    from lib.office.google import mail\nexcept ImportError:\n    pass",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from lib.office.google import mail",
        "if not TYPE_CHECKING:\n    from lib.office.google import mail",
    ],
)
def test_a_module_is_reached_however_it_is_imported(tmp_path: Path, text: str) -> None:
    assert modules(tmp_path, text) == ALWAYS | {"lib/office/google/__init__.py", "lib/office/google/mail.py"}


@pytest.mark.parametrize("condition", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_what_only_a_type_checker_imports_is_not_reached(tmp_path: Path, condition: str) -> None:
    assert modules(tmp_path, f"if {condition}:\n    from lib.office.google import mail") == ALWAYS


def test_a_file_beside_a_module_is_reached_by_its_name(tmp_path: Path) -> None:
    found = reach(tmp_path, 'WORDS = Path(__file__).with_name("words.txt").read_text()')
    assert found.files == {Path("lib/office/words.txt")}


def test_what_is_not_ours_is_named_as_long_as_may_be(tmp_path: Path) -> None:
    found = reach(tmp_path, "import google.auth\nfrom google.cloud import kms\nfrom tink import *")
    assert found.foreign == {"time", "google.auth", "google.cloud.kms", "tink"}


@pytest.mark.parametrize(
    "text",
    [
        *("from . import other", "from .other import name", "import importlib", "from importlib import import_module"),
        *("from importlib.resources import files", "import pkgutil", "__import__('lib.office.other')"),
        *("Path(__file__).parent / 'words.txt'", "Path(__file__).with_name(name)", "open(__file__)"),
        *("Path(__file__).with_name('absent.txt')", "import lib.office.absent", "from lib.absent import mail"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotPackaged, match=r"^lib/office/mail\.py:"):
        reach(tmp_path, text)
