"""Stanchion with one cached response of 1 KB.

BENCH_TIERS names where it is kept; with BENCH_STALE it is fresh for 50 ms, and served stale while it is made anew,
which takes 20 ms.
"""

from asyncio import sleep
from os import environ

from stanchion import App, Cache

BODY = "x" * 1024
TIERS = tuple(environ.get("BENCH_TIERS", "memory").split(","))
KEPT = Cache(ttl=0.05, stale=3600, tiers=TIERS) if environ.get("BENCH_STALE") else Cache(ttl=3600, tiers=TIERS)

app = App("caching")


@app.get("/kilobyte", cache=KEPT)
async def kilobyte() -> str:
    await sleep(0.02)
    return BODY
