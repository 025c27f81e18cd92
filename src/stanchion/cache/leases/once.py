"""One of many processes makes what all of them want, and the others find it where it was kept."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from stanchion.cache.leases.lease import Leases

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that one waits for others before it goes on alone."""


async def once(
    leases: Leases,
    key: bytes,
    look: Callable[[], Awaitable[T | None]],
    make: Callable[[], Awaitable[tuple[T, bool]]],
    patience: float = PATIENCE,
) -> T:
    """What `look()` finds in the place that all share, else what `make()` makes: that, and whether it was kept there.

    Of those that ask at one time one makes it. It looks once more when it has the lease, since the last holder may have
    kept it in between. The others wait, and look when it is done. Who has waited for `patience` seconds goes on alone.
    Where `make` fails the next one tries, so that a failing origin gets one call at a time and one for each process.
    """
    until = monotonic() + patience
    while True:
        lease = await leases.take(key)
        if lease is not None:
            kept = True
            try:
                found = await look()
                if found is not None:
                    return found
                made, kept = await make()
                return made
            finally:
                await lease.release(kept)
        left = until - monotonic()
        if left <= 0:
            made, _ = await make()
            return made
        await leases.wait(key, left)
        found = await look()
        if found is not None:
            return found
