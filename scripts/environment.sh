# Sourced by the commands of this folder: goes to the repository's root and makes .venv what the requirements say.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  local candidate
  for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "Python 3.11 or later was not found: install it (Debian: apt install python3 python3-venv; macOS: brew install python)" >&2
  return 2
}

requirements_hash() {
  cat requirements*.txt constraints.txt | "$1" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}

prepare() {
  local python wanted
  if [[ ! -x .venv/bin/python ]]; then
    python=$(find_python)
    echo "Making .venv with $python …" >&2
    "$python" -m venv .venv || {
      echo "Python's venv module does not work: install it (Debian: apt install python3-venv)" >&2
      return 2
    }
  fi
  wanted=$(requirements_hash .venv/bin/python)
  if [[ "$(cat .venv/requirements.sha256 2>/dev/null)" != "$wanted" ]]; then
    echo "Installing what requirements-dev.txt says …" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
      --requirement requirements-dev.txt --constraint constraints.txt
    echo "$wanted" >.venv/requirements.sha256
  fi
}

prepare
