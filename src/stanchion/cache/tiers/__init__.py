"""Where entries are kept: in this process, in memory that the workers of a machine share, on a server for many.

Law: a tier holds bytes, or objects, by key, within a bound, and knows nothing of HTTP or of what an entry means. What
it cannot give it does not have: a tier that fails, is full, or has been damaged answers with a miss, counts it, and
raises nothing. The request path never waits for longer than a declared time.
"""
