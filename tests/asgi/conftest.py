"""Apps on a real server, on uvloop and on asyncio's own loop; nothing may be left behind."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stanchion.app import App
from stanchion.settings import Settings
from tests.asgi.served import ServedApp
from tests.wire.live import LOOPS

Serve = Callable[..., ServedApp]


@pytest.fixture(params=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


@pytest.fixture
def serve_app(new_loop: Any) -> Iterator[Serve]:
    """`serve_app(asgi_app, prefix="/v1", timeout=1, settings={…})`: a server with the app mounted."""
    servers: list[ServedApp] = []

    def serve(app: Any, prefix: str = "/", settings: dict[str, Any] | None = None, **policies: Any) -> ServedApp:
        outer = App("outer")
        outer.mount(prefix, app, **policies)
        servers.append(ServedApp(new_loop, outer, Settings(**(settings or {}))))
        return servers[-1]

    yield serve
    assert [server.stop() for server in servers] == [[]] * len(servers)
    assert [line for server in servers for line in server.logged()] == []


@pytest.fixture
def whole() -> ModuleType:
    """The FastAPI app, imported anew."""
    path = Path(__file__).with_name("apps") / "fastapi_whole.py"
    spec = importlib.util.spec_from_file_location("fastapi_whole", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
