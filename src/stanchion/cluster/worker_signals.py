"""The signals a worker and its supervisor agree on."""

import signal

DUMP_SIGNAL = signal.SIGUSR1
"""Has the stacks of all threads written to standard error, whatever the interpreter is doing."""
BLOCKED = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, DUMP_SIGNAL))
"""Blocked from the fork until the worker has its handlers, so that none of them can end a worker that starts."""
