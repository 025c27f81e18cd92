"""Work that would hold the event loop, done elsewhere: in threads, or in processes of its own.

Law: every pool is bounded in those who work and in those who wait, says no at once beyond that, and takes the deadline
of whom it works for. What dies in a pool is one call, never the pool.
"""
