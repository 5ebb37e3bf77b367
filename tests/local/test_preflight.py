"""Ports for programs that must be told one: whoever is told has time to take it."""

import socket

import pytest

from scripts.local.preflight import free_port


def test_a_port_is_kept_from_other_processes_that_ask_until_its_program_has_taken_it() -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another, pytest.raises(OSError, match="in use"):
        another.bind(("127.0.0.1", port))


def test_whoever_asks_the_system_for_any_port_does_not_get_one_that_was_given() -> None:
    given = [free_port() for _ in range(20)]
    assert len(set(given)) == 20
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        assert asking.getsockname()[1] > max(given)
