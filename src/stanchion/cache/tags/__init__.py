"""Invalidation by tag: an entry remembers the numbers that its tags had when its origin was asked.

Law: an entry is valid while those numbers are the same, and a number that a tag had once it never has again. So what is
missed, repeated or overtaken on the way costs a call of the origin, and never serves what was invalidated.

On one machine the board is all there is: a cell counts up, for all workers at once. In a fleet the store, Redis, gives
the numbers, and each board follows:

- `invalidate` replaces the cell's number by a mark, a number of chance. From then on nothing from before is valid here.
- The store gives the cell a new number for the mark, higher than any before, and tells all hosts. It replaces the mark
  where the mark is still there, and a lower number elsewhere.
- A mark that the store has not heard of, since it was away or the worker was killed, stays on the board. Any worker
  that is connected finds it there and sends it. So nothing is queued in a worker, and the bound is a mark a cell.
- A worker that connects compares the whole table, as it does twice a minute: messages are only the quick way.

Until the store has heard of it, an invalidation holds on its own machine alone. Elsewhere the lifetime of entries is
the bound, as it is for a host that is cut off.
"""

from stanchion.cache.tags.redis_tags import RedisTags
from stanchion.cache.tags.tags import FleetTags, Tags

__all__ = ["FleetTags", "RedisTags", "Tags"]
