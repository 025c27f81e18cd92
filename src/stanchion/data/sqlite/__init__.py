"""SQLite off the event loop: one thread writes, a few read, and a batch of calls is one hop."""
