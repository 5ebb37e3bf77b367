"""What an instance of the vault does in a process of its own; apart, so that it loads no more than that."""

from lib.accounts import certificates
from lib.accounts.vault import key_sweeps, keysets, rotation, sealing, store
from lib.accounts.vault.epochs import advancing
from lib.core.store import UserId


def rotate(user: UserId) -> bool:
    return rotation.rotate(user)


def rotate_all_due() -> None:
    key_sweeps.rotate_keysets()


def end_epoch() -> None:
    while advancing.advance():
        continue


def tokens(user: UserId) -> dict[str, tuple[str, str]]:
    """All tokens of the person, opened with the keyset as it is stored."""
    keysets.forget(user)
    found = {name: sealing.opened(user, name, kept.sealed) for name, kept in store.all_of(user).items()}
    return {name: (one.access, one.refresh) for name, one in found.items()}


def certificate(receipt: str) -> dict[str, str]:
    return certificates.read(receipt).model_dump()
