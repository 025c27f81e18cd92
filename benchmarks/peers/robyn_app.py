"""Robyn: typed parameters and pydantic bodies by annotation; one process and one worker thread, quiet."""

import sys
from os import environ

from models_pydantic import Item, Order, Receipt
from robyn import Robyn

app = Robyn(__file__)


async def item(id: int) -> Item:
    return Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True)


@app.post("/orders")
async def order(body: Order) -> Receipt:
    total = sum(line.quantity * line.unit_price for line in body.lines)
    return Receipt(id=body.id, total=total, lines=len(body.lines))


app.get("/items/:id")(item)
for number in range(int(environ.get("BENCH_ROUTES", "0"))):
    app.get(f"/r{number}/:id")(item)

if __name__ == "__main__":
    app.start(host="127.0.0.1", port=int(environ["BENCH_PORT"]), keep_alive_timeout=120)
    sys.exit(0)
