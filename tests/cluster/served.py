"""The app that the tests of the cluster serve. It is copied to a folder as `app.py`: some tests change it there."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

from stanchion import App, Request

VERSION = "first"
app = App("ledger")
LEDGER = os.open("ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
kept: list[bytes] = []


def note(what: str, name: str) -> None:
    """Append a line to the ledger. One write is whole, and it is there whatever becomes of this process."""
    os.write(LEDGER, f"{what} {name} {os.getpid()}\n".encode())


@app.lifespan
async def startup(app: App) -> AsyncIterator[None]:
    """Do what the file `startup` says, if it is there."""
    command = Path("startup").read_text() if Path("startup").exists() else ""
    if command == "fail":
        raise ValueError("the lifespan was told to fail")
    if command == "exit":
        os._exit(7)
    if command == "wait":
        await asyncio.sleep(60)
    yield


@app.ready_check("switch")
async def switch() -> None:
    """Pass unless the file `broken` is there. It first runs when the worker has just said that it serves."""
    if Path("startup").exists() and Path("startup").read_text() == "die":
        os._exit(9)
    if Path("broken").exists():
        raise RuntimeError("the switch is off")


async def serve(request: Request, seconds: float) -> str:
    """Be at work for a time, with a line in the ledger before and after."""
    name = (await request.body()).decode()
    note("begun", name)
    if seconds:
        await asyncio.sleep(seconds)
    note("done", name)
    return str(os.getpid())


@app.post("/work")
async def work(request: Request) -> str:
    return await serve(request, 0.5)


@app.post("/quick")
async def quick(request: Request) -> str:
    return await serve(request, 0)


@app.get("/pid", run="inline")
def pid() -> str:
    return str(os.getpid())


@app.get("/version", run="inline")
def version() -> str:
    return VERSION


@app.get("/sleep")
async def sleep(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


@app.get("/block")
async def block(seconds: float) -> str:
    """Block the loop, the interpreter's lock let go."""
    time.sleep(seconds)
    return "blocked"


@app.get("/stuck")
async def stuck() -> str:
    """Block the whole interpreter: a regular expression that backtracks for longer than anybody waits."""
    return str(re.match("(a+)+$", "a" * 60 + "b"))


@app.post("/spin")
async def spin(request: Request) -> str:
    """Use the CPU for 20 ms."""
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        pass
    return "spun"


@app.get("/grow")
async def grow(size: int) -> str:
    """Keep this many bytes, written to."""
    kept.append(b"x" * size)
    return str(os.getpid())
