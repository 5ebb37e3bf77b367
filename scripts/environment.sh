# Sourced by the commands of this folder: goes to the repository's root; `prepare` makes .venv what the requirements say.

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

is_prepared() {
  local wanted
  wanted=$(requirements_hash .venv/bin/python 2>/dev/null) && [[ "$(cat .venv/requirements.sha256 2>/dev/null)" == "$wanted" ]]
}

# With what Python itself brings, so that whoever lacks something learns it before minutes of installing. Later the
# commands look by themselves.
preflight() {
  local python
  is_prepared && return
  python=$(find_python)
  "$python" -m scripts.local.preflight "$@"
}

prepare() {
  local python
  is_prepared && return
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Making .venv with $python …" >&2
    rm -rf .venv
    attend "$python" -m venv .venv || {
      rm -rf .venv
      echo "Python's venv module does not work: install it (Debian: apt install python3-venv)" >&2
      return 2
    }
  fi
  echo "Installing what requirements-dev.txt says …" >&2
  attend .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
    --requirement requirements-dev.txt --constraint constraints.txt
  requirements_hash .venv/bin/python >.venv/requirements.sha256
}

# Run a command in a process group of its own, which a signal to this script ends: bash would wait for a child in the
# foreground before it looks at a signal, and leave the child's own children.
attend() {
  local child status=0
  set -m
  "$@" &
  child=$!
  set +m
  trap 'end_group "$child"; exit 130' INT
  trap 'end_group "$child"; exit 143' TERM HUP
  wait "$child" || status=$?
  trap - INT TERM HUP
  return "$status"
}

end_group() {
  kill -TERM -- "-$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
