"""Tokens that a worker has taken from a store in advance, so that most requests need not ask it.

What is taken is spent at the store from that moment on. So a client never gets more than the limit and what workers
hold for it at that time: over-admission is bounded by the outstanding leases, and a worker that is killed makes it
fewer. A lease lasts a second; what is left of it then is given back.
"""

from collections import OrderedDict
from collections.abc import Iterator

from msgspec import Struct

from stanchion.limits.decision import Decision
from stanchion.limits.rate import SECOND

LASTS = SECOND
"""Nanoseconds."""

MOST = 4096
"""Clients for whom a worker holds tokens at one time; others are decided on at the store."""


class Lease(Struct, gc=False):
    """What one client has here."""

    tokens: int
    until: int
    remaining: int
    """At the store, when it was last asked."""
    reset: int
    """Nanoseconds until the quota would be whole again, when it was last asked."""


class Leases:
    """One limit's leases in one worker; `now` is in nanoseconds."""

    def __init__(self) -> None:
        self._leases: OrderedDict[str, Lease] = OrderedDict()  # the first ends first: all last for the same time
        self.taken = 0
        """Tokens taken in advance since the start."""
        self.settled = 0
        """Tokens of those that were spent or are no longer held."""

    def __repr__(self) -> str:
        return f"<Leases for {len(self._leases)} clients, {self.outstanding} tokens outstanding>"

    @property
    def outstanding(self) -> int:
        """Tokens that are held."""
        return self.taken - self.settled

    @property
    def full(self) -> bool:
        """Nothing more can be held."""
        return len(self._leases) >= MOST

    def spend(self, client: str, cost: int, now: int) -> Decision | None:
        """Allow a request out of what is held; None where that is not enough, or too old."""
        lease = self._leases.get(client)
        if lease is None or lease.tokens < cost or lease.until <= now:
            return None
        lease.tokens -= cost
        self.settled += cost
        if not lease.tokens:
            del self._leases[client]
        return Decision(True, lease.remaining + lease.tokens, 0, lease.reset)

    def keep(self, client: str, tokens: int, decision: Decision, now: int) -> None:
        """Hold tokens that were taken along with a decision."""
        held = self._leases.pop(client, None)
        self.taken += tokens
        total = tokens if held is None else tokens + held.tokens
        self._leases[client] = Lease(total, now + LASTS, decision.remaining, decision.reset)

    def ended(self, now: int) -> Iterator[tuple[str, int]]:
        """Let go of what has lasted its time: clients, and the tokens to give back for each."""
        while self._leases:
            client, lease = next(iter(self._leases.items()))
            if lease.until > now:
                return
            del self._leases[client]
            self.settled += lease.tokens
            yield client, lease.tokens
