"""Falcon (ASGI): the path's `int` converter; msgspec for media and validation, by its own documentation."""

from os import environ

import falcon
import falcon.asgi
import falcon.media
import msgspec
from models_msgspec import Item, Order, Receipt


class Items:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, id: int) -> None:
        resp.media = Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True)


class Orders:
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        body = msgspec.convert(await req.get_media(), Order)
        total = sum(line.quantity * line.unit_price for line in body.lines)
        resp.media = Receipt(id=body.id, total=total, lines=len(body.lines))


async def refuse(
    req: falcon.asgi.Request, resp: falcon.asgi.Response, error: Exception, params: dict[str, object]
) -> None:
    raise falcon.HTTPUnprocessableEntity(description=str(error))


app = falcon.asgi.App()
handler = falcon.media.JSONHandler(dumps=msgspec.json.Encoder().encode, loads=msgspec.json.Decoder().decode)
app.req_options.media_handlers[falcon.MEDIA_JSON] = handler
app.resp_options.media_handlers[falcon.MEDIA_JSON] = handler
app.add_error_handler(msgspec.ValidationError, refuse)
items = Items()
app.add_route("/items/{id:int}", items)
app.add_route("/orders", Orders())
for number in range(int(environ.get("BENCH_ROUTES", "0"))):
    app.add_route(f"/r{number}/{{id:int}}", items)
