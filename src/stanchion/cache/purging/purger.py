"""All CDNs of an app: what a response tells them, and what they are told to purge."""

import asyncio
from collections.abc import Iterable, Sequence
from time import monotonic

from stanchion.cache.entry import Field
from stanchion.cache.purging.cdn import CDN
from stanchion.cache.purging.cloudflare import cache_tag
from stanchion.cache.purging.fastly import surrogate_key
from stanchion.cache.purging.sender import Patience, Sender


class Purger:
    """One worker's. What it has not told when its process is killed is not told. The lifetime that a CDN was given for
    a response is the bound then, as it is with a CDN that does not answer for longer than it is tried."""

    def __init__(self, cdns: Sequence[CDN], patience: Patience | None = None) -> None:
        self._cdns = tuple(cdns)
        self._senders = [Sender(cdn, patience or Patience()) for cdn in cdns]

    def __repr__(self) -> str:
        return f"<Purger to {', '.join(cdn.name for cdn in self._cdns) or 'nobody'}>"

    def statistics(self) -> dict[str, dict[str, int]]:
        """For each CDN by name: tags that wait, that were told, given up and dropped; requests tried again."""
        return {cdn.name: sender.statistics() for cdn, sender in zip(self._cdns, self._senders, strict=True)}

    def fields(self, tags: Iterable[str]) -> list[Field]:
        """What to add to a response with these tags."""
        tags = list(tags)
        return [field for cdn in self._cdns for field in cdn.fields(tags)]

    def purge(self, tags: Iterable[str]) -> None:
        """Have every CDN drop what has any of the tags. Returns at once."""
        tags = [tag for tag in tags if tag]
        for sender in self._senders:
            sender.put(tags)

    async def close(self, seconds: float = 5.0) -> None:
        """Take nothing more; returns when all is told, and after `seconds` at the latest."""
        end = monotonic() + seconds
        await asyncio.gather(*(asyncio.to_thread(sender.close, end) for sender in self._senders))


def fields_for_any(tags: Iterable[str]) -> list[Field]:
    """The fields for CDNs that nobody has named, as Fastly and Cloudflare read them, and others after them."""
    tags = list(tags)
    return [*surrogate_key(tags), *cache_tag(tags)]
