"""No framework: one RSGI function, to show what Granian itself can carry."""

import msgspec
from models_msgspec import Item

encode = msgspec.json.Encoder().encode
JSON_HEADERS = [("content-type", "application/json")]


async def app(scope, protocol):
    path = scope.path
    if not path.startswith("/items/"):
        protocol.response_empty(404, [])
        return
    id = int(path[7:])
    body = encode(Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True))
    protocol.response_bytes(200, JSON_HEADERS, body)
