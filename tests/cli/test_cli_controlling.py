"""`ps`, `reload`, `scale` and `stop` against servers that run, one, several and none of them."""

import json
import re

import pytest

from tests.cluster.conftest import Serve
from tests.cluster.running import Server, until

COMMANDS = (["ps"], ["reload"], ["scale", "2"], ["stop"])


def complaint(server: Server, *arguments: str) -> str:
    """What a command says that cannot do what it is told."""
    done = server.command(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr.removeprefix("stanchion: ")


def test_ps_prints_a_table(serve: Serve) -> None:
    server = serve("--workers", "2")
    pids = server.full()
    first, control, header, *rows = server.command("ps", check=True).stdout.splitlines()
    assert re.fullmatch(rf"app:app on http://127\.0\.0\.1:{server.port}, ready, up \d+s?", first)
    assert control == f"  control socket {server.folder}/stanchion/{server.process.pid}.sock"
    assert re.split(r"  +", header)[:2] == ["Slot", "PID"]
    assert [row.split()[:2] for row in rows] == [[str(slot), str(pid)] for slot, pid in sorted(pids.items())]
    assert all(row.endswith("serving") for row in rows)


def test_ps_prints_routes_and_what_is_amiss(serve: Serve) -> None:
    server = serve("--workers", "1", "--check-interval", "0.1")
    assert server.get("/pid")[0] == 200
    (server.folder / "broken").touch()
    (server.folder / "startup").write_text("exit")
    server.reload_fails()
    server.kill(server.full()[0])
    until(lambda: server.errors.count("has no worker") >= 3)
    page = server.command("ps", "--routes", check=True).stdout
    assert ", not ready, up " in page
    assert "  workers: 0 of 1 serve\n" in page
    assert "  replaced: 1 crash\n" in page
    assert re.search(r"^0 +- .* starts in \d\.\d s$", page, re.MULTILINE)
    assert re.search(r"^GET +/pid +1 +0 +0 +\d+\.\d ms +\d+\.\d ms +\d+\.\d ms$", page, re.MULTILINE)


def test_ps_prints_json(serve: Serve) -> None:
    server = serve("--workers", "2")
    found = json.loads(server.command("ps", "--json", check=True).stdout)
    (status,) = found.values()
    assert list(found) == [f"{server.folder}/stanchion/{server.process.pid}.sock"]
    assert (status["app"], status["pid"], len(status["workers"])) == ("app:app", server.process.pid, 2)


def test_reload_says_what_it_did(serve: Serve) -> None:
    server = serve("--workers", "2")
    pids = server.full()
    assert server.command("reload", check=True).stdout == "every worker is new\n"
    assert not set(pids.values()) & set(server.full().values())


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_no_server_at_all(serve: Serve, arguments: list[str]) -> None:
    server = serve()
    assert server.command("stop", check=True).stdout == "stopping\n"
    assert server.ended() == 0
    assert complaint(server, *arguments) == (
        "no server of yours runs here; start one with `stanchion serve`, or name its control socket with --socket\n"
    )
    assert complaint(server, *arguments, "--socket", "gone.sock").startswith("no answer from gone.sock: ")


def test_one_of_several_has_to_be_named(serve: Serve) -> None:
    one, other = serve("--workers", "1"), serve("--workers", "1", "--control-socket", "other.sock")
    third = serve("--workers", "1")
    found = json.loads(one.command("ps", "--json", check=True).stdout)
    assert {status["pid"] for status in found.values()} == {one.process.pid, third.process.pid}
    for arguments in COMMANDS[1:]:
        message = complaint(one, *arguments)
        assert message.startswith("2 servers run; name one: --socket ")
        assert all(path in message for path in found)
    assert one.command("scale", "2", "--socket", "other.sock", check=True).stdout == "2 workers\n"
    assert [len(server.full()) for server in (one, other, third)] == [1, 2, 1]
    assert one.command("stop", "--socket", "other.sock", check=True).stdout == "stopping\n"
    assert other.ended() == 0
    assert one.process.poll() is third.process.poll() is None


@pytest.mark.parametrize(
    ("count", "message"), [("0", "0 workers: expected 1 to 8; "), ("99", "99 workers: expected 1 to 8; "), ("x", "N: ")]
)
def test_a_number_of_workers_that_cannot_be(serve: Serve, count: str, message: str) -> None:
    assert message in complaint(serve("--workers", "1"), "scale", count)
