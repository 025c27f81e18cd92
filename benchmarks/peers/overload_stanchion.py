"""Stanchion under overload: 2 ms of work that never waits; its protections are the defaults."""

from time import perf_counter

from stanchion import App

app = App("overload")


async def work() -> dict[str, bool]:
    end = perf_counter() + 0.002
    while perf_counter() < end:
        pass
    return {"done": True}


app.get("/work")(work)
app.get("/critical", priority="critical")(work)
app.get("/background", priority="background")(work)
