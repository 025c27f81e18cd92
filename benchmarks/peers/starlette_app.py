"""Starlette: the path's `int` convertor; it brings no validator, so the fastest free choice, msgspec."""

from os import environ

import msgspec
from models_msgspec import Item, Order, Receipt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

encode = msgspec.json.Encoder().encode
decode_order = msgspec.json.Decoder(Order).decode


async def item(request: Request) -> Response:
    id = request.path_params["id"]
    body = Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True)
    return Response(encode(body), media_type="application/json")


async def order(request: Request) -> Response:
    try:
        body = decode_order(await request.body())
    except msgspec.DecodeError as error:
        return Response(encode({"detail": str(error)}), status_code=422, media_type="application/json")
    total = sum(line.quantity * line.unit_price for line in body.lines)
    receipt = Receipt(id=body.id, total=total, lines=len(body.lines))
    return Response(encode(receipt), media_type="application/json")


routes = [Route("/items/{id:int}", item), Route("/orders", order, methods=["POST"])]
routes += [Route(f"/r{number}/{{id:int}}", item) for number in range(int(environ.get("BENCH_ROUTES", "0")))]
app = Starlette(routes=routes)
