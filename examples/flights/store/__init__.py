"""Data access: SQL in, Structs out, nothing of HTTP.

SQL text is made of constants; a value from outside is always a parameter. All of it is taken by SQLite and PostgreSQL
alike.
"""
