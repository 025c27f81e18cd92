"""Heavy queries beside the database, not in it: DuckDB in processes of their own, over copies of tables and over files.

Law: the worker's loop sees neither a table's rows nor DuckDB. What runs in a process (`duck`, `packing`) knows no app:
it has so much memory, so many threads and so much time, reads the files it was given, and loads no extension.
"""
