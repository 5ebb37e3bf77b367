"""What this machine must have, checked before anything starts: Java, Google's emulators and a free port.

Loads nothing that has to be installed, since as a command, `python3 -m scripts.local.preflight [--port PORT]`, it comes
before all installing.
"""

import argparse
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST_JAVA = 11
LAST_PORT = 65535
FIRESTORE_JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
PUBSUB_JAR = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
NOT_READY = 2
HOMEBREW_ROOTS = (
    "/opt/homebrew/share/google-cloud-sdk",
    "/opt/homebrew/Caskroom/google-cloud-sdk/latest/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
    "/usr/local/Caskroom/google-cloud-sdk/latest/google-cloud-sdk",
)

# Linux gives 32768 and above to whoever asks for any port, others still higher ones (RFC 6335, section 6).
_PORTS = range(15_000, 32_000)
_MOST_CLAIMS = 64
_given: set[int] = set()
_claims: list[socket.socket] = []


class NotReady(Exception):
    """The local cloud cannot start on this machine as it is. The message is one line, with the remedy."""


@dataclass(frozen=True)
class Tools:
    """What was found on this machine."""

    java: Path
    firestore_jar: Path
    pubsub_jar: Path


def find_tools() -> Tools:
    """Find Java and the two emulators. Raises `NotReady`."""
    firestore, pubsub = find_emulators(sdk_roots())
    return Tools(find_java(), firestore, pubsub)


def find_java() -> Path:
    """A Java of a version that the emulators run on. Raises `NotReady`."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None) or shutil.which("java")
    remedy = (
        f"install Java {OLDEST_JAVA} or later (Debian: apt install default-jre-headless; macOS: brew install openjdk)"
    )
    if found is None:
        raise NotReady(f"Java was not found: {remedy}, or set JAVA_HOME")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = java_version(said)
    if version is None:
        raise NotReady(f"{found} does not tell its version: {remedy}, or set JAVA_HOME")
    if version < OLDEST_JAVA:
        raise NotReady(f"{found} is Java {version}: {remedy}, or set JAVA_HOME")
    return Path(found)


def java_version(said: str) -> int | None:
    """The feature version in what `java -version` says: `17.0.15` is 17, and the old `1.8.0_202` is 8."""
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match[1]) if match else None


def find_emulators(roots: Iterable[Path]) -> tuple[Path, Path]:
    """The jars of Firestore and Pub/Sub in the first Google Cloud SDK that has both. Raises `NotReady`."""
    missing: set[str] = {"cloud-firestore-emulator", "pubsub-emulator"}
    for root in roots:
        firestore = root / FIRESTORE_JAR
        pubsub = max(root.glob(PUBSUB_JAR), default=None)
        if firestore.is_file() and pubsub is not None:
            return firestore, pubsub
        if firestore.is_file():
            missing = {"pubsub-emulator"}
        elif pubsub is not None:
            missing = {"cloud-firestore-emulator"}
    names = " ".join(sorted(missing))
    raise NotReady(
        f"Google's emulators were not found: install the Google Cloud CLI (https://cloud.google.com/sdk/docs/install), "
        f"then `gcloud components install {names}` (with apt: google-cloud-cli-firestore-emulator "
        "google-cloud-cli-pubsub-emulator), or set CLOUDSDK_ROOT_DIR"
    )


def sdk_roots() -> Iterator[Path]:
    """Where a Google Cloud SDK may be, the likely places first; asking gcloud itself is slow and comes last."""
    for variable in ("CLOUDSDK_ROOT_DIR", "CLOUDSDK_ROOT", "GOOGLE_CLOUD_SDK"):
        if os.environ.get(variable):
            yield Path(os.environ[variable])
    yield Path("/usr/lib/google-cloud-sdk")
    gcloud = shutil.which("gcloud")
    if gcloud:
        yield Path(gcloud).resolve().parents[1]
    yield Path.home() / "google-cloud-sdk"
    yield from map(Path, HOMEBREW_ROOTS)
    if gcloud:
        yield from _root_by_gcloud(gcloud)


def _root_by_gcloud(gcloud: str) -> Iterator[Path]:
    command = [gcloud, "info", "--format=value(installation.sdk_root)"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return
    if said:
        yield Path(said)


def bind(port: int) -> socket.socket:
    """A socket bound to the port on this machine, so that nobody else takes it while the rest starts.

    Port 0 is any free one. Raises `NotReady`.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
        bound.listen(128)
    except OverflowError:
        bound.close()
        raise NotReady(f"There is no port {port}: choose one from 0 to {LAST_PORT} with --port") from None
    except OSError as error:
        bound.close()
        raise NotReady(
            f"Port {port} cannot be used ({error.strerror}): stop what listens there, or choose another with --port"
        ) from None
    return bound


def free_port() -> int:
    """A port that nobody uses, for programs that must be told one. Given once, and by no other process that asks here
    until the program has had time to take it.

    It lies below those that systems give to whoever asks for any, so that none of these takes it meanwhile.
    """
    while True:
        port = secrets.choice(_PORTS)
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            # The claim holds the number among datagrams, which nobody here uses, and ends with this process.
            claim.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        if port in _given or is_taken(port):
            claim.close()
            continue
        _given.add(port)
        _claims.append(claim)
        if len(_claims) > _MOST_CLAIMS:
            _claims.pop(0).close()
        return port


def is_taken(port: int) -> bool:
    """Whether some program has the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def main() -> int:
    """Say in one line what is missing, if anything is; 2 if so. Arguments that others understand are left to them."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--port", type=int)
    given, _ = parser.parse_known_args()
    try:
        if given.port is not None:
            bind(given.port).close()
        find_tools()
    except NotReady as error:
        print(error, file=sys.stderr)
        return NOT_READY
    return 0


if __name__ == "__main__":
    sys.exit(main())
