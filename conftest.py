"""What every test and every docstring example can use; and no network."""

import socket

import pytest

import gridgis
from gridgis.sample import small_example

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


@pytest.fixture(autouse=True)
def _names(doctest_namespace):
    doctest_namespace.update({name: getattr(gridgis, name) for name in gridgis.__all__})
    doctest_namespace["gg"] = gridgis
    doctest_namespace["example"] = small_example()
