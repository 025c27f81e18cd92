"""The layered cache: what may be stored and reused, where it is kept, and how it becomes invalid.

Law: what RFC 9111 says is decided by plain functions of fields and times, without I/O, with the clock passed in
(`rules/`). A tier keeps entries within bounds and knows nothing of HTTP; its failure is a miss, never an error
(`tiers/`). The engine joins the two, and makes one call of many that miss at the same time.
"""
