"""Reads and writes of a database, beside Fastify, Express and FastAPI: `python -m benchmarks.databases`.

A random point read from PostgreSQL and from SQLite, a durable insert, and a route without a database while the pool is
exhausted. One core has the server, the other wrk and PostgreSQL, whose own work is the same for all but for the number
of statements; so the figures that are compared are requests for a second of the server's processor time.
"""
