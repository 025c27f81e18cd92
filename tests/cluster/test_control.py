"""The control socket's place, and asking there."""

import os
import re
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stanchion.cluster.control import Refused, ask, default_path, running
from stanchion.errors import ConfigurationError


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that $XDG_RUNTIME_DIR names."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@contextmanager
def answering(path: str, answer: bytes) -> Iterator[list[bytes]]:
    """Answer one request at a socket; the head and the body that were received."""
    received: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as file:
                head = b"".join(iter(file.readline, b"\r\n"))
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                received.extend((head, file.read(int(length[1])) if length else b""))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield received
        thread.join()


def http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


def test_the_folder_is_made_for_its_owner_alone(runtime: Path) -> None:
    assert default_path() == default_path() == f"{runtime}/stanchion/{os.getpid()}.sock"
    assert stat.S_IMODE((runtime / "stanchion").stat().st_mode) == 0o700


def test_without_a_runtime_folder_it_is_in_the_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert default_path() == f"{tmp_path}/stanchion-{os.getuid()}/{os.getpid()}.sock"


@pytest.mark.parametrize("kind", ["open to others", "link", "file"])
def test_a_folder_of_somebody_elses_making_is_refused(runtime: Path, kind: str) -> None:
    folder = runtime / "stanchion"
    if kind == "open to others":
        folder.mkdir()
        folder.chmod(0o710)
    elif kind == "link":
        (runtime / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(runtime / "elsewhere")
    else:
        folder.write_text("")
    with pytest.raises(ConfigurationError, match=r"is not a folder of this user's alone; remove it, or name another"):
        default_path()


def test_a_folder_that_cannot_be_made(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runtime / "file").write_text("")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "file"))
    with pytest.raises(ConfigurationError, match=r"^cannot make .*/file/stanchion: Not a directory; name a place for"):
        default_path()


def test_running_finds_who_answers_and_removes_who_has_ended(runtime: Path) -> None:
    folder = runtime / "stanchion"
    assert running() == []
    folder.mkdir(mode=0o700)
    with subprocess.Popen(["true"]) as ended:
        pass
    killed = folder / f"{ended.pid}.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(killed))
    starting = folder / f"{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(starting))
    (folder / "2.sock").write_text("no socket")
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(folder / "3.sock"))
        alive.listen()
        assert running() == [str(folder / "3.sock")]
    assert not killed.exists()
    assert starting.exists()


def test_asking(tmp_path: Path) -> None:
    path = str(tmp_path / "c.sock")
    with answering(path, http(200, b'{"done":"2 workers"}')) as received:
        assert ask(path, "POST", "/scale", {"workers": 2}) == {"done": "2 workers"}
    head, body = received
    assert head.startswith(b"POST /scale HTTP/1.1\r\n")
    assert b"content-type: application/json" in head
    assert body == b'{"workers":2}'


@pytest.mark.parametrize(
    ("body", "message"),
    [(b'{"title":"Conflict","detail":"stopping"}', "stopping"), (b'{"title":"Conflict"}', "Conflict")],
)
def test_a_refusal_is_its_reason(tmp_path: Path, body: bytes, message: str) -> None:
    path = str(tmp_path / "c.sock")
    with answering(path, http(409, body)), pytest.raises(Refused) as caught:
        ask(path, "POST", "/reload")
    assert (str(caught.value), caught.value.code) == (message, "control-refused")


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", http(200, b"no JSON")])
def test_what_is_no_answer(tmp_path: Path, answer: bytes) -> None:
    path = str(tmp_path / "c.sock")
    with (
        answering(path, answer),
        pytest.raises(Refused, match=r"(?s)^no answer from .*; is the server running, and yours\?$"),
    ):
        ask(path, "GET", "/status.json")


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"^no answer from .*No such file"):
        ask(str(tmp_path / "gone.sock"), "GET", "/status.json")
