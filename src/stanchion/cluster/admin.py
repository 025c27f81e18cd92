"""The admin port and the control socket: an app of ours, served by the supervisor, which has nothing else to do.

It answers from the board and from what workers have reported, so it never waits for a worker, a database or a queue.
"""

import asyncio
import socket
from typing import Protocol

from msgspec import Struct

from stanchion.app import App
from stanchion.cluster.status import Check, Status, is_ready
from stanchion.errors import HTTPError
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.settings import Settings
from stanchion.telemetry.exposition import CONTENT_TYPE, OPENMETRICS_TYPE
from stanchion.wire.http1.protocol import HTTP1
from stanchion.wire.server import Server

_SETTINGS = Settings(docs=False, admission=False, max_connections=1000, keep_alive_timeout=75, threads=1)
_NO_STORE = {"Cache-Control": "no-store"}


class Readiness(Struct, frozen=True, kw_only=True):
    """The answer of /readyz, with 200 or 503."""

    ready: bool
    checks: dict[str, Check]


class Scale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many workers there should be."""

    workers: int


class Outcome(Struct, frozen=True, kw_only=True):
    """What was done."""

    done: str


class Supervising(Protocol):
    """What is served of a supervisor."""

    def readiness(self) -> dict[str, Check]: ...

    def status(self) -> Status: ...

    def metrics(self, *, openmetrics: bool) -> bytes: ...

    async def reload(self) -> str | None: ...

    async def scale(self, count: int) -> str | None: ...

    def stop(self) -> None: ...


def admin_app(supervisor: Supervising) -> App:
    """Probes, metrics and the status: reading only."""
    app = App("stanchion admin")

    @app.get("/livez", run="inline")
    def livez() -> Response:
        return Response("ok\n", headers=_NO_STORE)

    @app.get("/readyz", run="inline")
    def readyz() -> Response:
        checks = supervisor.readiness()
        ready = is_ready(checks)
        return Response(Readiness(ready=ready, checks=checks), 200 if ready else 503, headers=_NO_STORE)

    @app.get("/metrics", run="inline")
    def metrics(request: Request) -> Response:
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        media_type = OPENMETRICS_TYPE if openmetrics else CONTENT_TYPE
        return Response(supervisor.metrics(openmetrics=openmetrics), media_type=media_type, headers=_NO_STORE)

    @app.get("/status.json", run="inline")
    def status() -> Status:
        return supervisor.status()

    return app


def control_app(supervisor: Supervising) -> App:
    """The same, and what changes the server: for the socket that its owner alone can reach."""
    app = admin_app(supervisor)

    @app.post("/reload")
    async def reload() -> Outcome:
        return _outcome(await supervisor.reload(), "every worker is new")

    @app.post("/scale")
    async def scale(order: Scale) -> Outcome:
        return _outcome(await supervisor.scale(order.workers), f"{order.workers} workers")

    @app.post("/stop")
    async def stop() -> Outcome:
        supervisor.stop()
        return Outcome(done="stopping")

    return app


def _outcome(why: str | None, done: str) -> Outcome:
    if why is not None:
        raise HTTPError(why, status=409, code="not-done")
    return Outcome(done=done)


async def serve(app: App, listener: socket.socket) -> Server:
    """Serve the app on this process's own loop."""
    loop = asyncio.get_running_loop()
    server = Server(app.compile(_SETTINGS), _SETTINGS, loop)
    await loop.create_server(lambda: HTTP1(server), sock=listener)
    return server
