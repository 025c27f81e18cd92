"""Where the control socket is, and asking it: what `stanchion ps`, `reload`, `scale` and `stop` do."""

import os
import socket
import stat
import tempfile
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import msgspec

from stanchion.errors import ConfigurationError

_SUFFIX = ".sock"


class Refused(ConfigurationError):
    """The supervisor did not do what it was asked; the message is its reason."""

    code = "control-refused"


def default_path() -> str:
    """Of the supervisor that is this process.

    Raises:
        ConfigurationError: the folder for it is another user's, or cannot be made.
    """
    folder = _folder()
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700, parents=True)
        found = folder.lstat()
    except OSError as error:
        raise ConfigurationError(
            f"cannot make {folder}: {error.strerror}; name a place for the control socket with --control-socket"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigurationError(
            f"{folder} is not a folder of this user's alone; remove it, or name another place with --control-socket"
        )
    return str(folder / f"{os.getpid()}{_SUFFIX}")


def _folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "stanchion" if runtime else Path(tempfile.gettempdir()) / f"stanchion-{os.getuid()}"


def running() -> list[str]:
    """The control sockets of this user's servers; those a killed one has left behind are removed.

    One that refuses although its server lives is of a server that starts: bound, and not listening yet.
    """
    found = []
    for path in sorted(_folder().glob(f"*{_SUFFIX}")):
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(2)
                probe.connect(str(path))
        except ConnectionRefusedError:
            if not _lives(path.stem):
                path.unlink(missing_ok=True)
        except OSError:
            continue
        else:
            found.append(str(path))
    return found


def _lives(pid: str) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:  # another user's
        return True
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    return True


def ask(path: str, method: str, target: str, body: Any = None, *, timeout: float = 10.0) -> Any:
    """The supervisor's answer, as plain values.

    Raises:
        Refused: it does not do that, or nobody answers at `path`.
    """
    connection = _Unix(path, timeout)
    try:
        content = None if body is None else msgspec.json.encode(body)
        connection.request(method, target, content, {"content-type": "application/json"} if content else {})
        response = connection.getresponse()
        answer = msgspec.json.decode(response.read())
    except (OSError, HTTPException, msgspec.DecodeError) as error:
        raise Refused(f"no answer from {path}: {error}; is the server running, and yours?") from None
    finally:
        connection.close()
    if response.status >= 400:
        raise Refused(answer.get("detail") or answer["title"])
    return answer


class _Unix(HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
