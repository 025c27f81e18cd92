"""How much is taken on: of one client, of all together, of a dependency; and what is tried again.

Law: an algorithm is a pure step from an old state, the time and what is asked to a new state and a decision; the clock
is the caller's, and there is no HTTP. A store of rate limits keeps states and applies the step to one as if nobody else
existed: the board's table for the processes of a machine, Redis for several machines. What happens when a store fails
is the caller's to declare.
"""
