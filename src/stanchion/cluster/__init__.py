"""Every core, and no dropped request: a supervisor, its workers, and what passes between them.

Law: the supervisor owns what must outlive a worker (listening sockets, inboxes, the board, log pipes) and never touches
a request. Workers are spawned, not forked, and get all they need as descriptors over one channel. A new worker serves
before an old one is retired. What is to be decided (back-off, recycling, balance, quota) is plain Python with the clock
passed in; what acts on it is here beside.
"""
