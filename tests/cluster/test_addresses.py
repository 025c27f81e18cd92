"""Where a server is found: its own sockets, systemd's, and the control socket, for its owner alone."""

import os
import re
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.client import Client
from tests.cluster.conftest import Connect, Serve
from tests.cluster.running import until

ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Executes a command as systemd does for a socket unit: the descriptor is 3, and for this process."""


def test_sockets_that_systemd_has_opened(serve: Serve, connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        wrap = [sys.executable, "-c", ACTIVATE, str(opened.fileno())]
        server = serve("--workers", "2", wrap=wrap, inherit=[opened.fileno()])
        assert server.port == port
        burst = connect(port, 40)
        first = server.full()
        assert {int(client.get("/pid")[1]) for client in burst} <= set(first.values())
        server.reload()
        server.full(without=list(first.values()))
        assert {client.get("/pid")[0] for client in (*burst, *connect(port, 10))} == {200}
        server.kill(server.process.pid, signal.SIGTERM)
        assert server.ended() == 0
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1  # systemd's, as it was


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What a service manager listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(20)
        yield end


def test_what_a_service_manager_is_told(serve: Serve, manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": str(manager.getsockname()), "WATCHDOG_USEC": "30000000"}
    server = serve("--workers", "2", environ=environ)
    told = [manager.recv(100)]
    assert told == [b"READY=1"]
    assert manager.recv(100) == b"WATCHDOG=1"
    server.reload()
    server.kill(server.process.pid, signal.SIGTERM)
    assert server.ended() == 0
    manager.setblocking(False)
    while True:
        try:
            told.append(manager.recv(100))
        except BlockingIOError:
            break
    assert [text for text in told if text != b"WATCHDOG=1"] == [b"READY=1", b"RELOADING=1", b"READY=1", b"STOPPING=1"]


@pytest.mark.parametrize("admin", [False, True])
def test_a_port_that_is_served_is_refused(serve: Serve, admin: bool) -> None:
    server = serve("--workers", "2")
    port = server.admin_port if admin else server.port
    second = serve("--workers", "2", "--admin-port" if admin else "--port", str(port), wait=False)
    assert second.ended() == 2
    assert second.errors.startswith(f"stanchion: cannot listen on 127.0.0.1 port {port}: Address already in use; ")
    assert ("--admin-port" in second.errors) == admin
    assert second.errors.count("\n") == 1
    assert second.processes() == []


def test_a_unix_socket_that_is_served_is_refused_and_a_stale_one_replaced(serve: Serve) -> None:
    first = serve("--unix-socket", "app.sock")
    second = serve("--unix-socket", "app.sock", wait=False)
    assert second.ended() == 2
    assert second.errors == "stanchion: cannot listen on app.sock: Address already in use; choose another\n"
    client = Client(str(first.folder / "app.sock"))
    assert client.get("/pid")[0] == 200
    client.close()
    first.process.kill()
    first.process.wait()
    until(lambda: not first.processes())
    third = serve("--unix-socket", "app.sock")
    client = Client(str(third.folder / "app.sock"))
    assert client.get("/pid")[0] == 200
    client.close()


def test_the_control_socket_is_for_its_owner_alone(serve: Serve) -> None:
    server = serve()
    path = server.folder / "stanchion" / f"{server.process.pid}.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_can_enter_is_refused(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "stanchion").mkdir(mode=0o755)
    os.chmod(tmp_path / "stanchion", 0o755)
    server = serve(wait=False)
    assert server.ended() == 2
    assert "is not a folder of this user's alone; " in server.errors
    assert server.errors.count("\n") == 1
    assert server.processes() == []


def test_the_control_socket_of_a_killed_server_is_removed(serve: Serve) -> None:
    server = serve()
    server.process.kill()
    server.process.wait()
    path = server.folder / "stanchion" / f"{server.process.pid}.sock"
    assert path.exists()
    done = server.command("ps")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("stanchion: no server of yours runs here; ")
    assert not path.exists()


def test_the_admin_routes_on_a_unix_socket(serve: Serve) -> None:
    server = serve("--admin-socket", "admin.sock")
    assert re.search(r"unix:admin\.sock  /livez", server.output)
    client = Client(str(server.folder / "admin.sock"))
    assert client.get("/livez") == (200, b"ok\n")
    assert client.get("/readyz")[0] == 200
    client.close()


def test_no_admin_port(serve: Serve) -> None:
    server = serve("--admin-port", "off", wait=False)
    assert server.get("/pid")[0] == 200
    assert "/livez" not in server.output
    assert server.command("ps", check=True).stdout.startswith("app:app on http://127.0.0.1:")
