"""`stanchion scale` and a budget of connections: each worker's share is that among the workers there are."""

import threading
from pathlib import Path

from tests.cluster.conftest import Serve, serve
from tests.cluster.running import Server, until
from tests.data.postgres_server import PostgresServer, needs_postgres
from tests.data.shop import on_server

pytestmark = needs_postgres
__all__ = ["serve"]  # a fixture
APP = """
import asyncio
from pathlib import Path

from stanchion import App

app = App("scaled")
database = app.database({url!r}, connections={connections})


@app.get("/read")
async def read() -> None:
    while not Path("enough").exists():
        await asyncio.sleep(0.05)


@app.get("/nap")
async def nap() -> int | None:
    return await database.execute("SELECT pg_sleep(0.1)")
"""
OURS = "SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'stanchion scaled/main'"


def served(serve: Serve, folder: Path, url: str, connections: int) -> Server:
    (folder / "app.py").write_text(APP.format(url=url, connections=connections))
    return serve("--workers", "1")


def connections_after_a_crowd(server: Server, url: str) -> int:
    """What the server sees of the app once each worker has had more to do than it has connections for."""
    crowd = [threading.Thread(target=server.get, args=("/nap",)) for _ in range(60)]
    most = 0
    for client in crowd:
        client.start()
    while any(client.is_alive() for client in crowd):
        most = max(most, on_server(url, OURS))
    return max(most, on_server(url, OURS))


def test_shares_follow_the_number_of_workers(serve: Serve, postgres: PostgresServer, tmp_path: Path) -> None:
    server = served(serve, tmp_path, postgres.url, 12)
    url = postgres.url
    assert connections_after_a_crowd(server, url) == 6  # 12 for one worker, and one in its place at a reload
    server.command("scale", "2", check=True)
    until(
        lambda: on_server(url, OURS) <= 4 + 1
    )  # the first keeps four of its six, the second has asked how many there are
    assert connections_after_a_crowd(server, url) == 2 * 4
    server.command("scale", "3", check=True)
    assert connections_after_a_crowd(server, url) == 3 * 3
    server.command("scale", "1", check=True)
    until(lambda: len(server.workers()) == 1 and on_server(url, OURS) <= 6)
    assert until(lambda: connections_after_a_crowd(server, url) == 6)


def test_a_reload_keeps_to_the_budget_however_long_the_old_workers_drain(
    serve: Serve, postgres: PostgresServer, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP.format(url=postgres.url, connections=12))
    server = serve("--workers", "2")
    assert connections_after_a_crowd(server, postgres.url) == 2 * 4
    old = set(server.workers().values())
    long = [threading.Thread(target=server.get, args=("/read",)) for _ in range(20)]
    for client in long:
        client.start()
    server.reload()
    until(lambda: on_server(postgres.url, OURS) <= 2 * 2 + 2)  # two of each old one, what the new ones began with
    assert connections_after_a_crowd(server, postgres.url) <= 12
    assert old & {one["pid"] for one in server.status()["workers"]} == old
    (tmp_path / "enough").touch()
    for client in long:
        client.join()


def test_more_workers_than_there_are_connections_for(serve: Serve, postgres: PostgresServer, tmp_path: Path) -> None:
    server = served(serve, tmp_path, postgres.url, 3)
    done = server.command("scale", "4")
    assert (done.returncode, done.stdout) == (2, "")
    assert "connections=3 for 5 processes" in done.stderr
    assert [server.get("/nap")[0] for _ in range(20)] == [200] * 20  # whichever slot's sockets they reach
    assert len(server.workers()) == 1
    server.command("scale", "2", check=True)
    assert len(server.workers()) == 2
