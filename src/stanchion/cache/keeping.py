"""Whether what runs in this context makes something that is kept.

A replica may be behind. What is made from its rows after it has become invalid would be kept as new, for all the time
that it is fresh, where the replica would have caught up in a moment. So what is kept is made from the primary's rows.
"""

from contextvars import ContextVar

keeping: ContextVar[bool] = ContextVar("stanchion-keeping", default=False)
