"""Compressed responses on a real connection: when what arrives, for whom, and what is left behind."""

import asyncio
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from stanchion import App, EventStream, Response, Stream
from stanchion.http.coding import encode
from stanchion.policies.compress import Compress
from tests.http.decoding import Decoder, decoded
from tests.wire.client import get
from tests.wire.live import LOOPS
from tests.wire.serving import Serving

LARGE = b"".join(b'{"id":%d,"at":%d}\n' % (n, n * 7919) for n in range(60_000))


class Source:
    """An app whose streams go on when they are told to."""

    def __init__(self, assets: Path) -> None:
        self.app = App("source", compress=Compress(types=("text/event-stream",)))
        self.go_on = asyncio.Event()
        self.made = 0
        self.ended = threading.Event()

        @self.app.get("/rows")
        async def rows() -> Stream:
            return Stream(self._rows(), media_type="text/csv")

        @self.app.get("/events")
        async def events() -> EventStream:
            return EventStream(self._rows())

        @self.app.get("/endless")
        async def endless() -> Stream:
            return Stream(self._endless(), media_type="text/plain")

        @self.app.get("/broken")
        async def broken() -> Stream:
            return Stream(self._broken(), media_type="text/plain")

        @self.app.get("/large")
        async def large() -> Response:
            return Response(LARGE, media_type="application/x-ndjson")

        @self.app.get("/waited")
        async def waited() -> Response:
            await asyncio.sleep(0)
            return Response(LARGE, media_type="application/x-ndjson")

        self.app.static("/assets", assets, precompressed=True)

    async def _rows(self) -> AsyncIterator[str]:
        for n in range(3):
            self.made += 1
            yield f"row {n}"
            await self.go_on.wait()

    async def _endless(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield LARGE[self.made : self.made + 70_000]
                self.made += 1
        finally:
            self.ended.set()

    async def _broken(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("no more")


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "rows.txt").write_bytes(LARGE)
    (tmp_path / "rows.txt.zst").write_bytes(encode("zstd", LARGE))
    (tmp_path / "rows.txt.gz").write_bytes(encode("gzip", LARGE))
    return Source(tmp_path)


@pytest.fixture(params=LOOPS)
def served(request: pytest.FixtureRequest, source: Source) -> Iterator[Serving]:
    serving = Serving(request.param, source.app)
    yield serving
    assert serving.stop() == []


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
@pytest.mark.parametrize(("path", "first"), [("/rows", b"row 0"), ("/events", b"data: row 0\n\n")])
def test_the_first_piece_is_there_before_the_second_is_made(
    served: Serving, source: Source, coding: str, path: str, first: bytes
) -> None:
    with served.connect() as client:
        client.send(get(path, f"accept-encoding: {coding}"))
        head = client.until(b"\r\n\r\n")
        assert f"Content-Encoding: {coding}".encode() in head
        decoder, seen = Decoder(coding), b""
        while len(seen) < len(first):
            size = int(client.until(b"\r\n"), 16)
            seen += decoder.feed(client.exactly(size))
            client.until(b"\r\n")
        assert (seen, source.made) == (first, 1)
        served.loop.call_soon_threadsafe(source.go_on.set)
        rest = client.until(b"\r\n0\r\n\r\n")
    assert len(rest) > 10
    assert source.made == 3


def test_the_source_waits_for_a_client_that_does_not_read(served: Serving, source: Source) -> None:
    client = served.connect(receive_buffer=4096)
    client.send(get("/endless", "accept-encoding: gzip"))
    made = 0
    for _ in range(50):  # until it makes no more
        time.sleep(0.1)
        if made == source.made > 0:
            break
        made = source.made
    assert made == source.made > 0
    client.reset()
    assert source.ended.wait(5)


def test_a_source_that_fails_cuts_the_connection(served: Serving) -> None:
    with served.connect() as client:
        client.send(get("/broken", "accept-encoding: zstd"))
        client.until(b"\r\n\r\n")
        assert b"\r\n0\r\n" not in client.rest_or_reset()
    assert any("/broken" in message for message in served.logged())


def test_a_large_body_and_the_next_request(served: Serving) -> None:
    with served.connect() as client:
        for path in ("/large", "/waited"):
            answer = client.send(get(path, "accept-encoding: br")).answer()
            assert answer.headers["content-encoding"] == "br"
            assert decoded("br", answer.body) == LARGE
        client.send(get("/large", "accept-encoding: gzip") * 3)
        assert [decoded("gzip", answer.body) for answer in client.answers(3)] == [LARGE] * 3


def test_http_1_0_gets_it_until_the_end(served: Serving) -> None:
    with served.connect() as client:
        client.send(b"GET /large HTTP/1.0\r\nhost: a\r\naccept-encoding: gzip\r\n\r\n")
        head = client.until(b"\r\n\r\n").lower()
        assert b"transfer-encoding" not in head
        assert decoded("gzip", client.rest()) == LARGE


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("path", ["/large", "/waited", "/assets/rows.txt"])
def test_curl_reads_it(served: Serving, path: str) -> None:
    url = f"http://127.0.0.1:{served.address[1]}{path}"
    curl = ["curl", "--silent", "--show-error", "--compressed", "--max-time", "10"]
    shown = subprocess.run([*curl, url], capture_output=True, timeout=20, check=True)
    told = subprocess.run([*curl, "--output", "/dev/null", "--write-out", "%{size_download}", url], capture_output=True)
    assert shown.stdout == LARGE
    assert 0 < int(told.stdout) < len(LARGE) / 2


def test_a_file_in_a_coding_goes_by_the_kernel(served: Serving) -> None:
    with served.connect() as client:
        answer = client.send(get("/assets/rows.txt", "accept-encoding: zstd, gzip;q=0.5")).answer()
    assert answer.body == encode("zstd", LARGE)
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("zstd", "Accept-Encoding")
    assert answer.headers["content-length"] == str(len(answer.body))
