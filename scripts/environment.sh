# Sourced by the commands: enters the project, and makes .venv with the pinned packages whenever they changed.
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
export PYTHONPATH="$root" PYTHONDONTWRITEBYTECODE=1

python_command="${PYTHON:-python3}"
if ! "$python_command" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Briefly needs Python 3.11 or later: install it (apt-get install python3 python3-venv) or set PYTHON." >&2
  exit 1
fi

wanted="$(cat requirements.txt requirements-dev.txt | cksum)"
if [ "$(cat .venv/.requirements 2>/dev/null)" != "$wanted" ]; then
  echo "Setting up .venv …" >&2
  [ -x .venv/bin/python ] || "$python_command" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
  echo "$wanted" > .venv/.requirements
fi
