"""A primary and its streaming replicas as one database: who is what, who reads, and who must not read anything older.

Law: what the servers say of themselves is all that decides. `lag` and `roles` are arithmetic; `node` asks one server,
`driver` puts them together. Positions are bytes of the write-ahead log (PostgreSQL's LSN as a number).
"""
