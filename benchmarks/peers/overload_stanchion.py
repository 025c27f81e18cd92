"""Stanchion under overload: 2 ms of work, at once or after a wait of 5 ms; its protections are the defaults."""

import asyncio
from time import perf_counter

from stanchion import App

app = App("overload")


async def work() -> dict[str, bool]:
    end = perf_counter() + 0.002
    while perf_counter() < end:
        pass
    return {"done": True}


async def task() -> dict[str, bool]:
    await asyncio.sleep(0.005)
    return await work()


app.get("/work")(work)
app.get("/task")(task)
app.get("/critical", priority="critical")(work)
app.get("/background", priority="background")(work)
