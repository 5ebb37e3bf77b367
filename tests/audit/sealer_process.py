"""A sealer in a process of its own: seals everything for each line that it reads, and then writes one."""

import sys

from lib.audit import heads, seals


def main() -> None:
    for _ in sys.stdin:
        seals.seal_waiting(lambda: True)
        heads.attest_waiting(lambda: True)
        print("sealed", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
