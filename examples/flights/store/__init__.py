"""Data access: SQL in, Structs out, nothing of HTTP.

SQL text is constant; a value from outside is always a parameter. Statements run on a pool's threads, so that
no query, however slow, holds up the event loop.
"""
