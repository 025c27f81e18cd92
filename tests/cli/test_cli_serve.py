"""The real server, started, asked, changed and stopped from outside."""

import json
import signal
import socket
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import pytest

from tests.cli.processes import Mistake, Stanchion, printed, serving

APP = """
from stanchion import App

app = App("probe")


@app.get("/")
async def index() -> dict[str, int]:
    return {"answer": 1}
"""
FREE = ("--port", "0", "--admin-port", "off")
URL = r"http://[^\s/]+:\d+"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def _get(url: str, path: str = "/") -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _answer(url: str) -> object:
    return json.loads(_get(url)[1])["answer"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_where_serves_and_stops_when_told(folder: Path, number: signal.Signals) -> None:
    with serving(folder, "--port", "0") as process:
        url = printed(process, URL)
        assert printed(process, URL + "/docs") == f"{url}/docs"
        assert _answer(url) == 1
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "stopped\n", "")


def test_docs_can_be_turned_off(folder: Path) -> None:
    with serving(folder, "--port", "0", "--no-docs") as process:
        url = printed(process, URL)
        assert _get(url, "/docs")[0] == 404
        assert _get(url, "/openapi.json")[0] == 404


def test_a_unix_socket(folder: Path) -> None:
    with serving(folder, "--unix-socket", "app.sock") as process:
        assert printed(process, r"unix:\S+") == "unix:app.sock"
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(folder / "app.sock"))
            client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_address_in_use(mistake: Mistake, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        message = mistake("serve", "app:app", "--port", port, "--admin-port", "off", cwd=folder)
    assert message.startswith(f"cannot listen on 127.0.0.1 port {port}: Address already in use; ")


def test_an_app_that_is_not_there(mistake: Mistake, folder: Path) -> None:
    message = mistake("serve", "app:api", *FREE, cwd=folder)
    assert message == "module 'app' has no 'api'; it has app:app"


def test_a_lifespan_that_cannot_start(mistake: Mistake, folder: Path) -> None:
    lifespan = """
from stanchion.errors import ConfigurationError

@app.lifespan
async def database(app):
    raise ConfigurationError("no database at db.example; start it")
    yield
"""
    (folder / "app.py").write_text(APP + lifespan)
    assert mistake("serve", "app:app", *FREE, cwd=folder) == "no database at db.example; start it"


def test_a_wrong_setting_is_told_before_the_app_is_imported(mistake: Mistake, folder: Path) -> None:
    (folder / "app.py").write_text("print('imported')")
    assert mistake("serve", "app:app", cwd=folder, STANCHION_PORT="x").startswith("STANCHION_PORT=x: expected")


def test_where_probes_and_metrics_are_is_printed(folder: Path) -> None:
    with serving(folder, "--port", "0", "--admin-port", "0", "--workers", "2") as process:
        assert _answer(printed(process, URL)) == 1
        line = printed(process, URL + "  .*")
        url, _, paths = line.partition("  ")
        assert paths == "/livez /readyz /metrics /status.json"
        assert {_get(url, path)[0] for path in paths.split()} == {200}


def test_reload_serves_what_was_changed_and_survives_a_broken_change(folder: Path) -> None:
    with serving(folder, "--port", "0", "--reload") as process:
        url = printed(process, URL)
        assert _answer(url) == 1
        (folder / "app.py").write_text("broken(")
        assert process.stderr is not None
        assert process.stderr.readline() == "changed: app.py; starting again\n"
        assert "cannot import 'app'" in process.stderr.readline()
        assert _answer(url) == 1
        (folder / "app.py").write_text(APP.replace("1}", "2}"))
        _eventually(lambda: _answer(url) == 2)
        process.terminate()
        assert process.wait(timeout=20) == 0
    with pytest.raises(ConnectionRefusedError):
        _get(url)


def test_reload_without_watchfiles_says_how_to_get_it(stanchion: Stanchion, folder: Path) -> None:
    (folder / "watchfiles.py").write_text("raise ImportError")
    result = stanchion("serve", "app:app", "--reload", *FREE, cwd=folder)
    assert result.returncode == 2
    assert result.stderr == "stanchion: --reload needs watchfiles; run: pip install 'stanchion[reload]'\n"


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not holds():
        assert monotonic() < deadline
        sleep(0.05)
