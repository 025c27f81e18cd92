"""No framework: one ASGI function, to show what uvicorn itself can carry."""

import msgspec
from models_msgspec import Item

encode = msgspec.json.Encoder().encode
JSON_HEADERS = [(b"content-type", b"application/json")]


async def app(scope, receive, send):
    path = scope["path"]
    if not path.startswith("/items/"):
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    id = int(path[7:])
    body = encode(Item(id=id, name=f"item {id}", price=id + 0.5, tags=["blue", "small"], in_stock=True))
    headers = [*JSON_HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
