"""Every entry that is written down is sealed once, and every seal is led to a signed head."""

from tests.audit.conftest import Somebody


def test_what_is_written_is_sealed_signed_and_verified(somebody: Somebody) -> None:
    somebody.write(3)
    report = somebody.verification()
    assert (report["intact"], report["waiting_entries"], report["seals"]) == (True, 3, 0)
    somebody.seal()
    somebody.write(2)
    somebody.seal()
    report = somebody.verification()
    assert report["findings"] == []
    assert (report["entries"], report["seals"], report["attested_seals"], report["waiting_entries"]) == (5, 2, 2, 0)
