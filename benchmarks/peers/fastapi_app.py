"""FastAPI: pydantic models by annotation, the response model taken from the return type."""

from os import environ

from fastapi import FastAPI
from models_pydantic import Item, Order, Receipt

app = FastAPI()


async def item(id: int) -> Item:
    return Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True)


@app.post("/orders")
async def order(body: Order) -> Receipt:
    total = sum(line.quantity * line.unit_price for line in body.lines)
    return Receipt(id=body.id, total=total, lines=len(body.lines))


app.get("/items/{id}")(item)
for number in range(int(environ.get("BENCH_ROUTES", "0"))):
    app.get(f"/r{number}/{{id}}")(item)
