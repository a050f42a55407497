"""No network in any test; no test hangs on the speed of the machine, or on chance."""

import socket

import pytest
from hypothesis import settings

settings.register_profile("no clock", deadline=None, derandomize=True)
settings.load_profile("no clock")

_connect = socket.socket.connect


def _connect_nearby(line, address):
    """Refuse to leave this machine; a browser and a notebook kernel talk to the tests over the loopback."""
    if line.family != getattr(socket, "AF_UNIX", None) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"no network in tests: {address[0]}")
    return _connect(line, address)


@pytest.fixture(autouse=True, scope="session")
def _offline():
    socket.socket.connect = _connect_nearby
    yield
    socket.socket.connect = _connect
