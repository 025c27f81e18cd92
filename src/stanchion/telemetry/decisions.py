"""What protections have decided that is not a request's outcome alone: plain integers, one object an app.

The policies and pools of an app add to it; the worker brings it to the board ten times a second. So what is counted
needs neither a board nor a server, and `bulkhead` refusals of a test are where those of production are.
"""

from msgspec import Struct


class Decisions(Struct, eq=False):
    """Each field but the last four is a `Counter` of the board, in that order; those are gauges."""

    bulkhead_refused: int = 0
    """Requests turned away because their route or group was full."""
    pool_done: int = 0
    """Calls that threads and processes have finished."""
    pool_refused: int = 0
    """Calls turned away because the pool's queue was full."""
    pool_crashed: int = 0
    """Processes that died at work, or were killed because a call's deadline had passed."""
    dependency_calls: int = 0
    """Attempts of calls to dependencies."""
    dependency_refused: int = 0
    """Calls that a breaker did not let out."""
    retries: int = 0
    """Attempts after the first."""
    retries_denied: int = 0
    """Retries there was no budget for."""
    loop_blocked: int = 0
    """Times that the event loop was held for longer than `blocked_after`."""
    threads_busy: int = 0
    """Threads at work."""
    processes_busy: int = 0
    """Processes at work."""
    pool_waiting: int = 0
    """Calls that wait for a thread or a process."""
    cache_bytes: int = 0
    """Held by the memory tier of the caches."""
