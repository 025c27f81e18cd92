"""sd_notify and sd_listen_fds, with real sockets."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion.cluster.notify import listen_descriptors, notify
from stanchion.errors import ConfigurationError


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    """A service manager's end, not bound yet."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.settimeout(5)
        yield end


def test_the_manager_is_told_at_its_path(manager: socket.socket, tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    manager.bind(path)
    assert notify("READY=1\nSTATUS=prêt", {"NOTIFY_SOCKET": path})
    assert manager.recv(100).decode() == "READY=1\nSTATUS=prêt"


def test_an_abstract_socket_begins_with_an_at(manager: socket.socket) -> None:
    name = f"stanchion-test-{os.getpid()}"
    manager.bind("\0" + name)
    assert notify("STOPPING=1", {"NOTIFY_SOCKET": "@" + name})
    assert manager.recv(100) == b"STOPPING=1"


def test_the_environment_is_the_process_own(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "notify")
    manager.bind(path)
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    assert notify("WATCHDOG=1")
    assert manager.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("path", [None, "", "relative", "/nobody/listens/here", "/" + "x" * 200])
def test_without_a_manager_nothing_happens(path: str | None) -> None:
    assert not notify("READY=1", {} if path is None else {"NOTIFY_SOCKET": path})


def test_a_manager_that_reads_nothing_does_not_stop_the_server(manager: socket.socket, tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    manager.bind(path)
    told = 0
    while notify("x" * 10_000, {"NOTIFY_SOCKET": path}):
        told += 1
    assert told > 0


def test_descriptors_begin_at_three() -> None:
    assert listen_descriptors({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, 7) == [3, 4]
    assert listen_descriptors({"LISTEN_PID": "7", "LISTEN_FDS": "0"}, 7) == []


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "2"},
        {"LISTEN_PID": "7"},
        {"LISTEN_PID": "8", "LISTEN_FDS": "2"},  # of a parent, and inherited
        {"LISTEN_PID": "8", "LISTEN_FDS": "junk"},
    ],
)
def test_those_of_another_process_are_not_taken(environ: dict[str, str]) -> None:
    assert listen_descriptors(environ, 7) == []


@pytest.mark.parametrize("text", ["two", "", "-1", "1.5", "²"])
def test_a_number_that_is_none_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"LISTEN_FDS='.*': expected a whole number"):
        listen_descriptors({"LISTEN_PID": "7", "LISTEN_FDS": text}, 7)
