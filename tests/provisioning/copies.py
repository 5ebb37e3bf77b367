"""A copy of what is checked of terraform, to be broken."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.provisioning.plans import ROOT

IGNORED = shutil.ignore_patterns("__pycache__", ".terraform", ".terraform.lock.hcl", "terraform.tfstate*")


@dataclass(frozen=True)
class Copy:
    """The copy's root."""

    root: Path

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text that is there."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} does not say {old}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def add(self, path: str, text: str) -> None:
        """Write something at a file's end."""
        with (self.root / path).open("a", encoding="utf-8") as file:
            file.write(text)


def copy_to(folder: Path) -> Copy:
    """Copy stores, catalogue and terraform."""
    for part in ("lib", "terraform"):
        shutil.copytree(ROOT / part, folder / part, ignore=IGNORED)
    (folder / "functions").mkdir()
    shutil.copy(ROOT / "functions" / "catalog.yaml", folder / "functions")
    return Copy(folder)
