"""checkov over terraform/, in an environment of its own: what it depends on is none of our business elsewhere.

What it would complain about without reason is in terraform/.checkov.yaml, each with why.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from scripts.provisioning.plans import ROOT, NotChecked

ENVIRONMENT = ".venv-checkov"
REQUIREMENTS = Path(__file__).with_name("checkov.txt")
INSTALL_SECONDS = 300
SCAN_SECONDS = 300


def complaints(root: Path = ROOT) -> list[str]:
    """What checkov finds. Raises `NotChecked` where it can be neither found nor installed."""
    program = _program()
    command = [str(program), "--directory", "terraform", "--config-file", "terraform/.checkov.yaml", "--output", "json"]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=SCAN_SECONDS)
    try:
        failed = json.loads(told.stdout)["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError):
        return [f"checkov: {(told.stderr or told.stdout).strip()[-500:]}"]
    return sorted(
        f"terraform{one['file_path']}: {one['resource']}: {one['check_name']} ({one['check_id']})" for one in failed
    )


def _program() -> Path:
    """checkov, installed if that was not done for this version. Raises `NotChecked`."""
    folder = ROOT / ENVIRONMENT
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    mark = folder / "requirements.sha256"
    if not mark.exists() or mark.read_text(encoding="utf-8") != wanted:
        _install(folder)
        mark.write_text(wanted, encoding="utf-8")
    return folder / "bin" / "checkov"


def _install(folder: Path) -> None:
    pip = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True)
        command = [*pip, "--requirement", str(REQUIREMENTS)]
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError):
        raise NotChecked(
            "checkov cannot be installed here: its part of the checks of terraform/ was not made"
        ) from None
