"""A limit's states on the board: exact over all processes of the machine, with no server."""

from collections.abc import Callable
from hashlib import blake2b
from time import monotonic_ns

from stanchion.board import Board
from stanchion.limits.decision import Decision, Rule


class BoardStore:
    """One limit's clients in the board's table, which all limits share.

    A client is found by a hash of 64 bits, keyed with the board's secret: who does not know it cannot choose clients
    that push each other out.
    """

    def __init__(self, board: Board, name: str, rule: Rule, clock: Callable[[], int] = monotonic_ns) -> None:
        """`name` tells this limit's clients from those of others; `clock` is the same in all processes, nanoseconds."""
        self._table = board.clients
        self._step = rule.step
        self._most = rule.most
        self._clock = clock
        self._hash = blake2b(name.encode() + b"\0", digest_size=8, key=board.secret)
        self.given_up = 0
        """Clients of any limit whose state was given up for one of this limit's, since this worker started."""

    def __repr__(self) -> str:
        return f"<BoardStore on {self._table}>"

    def take(self, client: str, cost: int, patience: int) -> Decision:
        """Decide on a request; `cost` is capped to what can ever be allowed, `patience` in nanoseconds."""
        digest = self._hash.copy()  # what is hashed already, the key among it, is not hashed again
        digest.update(client.encode("utf-8", "surrogatepass"))
        key = int.from_bytes(digest.digest(), "little") or 1
        if cost > self._most:
            cost = self._most
        table = self._table
        before = table.given_up
        decision = table.take(key, self._clock(), self._step, cost, patience)
        self.given_up += table.given_up - before
        return decision
