"""Cached responses and proxied ones, beside nginx, Express, Fastify and FastAPI: `python -m benchmarks.caching`.

A response of 1 KB: from memory, from the machine's tier, while it is revalidated, through a proxy to an upstream, and
an Express app's own behind `stanchion gateway`. One core has the server, the other wrk, Redis and the upstream.
"""
