"""FastAPI before a dependency: three retries a call, each with its time-out, after a random pause that doubles."""

import asyncio
from random import random

from fastapi import FastAPI, HTTPException
from storm_dependency import ask

RETRIES, TIMEOUT, PAUSE = 3, 0.5, 0.1
app = FastAPI()


@app.get("/price")
async def price() -> dict[str, int]:
    for attempt in range(RETRIES + 1):
        if attempt:
            await asyncio.sleep(random() * PAUSE * 2 ** (attempt - 1))
        try:
            async with asyncio.timeout(TIMEOUT):
                return {"price": await ask()}
        except (OSError, asyncio.IncompleteReadError):
            continue
    raise HTTPException(502, "the prices do not answer")


@app.get("/ready")
async def ready() -> str:
    return "ready"
