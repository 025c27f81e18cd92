"""FastAPI under overload: 2 ms of work in an `async def`. It has no admission of its own."""

from time import perf_counter

from fastapi import FastAPI

app = FastAPI()


@app.get("/work")
async def work() -> dict[str, bool]:
    end = perf_counter() + 0.002
    while perf_counter() < end:
        pass
    return {"done": True}
