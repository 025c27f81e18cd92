"""A client for tests: `with Client(app) as client: client.get("/airports/JFK").json()`."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import msgspec
from httptools import HttpResponseParser
from msgspec import Struct

from stanchion.app import App
from stanchion.settings import Settings
from stanchion.testing.transport import MemoryTransport
from stanchion.wire.http1.protocol import HTTP1
from stanchion.wire.loop import new_loop
from stanchion.wire.server import Server

T = TypeVar("T")
_READ = 64 * 1024


class Result(Struct):
    """A response as the client got it. Of a repeated header, `headers` has the last and `header_list` all."""

    status: int
    header_list: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """Header fields by lower-case name."""
        return {name.lower(): value for name, value in self.header_list}

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self, type: Any = Any) -> Any:
        """The body as JSON, converted to `type` if one is given."""
        return msgspec.json.decode(self.body, type=type)


class _Incoming:
    """Gathers one response from the parser."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body: list[bytes] = []
        self.headed = False
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, chunk: bytes) -> None:
        self.body.append(chunk)

    def on_headers_complete(self) -> None:
        self.headed = True

    def on_message_complete(self) -> None:
        self.complete = True

    def end(self) -> None:
        """The server has closed: the end of a body without a length, else of a broken response."""
        framed = {"content-length", "transfer-encoding"} & {name.lower() for name, _ in self.headers}
        if framed or not self.headed:
            where = "within" if self.headed else "before"
            raise ConnectionError(f"the server closed the connection {where} the response")
        self.complete = True


class Client:
    """Requests to an app, each on a connection of its own, with cookies kept between them.

    Use it as a context manager: entering runs the app's lifespans, leaving ends them. It owns an event loop, so it is
    for synchronous tests.
    """

    def __init__(self, app: App, settings: Settings | None = None) -> None:
        self._app = app
        self._settings = settings or Settings()
        self._runner = asyncio.Runner(loop_factory=new_loop)
        self.cookies: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._runner.__enter__()
        try:
            self._session = session(self._app, self._settings)
            self._server = self._run(self._session.__aenter__())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._session.__aexit__(kind, error, trace))
        finally:
            self._runner.close()

    def get(self, path: str, **options: Any) -> Result:
        """See `request`."""
        return self.request("GET", path, **options)

    def head(self, path: str, **options: Any) -> Result:
        """See `request`."""
        return self.request("HEAD", path, **options)

    def options(self, path: str, **options: Any) -> Result:
        """See `request`."""
        return self.request("OPTIONS", path, **options)

    def post(self, path: str, **options: Any) -> Result:
        """See `request`."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Result:
        """See `request`."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Result:
        """See `request`."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Result:
        """See `request`."""
        return self.request("DELETE", path, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        body: bytes | None = None,
        timeout: float = 10.0,
    ) -> Result:
        """Send a request and wait for its response, for `timeout` seconds at the most.

        `params` go into the query, percent-encoded; `json` is any value msgspec encodes; `path` is sent as it is given.
        """
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
        fields = {"host": "testserver", **{name.lower(): value for name, value in (headers or {}).items()}}
        if json is not None:
            body = msgspec.json.encode(json)
            fields.setdefault("content-type", "application/json")
        if body is not None and "transfer-encoding" not in fields:
            fields.setdefault("content-length", str(len(body)))
        if self.cookies:
            fields.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        message = head.encode("latin-1") + b"\r\n" + (body or b"")
        result = self._run(asyncio.wait_for(_exchange(self._server, message, method), timeout))
        self._keep_cookies(result)
        return result

    def _keep_cookies(self, result: Result) -> None:
        for name, value in result.header_list:
            if name.lower() == "set-cookie":
                pair, *attributes = value.split(";")
                key, _, content = pair.partition("=")
                if "max-age=0" in (attribute.strip().lower() for attribute in attributes):
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = content

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


@asynccontextmanager
async def session(app: App, settings: Settings) -> AsyncIterator[Server]:
    """The app's life on the running loop; connections are `HTTP1(server)`."""
    compiled = app.compile(settings)
    async with compiled.lifespan():
        server = Server(compiled, settings, asyncio.get_running_loop())
        try:
            yield server
        finally:
            await server.drain(settings.drain_timeout)
            server.stop()


async def _exchange(server: Server, message: bytes, method: str) -> Result:
    received = asyncio.StreamReader()
    connection = HTTP1(server)
    transport = MemoryTransport(connection, received)
    connection.data_received(message)
    incoming = _Incoming()
    parser = HttpResponseParser(incoming)
    try:
        while not incoming.complete:
            data = await received.read(_READ)
            parser.feed_data(data)
            if method == "HEAD" and incoming.headed:
                break
            if not data:
                incoming.end()
        return Result(parser.get_status_code(), incoming.headers, b"".join(incoming.body))
    finally:
        transport.close()
        await asyncio.sleep(0)
