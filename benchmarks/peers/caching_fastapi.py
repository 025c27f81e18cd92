"""FastAPI with one response of 1 KB kept in Redis, as most teams write it: look it up, else make it and keep it."""

from os import environ

from fastapi import FastAPI, Response
from redis.asyncio import Redis

BODY = b"x" * 1024

app = FastAPI()
store = Redis.from_url(environ["BENCH_STORE"])


@app.get("/kilobyte")
async def kilobyte() -> Response:
    body = await store.get("kilobyte")
    if body is None:
        body = BODY
        await store.set("kilobyte", body, ex=3600)
    return Response(body, media_type="text/plain", headers={"Cache-Control": "public, max-age=3600"})
