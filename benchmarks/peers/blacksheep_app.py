"""BlackSheep: pydantic for bodies, as its documentation recommends; msgspec plugged in as its JSON codec."""

from os import environ

import msgspec
from blacksheep import Application, json
from blacksheep.messages import Response
from blacksheep.server.bindings import FromJSON
from blacksheep.settings.json import json_settings
from models_msgspec import Item, Receipt
from models_pydantic import Order

encode = msgspec.json.Encoder().encode
json_settings.use(loads=msgspec.json.decode, dumps=lambda value: encode(value).decode())

app = Application()


async def item(id: int) -> Response:
    return json(Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True))


@app.router.post("/orders")
async def order(body: FromJSON[Order]) -> Response:
    value = body.value
    total = sum(line.quantity * line.unit_price for line in value.lines)
    return json(Receipt(id=value.id, total=total, lines=len(value.lines)))


app.router.get("/items/{id}")(item)
for number in range(int(environ.get("BENCH_ROUTES", "0"))):
    app.router.get(f"/r{number}/{{id}}")(item)
