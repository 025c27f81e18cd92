"""FastAPI under overload: 2 ms of work, at once or after a wait of 5 ms. It has no admission of its own."""

import asyncio
from time import perf_counter

from fastapi import FastAPI

app = FastAPI()


@app.get("/work")
async def work() -> dict[str, bool]:
    end = perf_counter() + 0.002
    while perf_counter() < end:
        pass
    return {"done": True}


@app.get("/task")
async def task() -> dict[str, bool]:
    await asyncio.sleep(0.005)
    return await work()
