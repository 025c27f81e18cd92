import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.processes import Mistake, Stanchion, environment

APP = """
import functools

from stanchion import App, Router

app = App("shop", timeout=2)
admin = Router("/admin", timeout=None)


def logged(handler):
    @functools.wraps(handler)
    async def call(*args, **kwargs):
        return await handler(*args, **kwargs)

    return call


@app.get("/items/{sku}", body_limit=10)
async def item(sku: str) -> dict[str, str]:
    return {"sku": sku}


@admin.post("/reset")
@logged
async def reset() -> None: ...


app.include(admin)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("routes")
    (folder / "app.py").write_text(APP)
    again = "\n\n@app.get('/items/{id}')\nasync def again(id: str) -> None: ...\n"
    (folder / "twice.py").write_text(APP + again)
    return folder


def test_the_table_has_effective_policies(stanchion: Stanchion, folder: Path) -> None:
    result = stanchion("routes", "app:app", cwd=folder)
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["Method", "Path", "Handler", "Policies"]
    assert [row.split(maxsplit=3) for row in rows] == [
        ["GET", "/items/{sku}", "app.item", "BodyLimit(bytes=10) Timeout(seconds=2)"],
        ["POST", "/admin/reset", "app.reset", "-"],
    ]


def test_json_is_for_programs(stanchion: Stanchion, folder: Path) -> None:
    routes = json.loads(stanchion("routes", "app:app", "--json", cwd=folder).stdout)
    assert [route["path"] for route in routes] == ["/items/{sku}", "/admin/reset"]
    assert routes[0] == {
        "method": "GET",
        "path": "/items/{sku}",
        "handler": "app.item",
        "name": "item",
        "policies": ["BodyLimit(bytes=10)", "Timeout(seconds=2)"],
    }


def test_the_source_made_for_a_route(stanchion: Stanchion, folder: Path) -> None:
    result = stanchion("routes", "app:app", "--source", "get", "/items/{sku}", cwd=folder)
    assert result.returncode == 0
    compile(result.stdout, "source", "exec")
    assert "sku" in result.stdout


def test_no_such_route(mistake: Mistake, folder: Path) -> None:
    assert mistake("routes", "app:app", "--source", "GET", "/items/7", cwd=folder) == (
        "no route GET /items/7; give method and path as `stanchion routes` prints them"
    )


def test_what_could_not_be_served_is_a_mistake_here_too(mistake: Mistake, folder: Path) -> None:
    message = mistake("routes", "twice:app", cwd=folder)
    assert "/items/{sku}" in message
    assert "/items/{id}" in message


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough(folder: Path, unbuffered: str) -> None:
    """As in `stanchion routes app:app | head`: no traceback, and no failure that a script could not tell."""
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, "-m", "stanchion", "routes", "app:app"],
        cwd=folder,
        env=environment(PYTHONUNBUFFERED=unbuffered),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (result.returncode, result.stderr) == (1, "")
