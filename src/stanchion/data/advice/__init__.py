"""What would make a database's statements quicker: `stanchion db advise`.

Law: `rules` are pure, over `evidence` that has the same shape for every database; how the evidence is got is a file for
each (`postgres`, `sqlite`), and what it says of plans is read apart from the asking (`postgres_plans`, `sqlite_plans`).
Nothing here changes a database, but for the copy that `gain` is given.
"""
