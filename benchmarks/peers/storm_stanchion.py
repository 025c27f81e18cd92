"""Stanchion before a dependency: three retries a call, with the breaker and the budget that come with them."""

from asyncio import IncompleteReadError

from storm_dependency import ask

from stanchion import App, HTTPError

app = App("storm")
prices = app.dependency("prices", retries=3, timeout=0.5, pause=0.1)


@app.get("/price")
async def price() -> dict[str, int]:
    try:
        return {"price": await prices.call(ask)}
    except (OSError, IncompleteReadError):
        raise HTTPError("the prices do not answer", status=502) from None


@app.get("/ready")
async def ready() -> str:
    return "ready"
