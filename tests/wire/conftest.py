"""Every test of the wire runs against a real server, on uvloop and on asyncio's own loop."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stanchion.settings import Settings
from stanchion.wire.http1.protocol import HTTP1
from tests.wire.live import LOOPS, Handler, Live

Serve = Callable[..., Live]


@pytest.fixture(params=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Any:
    return LOOPS[request.param]


@pytest.fixture(scope="module", params=LOOPS)
def shared(request: pytest.FixtureRequest) -> Iterator[Live]:
    """One server for all tests of a module that says in `HANDLERS` what is served."""
    live = Live(LOOPS[request.param], request.module.HANDLERS, Settings())
    yield live
    assert live.stop() == (0, [])


@pytest.fixture
def serve(new_loop: Any) -> Iterator[Serve]:
    """`serve({"/": handler}, max_body=10)`: a server, and at the end a check that it left nothing behind."""
    servers: list[Live] = []

    def start(handlers: dict[str, Handler], *, protocol: type[HTTP1] = HTTP1, **settings: Any) -> Live:
        servers.append(Live(new_loop, handlers, Settings(**settings), protocol))
        return servers[-1]

    yield start
    left = [live.stop() for live in servers]
    assert left == [(0, [])] * len(servers)
    assert [record.getMessage() for live in servers for record in live.logged()] == []
