"""How much is taken on: how often a client may ask, how many at once, who waits, who is turned away, what is retried.

Law: an algorithm is plain Python with the clock passed in, without HTTP, task or I/O: a step from an old state to a new
one and a decision, which is carried out elsewhere. A store keeps the states of rate limits and applies a step as if
nobody else existed: the board's table for the processes of a machine, Redis for several machines. What happens when a
store fails is the caller's to declare.
"""
