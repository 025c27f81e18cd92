"""A native app for other servers, and a FastAPI app mounted in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, WebSocket
from msgspec import Struct

from stanchion import App, File, HTTPError, Response, Stream
from stanchion.policies.body_limit import BodyLimit

CANCELLED: list[str] = []


@asynccontextmanager
async def life(app: FastAPI) -> AsyncIterator[dict[str, str]]:
    yield {"of": "mount"}


api = FastAPI(lifespan=life)


@api.get("/items/{number}")
async def read_item(number: int, request: Request) -> dict[str, object]:
    return {"number": number, "state": request.state.of, "root_path": request.scope["root_path"]}


@api.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())


class Item(Struct):
    number: int


class Database:
    def __init__(self, up: bool) -> None:
        self.up = up


app = App("native")
app.mount("/v1", api)
app.mount("/v2", api, timeout=5)


@api.post("/size")
async def size(request: Request) -> int:
    return len(await request.body())


@app.lifespan
async def started(app: App) -> AsyncIterator[None]:
    app.provide(Database, Database(True))
    yield


@app.get("/")
async def index(database: Database) -> dict[str, bool]:
    return {"started": database.up}


@app.get("/plain", run="inline")
def plain() -> str:
    return "plain"


@app.post("/items/{number}", policies=[BodyLimit(bytes=100)])
async def write_item(number: int, item: Item) -> Item:
    return Item(number + item.number)


@app.get("/refused")
async def refused() -> None:
    raise HTTPError("not today", status=418, code="teapot")


@app.get("/broken")
async def broken() -> None:
    raise KeyError("broken")


@app.get("/split")
async def split() -> Response:
    return Response("x", headers={"X-Split": "a\r\nb: c"})


@app.get("/stream")
async def stream() -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d\n" % number
            await asyncio.sleep(0)

    return Stream(chunks(), media_type="text/plain")


@app.get("/file")
async def file() -> File:
    return File(Path(__file__).with_name("large.bin"))


@app.get("/slow")
async def slow() -> None:
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        CANCELLED.append("slow")
        raise


@app.get("/cancelled")
async def cancelled() -> list[str]:
    return CANCELLED
