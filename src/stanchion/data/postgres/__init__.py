"""PostgreSQL by asyncpg: its pool, bounded by the deadline, and its errors by their outcome."""
