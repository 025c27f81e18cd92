"""Leases of a fleet, in Redis or Valkey. While that does not answer everybody goes on alone, as without leases."""

import asyncio
from contextlib import suppress
from hashlib import blake2b
from secrets import token_hex

from stanchion.cache.leases.lease import ALONE, LASTS, OPEN, RENEWED, Counts, Lease, poll
from stanchion.cache.redis_calls import RedisCalls, Script, StoreFailed
from stanchion.tasks import Tasks

_OPEN = b"-"
"""The holder of a key for which nobody waits."""
_TAKEN, _ALONE = 1, 2

_TAKE = Script("""\
local holder = redis.call('GET', KEYS[1])
if not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return holder == '-' and 2 or 0
""")

_RENEW = Script("""\
local held = {}
for i, key in ipairs(KEYS) do
  held[i] = redis.call('GET', key) == ARGV[i] and redis.call('PEXPIRE', key, ARGV[#KEYS + 1]) or 0
end
return held
""")

_RELEASE = Script("""\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then
  return redis.call('DEL', KEYS[1])
end
redis.call('SET', KEYS[1], '-', 'PX', ARGV[2])
return 1
""")


class RedisLease:
    """One that is held."""

    __slots__ = ("_leases", "holder", "key")

    def __init__(self, leases: "RedisLeases", key: bytes, holder: bytes) -> None:
        self._leases = leases
        self.key = key
        self.holder = holder

    def __repr__(self) -> str:
        return f"<RedisLease {self.key.decode()}>"

    async def release(self, kept: bool = True) -> None:
        """In the background: who has the answer need not wait for Redis."""
        self._leases.release(self, kept)


class RedisLeases:
    """The leases that a worker shares with those of all hosts; keys are `stanchion:lease:<hash>`."""

    def __init__(self, calls: RedisCalls, prefix: str = "stanchion") -> None:
        self._calls = calls
        self._prefix = f"{prefix}:lease:".encode()
        self._held: set[RedisLease] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._tasks = Tasks()
        self._counts = Counts()

    def __repr__(self) -> str:
        return f"<RedisLeases {len(self._held)} held, at {self._calls}>"

    def statistics(self) -> dict[str, int]:
        """Leases held now; those taken, asked for in vain, done without, and lost since the start."""
        return {"held": len(self._held), **self._counts.statistics()}

    async def take(self, key: bytes) -> Lease | None:
        """The lease of `key`; None while another has it."""
        lease = RedisLease(self, self._name(key), token_hex(12).encode())
        try:
            outcome = await self._calls.run(_TAKE, [lease.key], [lease.holder, _milliseconds(LASTS)])
        except StoreFailed:
            outcome = _ALONE
        if outcome == _ALONE:
            self._counts.alone += 1
            return ALONE
        if outcome != _TAKEN:
            self._counts.busy += 1
            return None
        self._counts.taken += 1
        self._held.add(lease)
        if self._renewing is None:
            self._renewing = self._tasks.begin(self._renew())
        return lease

    async def wait(self, key: bytes, seconds: float) -> None:
        """Until nobody has the lease of `key`, `seconds` are over, or Redis does not answer."""
        name = self._name(key)

        async def busy() -> bool:
            try:
                return await self._calls.call("GET", name) not in (None, _OPEN)
            except StoreFailed:
                return False

        await poll(busy, seconds)

    def release(self, lease: RedisLease, kept: bool) -> None:
        """Let go of one, if it is held."""
        if lease in self._held:
            self._held.discard(lease)
            self._tasks.begin(self._give_back(lease, kept))

    async def close(self) -> None:
        """Let go of all; the connections are for who has opened them to close."""
        for lease in list(self._held):
            self.release(lease, True)
        if self._renewing is not None:
            self._renewing.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _renew(self) -> None:
        """All that are held in one call, as long as there are any."""
        while True:
            await asyncio.sleep(RENEWED)
            leases = list(self._held)
            if not leases:
                break
            with suppress(StoreFailed):  # the next time, perhaps
                keys = [lease.key for lease in leases]
                arguments = [*(lease.holder for lease in leases), _milliseconds(LASTS)]
                for lease, held in zip(leases, await self._calls.run(_RENEW, keys, arguments), strict=True):
                    if not held and lease in self._held:
                        self._counts.lost += 1
                        self._held.discard(lease)
        self._renewing = None

    async def _give_back(self, lease: RedisLease, kept: bool) -> None:
        with suppress(StoreFailed):  # then it ends by itself
            await self._calls.run(_RELEASE, [lease.key], [lease.holder, b"" if kept else _milliseconds(OPEN)])

    def _name(self, key: bytes) -> bytes:
        return self._prefix + blake2b(key, digest_size=16).hexdigest().encode()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
