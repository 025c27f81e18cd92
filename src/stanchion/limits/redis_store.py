"""A limit's states in Redis: exact over all hosts that share it, or leased in blocks."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import lru_cache, partial
from hashlib import blake2b
from time import monotonic_ns

from stanchion.limits.decision import Decision, Rule
from stanchion.limits.lease import LASTS, Leases
from stanchion.limits.redis_gate import RedisGate, StoreFailed
from stanchion.limits.redis_script import check_of

_LONGEST = 96
"""Characters of a client's name that are kept as they are; a longer one is hashed."""


class RedisStore:
    """One limit's clients behind a gate; keys are `stanchion:limit:<name>:<client>`."""

    def __init__(
        self, gate: RedisGate, name: str, rule: Rule, *, lease: int = 0, clock: Callable[[], int] = monotonic_ns
    ) -> None:
        """`lease` is the most tokens taken in advance for a client at one time; 0 asks for each request."""
        self._gate = gate
        self._rule = rule
        self._prefix = f"stanchion:limit:{name}:".encode()
        self._lease = lease
        self._clock = clock
        self._key = lru_cache(maxsize=4096)(self._named)  # 0.05 µs where making one anew takes 0.4
        self._check = lru_cache(maxsize=256)(partial(check_of, rule))
        self.leases = Leases()

    def __repr__(self) -> str:
        return f"<RedisStore {self._prefix.decode()} at {self._gate}, {self.leases}>"

    def take(self, client: str, cost: int, patience: int) -> Awaitable[Decision]:
        """Decide on a request; `patience` in nanoseconds. What is awaited raises StoreFailed as well.

        Raises:
            StoreFailed: the server has not decided.
        """
        if self._lease:
            return self._leased(client, cost, patience)
        return self._gate.take(self._key(client), self._check(cost, patience))

    async def _leased(self, client: str, cost: int, patience: int) -> Decision:
        now = self._clock()
        held = self.leases.spend(client, cost, now)
        if held is not None:
            return held
        self._give_back(now)
        lease = 0 if self.leases.full else self._lease
        grant = await self._gate.take(self._key(client), self._check(cost, patience, lease))
        if grant.leased:
            self.leases.keep(client, grant.leased, grant, self._clock())
            return Decision(True, grant.remaining + grant.leased, 0, grant.reset)
        return grant

    def _give_back(self, now: int) -> list["asyncio.Future[None]"]:
        ended = list(self.leases.ended(now))
        return [asyncio.ensure_future(self._give(client, tokens)) for client, tokens in ended]

    async def _give(self, client: str, tokens: int) -> None:
        with suppress(StoreFailed):  # then they are lost, and the client has so much less
            await self._gate.take(self._key(client), self._check(-tokens))

    async def close(self) -> None:
        """Give back all that is held."""
        await asyncio.gather(*self._give_back(self._clock() + LASTS))

    def _named(self, client: str) -> bytes:
        raw = client.encode("utf-8", "surrogatepass")
        if len(raw) > _LONGEST:
            raw = blake2b(raw, digest_size=16).hexdigest().encode()
        return self._prefix + raw
