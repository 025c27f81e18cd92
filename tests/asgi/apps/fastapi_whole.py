"""An unmodified FastAPI app that uses what such apps use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request, UploadFile, WebSocket
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.websockets import WebSocketDisconnect

EVENTS: list[str] = []


@asynccontextmanager
async def life(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    EVENTS.append("up")
    yield {"database": "open"}
    EVENTS.append("down")


app = FastAPI(lifespan=life)


class Broken(Exception):
    pass


@app.exception_handler(Broken)
async def on_broken(request: Request, error: Broken) -> JSONResponse:
    return JSONResponse({"broken": request.url.path}, status_code=418)


async def session() -> AsyncIterator[str]:
    EVENTS.append("session")
    yield "session"
    EVENTS.append("session over")


@app.get("/items/{number}")
async def read_item(number: int, request: Request, session: Annotated[str, Depends(session)]) -> dict[str, Any]:
    return {"number": number, "state": request.state.database, "session": session, "url": str(request.url)}


@app.get("/thread")
def thread() -> str:
    return "from a thread"


@app.get("/cookies")
async def cookies(response: Response) -> None:
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            for number in range(3):
                yield b"%d\n" % number
                await asyncio.sleep(0)
        finally:
            EVENTS.append("stream over")

    return StreamingResponse(chunks(), headers={"content-length": "6"})


@app.get("/endless")
async def endless() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(10_000)
        finally:
            EVENTS.append("endless over")

    return StreamingResponse(chunks())


@app.get("/breaks")
async def breaks() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"begun"
        raise KeyError("in the middle")

    return StreamingResponse(chunks())


@app.get("/later")
async def later(tasks: BackgroundTasks) -> str:
    async def work() -> None:
        await asyncio.sleep(0.05)
        EVENTS.append("worked")

    tasks.add_task(work)
    return "at once"


@app.get("/slow")
async def slow() -> None:
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        EVENTS.append("cancelled")
        raise


@app.get("/file")
async def file() -> FileResponse:
    return FileResponse(Path(__file__), headers={"x-own": "1"})


@app.post("/upload")
async def upload(file: UploadFile) -> dict[str, Any]:
    return {"name": file.filename, "size": len(await file.read())}


@app.get("/raise")
async def raising() -> None:
    raise Broken


@app.get("/refuse")
async def refuse() -> None:
    raise HTTPException(404, "not here", headers={"x-why": "gone"})


@app.get("/bug")
async def bug() -> None:
    raise KeyError("bug")


@app.get("/empty", status_code=204)
async def empty() -> None:
    return None


@app.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept(subprotocol=next(iter(socket.scope["subprotocols"]), None), headers=[(b"x-own", b"1")])
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect as error:
        EVENTS.append(f"closed {error.code}")


@app.websocket("/deny")
async def deny(socket: WebSocket) -> None:
    await socket.send_denial_response(JSONResponse({"why": "no"}, status_code=401))


@app.websocket("/turn-away")
async def turn_away(socket: WebSocket) -> None:
    await socket.close()


@app.websocket("/fails")
async def fails(socket: WebSocket) -> None:
    await socket.accept()
    raise KeyError("fails")


@app.websocket("/flood")
async def flood(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_bytes(bytes(100_000))
        EVENTS.append("flooded")


included = APIRouter(prefix="/users")


@included.get("/{user}/books/{book}")
async def book(user: str, book: int) -> str:
    return f"{user} {book}"


app.include_router(included, prefix="/api")

inner = FastAPI()


@inner.get("/leaf/{leaf}")
async def leaf(leaf: str) -> str:
    return leaf


app.mount("/plain", inner)
app.mount("/of/{tenant}", inner)
