"""Stanchion with a limit by address, never reached: in Redis exact, in Redis leased, on the board, and without one."""

from os import environ

from models_msgspec import Item

from stanchion import App, Limit

RATE = "100000000/min"
STORE = environ.get("BENCH_STORE") or None
LEASE = int(environ.get("BENCH_LEASE") or 0)

app = App("limits")
limit = Limit(RATE, by="ip", name="bench", store=STORE, lease=LEASE)


@app.get("/items/{id}", limit=[limit] if environ.get("BENCH_LIMIT") else [])
async def item(id: int) -> Item:
    return Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True)
