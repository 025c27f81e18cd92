"""What does not start is said in one line, leaves no process behind, and never takes the place of what serves."""

from pathlib import Path

import pytest

from tests.cluster.conftest import Serve
from tests.cluster.running import Server, until


def why(server: Server) -> str:
    """The last line of a server that could not start."""
    assert server.ended(30) == 2, server.errors
    assert server.output == ""
    assert server.processes() == []
    return server.errors.splitlines()[-1].removeprefix("stanchion: ")


def test_code_that_cannot_be_imported(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("broken(\n")
    server = serve("--workers", "3", wait=False)
    assert why(server).startswith("cannot import 'app': SyntaxError: ")
    assert server.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("fail", "the lifespan startup failed at start: ValueError: the lifespan was told to fail"),
        ("exit", "a worker ended at its start, with exit code 7"),
        ("wait", "a worker was not ready within 1 s"),
    ],
)
def test_a_worker_that_does_not_become_ready(serve: Serve, tmp_path: Path, command: str, message: str) -> None:
    (tmp_path / "startup").write_text(command)
    timeout = "1" if command == "wait" else "30"
    assert why(serve("--workers", "2", "--start-timeout", timeout, wait=False)) == message


def test_a_setting_that_is_wrong(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "stanchion.toml").write_text("workers = 0\n")
    server = serve(wait=False)
    assert "workers" in why(server)
    assert server.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("app.py", "broken(\n", "cannot import 'app': SyntaxError: "),
        ("startup", "fail", "the lifespan startup failed at start: ValueError: the lifespan was told to fail (0 of 2 "),
        ("startup", "exit", "a worker ended at its start, with exit code 7 (0 of 2 workers are new, "),
        ("startup", "wait", "a worker was not ready within 6 s (0 of 2 workers are new, "),
        (
            "stanchion.toml",
            "backlog = 100\nmax_series = 99\n",
            "backlog, max_series cannot change while ",
        ),
        ("stanchion.toml", "drain_timeout = -1\n", "stanchion.toml: drain_timeout = -1: expected "),
    ],
)
def test_a_reload_that_fails_says_why_and_changes_nothing(serve: Serve, file: str, content: str, message: str) -> None:
    server = serve("--workers", "2", "--start-timeout", "6" if content == "wait" else "30")
    pids, path = server.full(), server.folder / file
    before = path.read_text() if path.exists() else ""
    path.write_text(content)
    assert server.reload_fails().startswith(message)
    assert (server.full(), server.status()["restarts"]) == (pids, {})
    path.write_text(before)
    server.reload()
    assert not set(server.full().values()) & set(pids.values())


def test_a_reload_takes_new_code_and_new_settings(serve: Serve, tmp_path: Path) -> None:
    settings = tmp_path / "stanchion.toml"
    settings.write_text("workers = 2\n")
    server = serve()
    assert (server.get("/version"), server.get("/docs")[0], len(server.full())) == ((200, b"first"), 200, 2)
    settings.write_text("workers = 3\ndocs = false\n")
    program = server.folder / "app.py"
    program.write_text(program.read_text().replace('"first"', '"second"'))
    server.reload()
    assert (server.get("/version"), server.get("/docs")[0], len(server.full())) == ((200, b"second"), 404, 3)
    settings.write_text("workers = 1\n")
    server.reload()
    assert len(server.full()) == 1


def test_sighup_reloads(serve: Serve) -> None:
    server = serve("--workers", "2")
    pids = server.full()
    server.process.send_signal(1)
    assert not set(server.full(without=list(pids.values())).values()) & set(pids.values())


def test_a_crashed_worker_whose_successor_cannot_start_is_waited_for(serve: Serve) -> None:
    server = serve("--workers", "2")
    victim, other = server.full()[0], server.full()[1]
    (server.folder / "startup").write_text("exit")
    server.kill(victim)
    until(lambda: server.errors.count("slot 0 has no worker") >= 2, 40)
    status = server.status()
    assert (status["ready"], status["checks"]["workers"]["detail"]) == (True, "1 of 2 serve")
    assert {int(server.get("/pid")[1]) for _ in range(20)} == {other}
    (server.folder / "startup").unlink()
    server.full(without=[victim])


def test_a_reload_mends_a_slot_whose_worker_cannot_start(serve: Serve) -> None:
    server = serve("--workers", "1")
    (victim,) = server.full().values()
    (server.folder / "startup").write_text("exit")
    server.kill(victim)
    until(lambda: server.errors.count("slot 0 has no worker") >= 3, 40)
    assert server.admin("/readyz")[0] == 503
    (server.folder / "startup").unlink()
    server.reload()
    assert server.get("/version") == (200, b"first")


def test_a_worker_that_dies_as_soon_as_it_serves_leaves_no_slot_without_one(serve: Serve) -> None:
    server = serve("--workers", "2")
    (server.folder / "startup").write_text("die")
    server.command("reload")  # either outcome is right: it served, or it did not
    (server.folder / "startup").unlink()
    server.full()
    assert server.get("/version") == (200, b"first")
