"""FastAPI with asyncpg's pool, or with aiosqlite where BENCH_DATABASE is a file: a query a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os import environ

import aiosqlite
import asyncpg
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

URL = environ["BENCH_DATABASE"]


class Item(BaseModel):
    item: int
    name: str
    price: float
    stock: int


class NewOrder(BaseModel):
    item: int
    name: str
    quantity: int


class Order(NewOrder):
    id: int


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    if URL.startswith("sqlite:///"):
        async with aiosqlite.connect(URL.removeprefix("sqlite:///")) as app.state.sqlite:
            yield
    else:
        async with asyncpg.create_pool(URL, min_size=10, max_size=10) as app.state.pool:
            yield


app = FastAPI(lifespan=lifespan)


@app.get("/items/{item}")
async def item(item: int) -> Item:
    if URL.startswith("sqlite:///"):
        statement = "SELECT item, name, price, stock FROM items WHERE item = ?"
        async with app.state.sqlite.execute(statement, (item,)) as cursor:
            row = await cursor.fetchone()
    else:
        row = await app.state.pool.fetchrow("SELECT item, name, price, stock FROM items WHERE item = $1", item)
    if row is None:
        raise HTTPException(404)
    return Item(item=row[0], name=row[1], price=row[2], stock=row[3])


@app.post("/orders")
async def order(order: NewOrder) -> Order:
    statement = "INSERT INTO orders (item, name, quantity) VALUES ($1, $2, $3) RETURNING id"
    id = await app.state.pool.fetchval(statement, order.item, order.name, order.quantity)
    return Order(id=id, item=order.item, name=order.name, quantity=order.quantity)
