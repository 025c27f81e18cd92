"""Rate limits: how much a client may ask for, decided exactly and without HTTP.

Law: an algorithm is a pure step from an old state, the time and a cost to a new state and a decision; the clock is the
caller's. A store keeps states and applies the step to one as if nobody else existed: the board's table for the
processes of a machine, Redis for several machines. What happens when a store fails is the caller's to declare.
"""
