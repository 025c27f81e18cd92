"""Leases: one of several processes, or hosts, makes an entry, and the others wait for it.

Law: a lease saves work and guards nothing. Whoever cannot get one, since its place is unknown, full or away, goes on
alone: then a call is made that another makes too. A lease ends by itself 0.75 s after its holder last renewed it, so a
holder that is killed is followed by another within a second.
"""

from stanchion.cache.leases.board_leases import BoardLeases
from stanchion.cache.leases.lease import Lease, Leases
from stanchion.cache.leases.once import once
from stanchion.cache.leases.redis_leases import RedisLeases

__all__ = ["BoardLeases", "Lease", "Leases", "RedisLeases", "once"]
