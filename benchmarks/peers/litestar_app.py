"""Litestar: msgspec Structs by annotation, its native validator; the OpenAPI pages and logging are off."""

from os import environ

from litestar import Litestar, get, post
from models_msgspec import Item, Order, Receipt

paths = ["/items/{id:int}"]
paths += [f"/r{number}/{{id:int}}" for number in range(int(environ.get("BENCH_ROUTES", "0")))]


@get(paths)
async def item(id: int) -> Item:
    return Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True)


@post("/orders", status_code=200)
async def order(data: Order) -> Receipt:
    total = sum(line.quantity * line.unit_price for line in data.lines)
    return Receipt(id=data.id, total=total, lines=len(data.lines))


app = Litestar([item, order], openapi_config=None, logging_config=None)
