"""Stanchion before PostgreSQL or SQLite (BENCH_DATABASE): a point read and a durable insert.

With BENCH_EXHAUSTED all its connections are in use, and 500 statements wait for one, for as long as it runs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from os import environ

from msgspec import Struct

from stanchion import App
from stanchion.errors import HTTPError

app = App("databases")
db = app.database(environ["BENCH_DATABASE"])


class Item(Struct):
    item: int
    name: str
    price: float
    stock: int


class NewOrder(Struct):
    item: int
    name: str
    quantity: int


class Order(Struct):
    item: int
    name: str
    quantity: int
    id: int | None = None


db.table(Order, "orders", key="id")


@app.get("/items/{item}")
async def item(item: int) -> Item:
    return await db.get(Item, item)


@app.post("/orders")
async def order(order: NewOrder) -> Order:
    return await db.insert(Order(order.item, order.name, order.quantity))


@app.get("/plain/{item}")
async def plain(item: int) -> Item:
    return Item(item, f"item {item}", item + 0.5, 7)


async def hold() -> None:
    while True:
        with suppress(HTTPError):  # it has waited for as long as it may
            await db.execute("SELECT pg_sleep(5)")


@app.lifespan
async def exhausted(app: App) -> AsyncIterator[None]:
    holding = [asyncio.create_task(hold()) for _ in range(520 if environ.get("BENCH_EXHAUSTED") else 0)]
    yield
    for task in holding:
        task.cancel()
    await asyncio.gather(*holding, return_exceptions=True)
