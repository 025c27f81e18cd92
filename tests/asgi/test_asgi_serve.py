"""`stanchion serve` with an app of another framework, as a process."""

import json
import shutil
import signal
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.cli.processes import printed, serving

URL = r"http://127[^\s/]+:\d+"
FAILING = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def life(app):
    raise ConnectionError("no database")
    yield

app = FastAPI(lifespan=life)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(Path(__file__).with_name("apps") / "fastapi_whole.py", tmp_path / "app.py")
    return tmp_path


def get(url: str, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_an_unmodified_fastapi_app(folder: Path) -> None:
    with serving(folder, "--port", "0", "--admin-port", "off") as process:
        url = printed(process, URL)
        status, body = get(url, "/items/7")
        assert (status, json.loads(body).get("state")) == (200, "open"), body
        assert b"FastAPI" in get(url, "/docs")[1]
        assert json.loads(get(url, "/openapi.json")[1])["info"]["title"] == "FastAPI"
        assert get(url, "/later") == (200, b'"at once"')
        with connect(url.replace("http", "ws") + "/echo") as client:
            client.send("hello")
            assert client.recv() == "hello"
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        output, _ = process.communicate(timeout=20)
    assert (process.returncode, output.splitlines()[-1]) == (0, "stopped")


def test_a_startup_that_fails_is_one_line(folder: Path) -> None:
    (folder / "app.py").write_text(FAILING)
    with serving(folder, "--port", "0", "--admin-port", "off") as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert (
        errors == "stanchion: the ASGI app fastapi.applications.FastAPI failed at start: ConnectionError: no database\n"
    )
