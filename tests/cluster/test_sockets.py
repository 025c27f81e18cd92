"""Listening sockets: bound, shared out to slots, refused with a mend."""

import os
import socket
import stat
from pathlib import Path

import pytest

from stanchion.cluster.sockets import Listeners, bind_tcp, bind_unix, check_free, url
from stanchion.errors import ConfigurationError
from stanchion.settings import Settings


def test_every_slot_has_a_socket_of_its_own_on_one_port() -> None:
    listeners = Listeners(Settings(port=0))
    try:
        (first,), (second,) = listeners.of(0), listeners.of(1)
        assert first.getsockname() == second.getsockname()
        assert first.fileno() != second.fileno()
        assert (listeners.of(1)[0], listeners.shared) == (second, False)
        assert listeners.urls == [f"http://127.0.0.1:{first.getsockname()[1]}"]
        with socket.create_connection(first.getsockname()):
            pass
    finally:
        listeners.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(listeners.urls[0].rpartition(":")[2])))


def test_a_unix_socket_is_shared_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    listeners = Listeners(Settings(unix_socket=str(path)))
    assert (listeners.of(0), listeners.shared) == (listeners.of(7), True)
    assert listeners.urls == [f"unix:{path}"]
    listeners.close()
    listeners.unlink()
    assert not path.exists()
    listeners.unlink()


def test_an_address_that_is_served_is_not_free_although_it_could_be_shared() -> None:
    with bind_tcp("127.0.0.1", 0, 8, reuse_port=True) as served:
        port = served.getsockname()[1]
        bind_tcp("127.0.0.1", port, 8, reuse_port=True).close()
        with pytest.raises(
            ConfigurationError, match=rf"^cannot listen on 127\.0\.0\.1 port {port}: .*; choose another$"
        ):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", port)
    check_free("127.0.0.1", 0)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(ConfigurationError, match=r"^cannot listen on 192\.0\.2\.1 port 80: Cannot assign"):
        bind_tcp("192.0.2.1", 80, 8)


def test_ipv6_takes_ipv4_too() -> None:
    with bind_tcp("::", 0, 8) as listener:
        assert url(listener) == f"http://[::]:{listener.getsockname()[1]}"
        with socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
            pass


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_the_mode_of_a_unix_socket(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o022)
    try:
        with bind_unix(str(tmp_path / "a.sock"), 8, mode=mode):
            assert stat.S_IMODE((tmp_path / "a.sock").stat().st_mode) == mode
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_what_a_killed_server_left_behind_is_replaced_and_what_is_served_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "a.sock")
    bind_unix(path, 8).close()
    with bind_unix(path, 8), pytest.raises(ConfigurationError, match=r"a\.sock: Address already in use; choose"):
        bind_unix(path, 8)


def test_a_file_that_is_no_socket_is_let_be(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    path.write_text("precious")
    with pytest.raises(ConfigurationError, match="Address already in use"):
        bind_unix(str(path), 8)
    assert path.read_text() == "precious"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone/a\.sock: No such file or directory"):
        bind_unix(str(tmp_path / "gone" / "a.sock"), 8)
