"""Stanchion before PostgreSQL or SQLite (BENCH_DATABASE): a point read and a durable insert."""

from os import environ

from msgspec import Struct

from stanchion import App

app = App("databases")
db = app.database(environ["BENCH_DATABASE"], connections=int(environ.get("BENCH_CONNECTIONS", "20")))


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


@app.get("/slow", timeout=60)
async def slow() -> int:
    return await db.execute("SELECT pg_sleep(30)")
