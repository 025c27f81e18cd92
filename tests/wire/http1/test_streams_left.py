"""A client that leaves amid a stream whose source never waits: it has no end, and the loop has others to serve."""

import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from stanchion import App, Stream
from tests.wire.client import get
from tests.wire.live import LOOPS
from tests.wire.serving import Serving


class Endless:
    """An app with such a stream."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.app = App("endless")

        @self.app.get("/")
        async def endless() -> Stream:
            return Stream(self._pieces())

        @self.app.get("/other")
        async def other() -> str:
            return "served"

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            for _ in range(1_000_000):  # endless enough, and a test that fails comes to its end
                yield b"x" * 4096
        finally:
            self.ended.set()


@pytest.fixture
def endless() -> Endless:
    return Endless()


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, endless: Endless) -> Iterator[Serving]:
    serving = Serving(request.param, endless.app)
    yield serving
    assert serving.stop() == []


def test_its_source_is_closed_and_others_are_served(served: Serving, endless: Endless) -> None:
    client = served.connect(receive_buffer=4096)
    client.send(get("/"))
    client.until(b"\r\n\r\n")
    client.reset()
    assert endless.ended.wait(2)
    with served.connect() as other:
        assert other.send(get("/other")).answer().body == b"served"
