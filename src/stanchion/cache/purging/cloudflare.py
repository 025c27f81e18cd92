"""Cloudflare: the field Cache-Tag, and purges of a zone by tags.

Limits are those of https://developers.cloudflare.com/cache/how-to/purge-cache/purge-by-tags/: 16 KiB or 1,000 tags a
response, 1,024 characters a tag, printable ASCII without spaces, 100 tags a request. Case does not count: `a:JFK` and
`a:jfk` are one tag there, so that a purge of one takes the other along.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from stanchion.cache.entry import Field
from stanchion.cache.purging.cdn import MOST_IN_FIELD, PurgeRequest, checked, coded, passing

_LONGEST = 1024
_MOST_TAGS = 1000


class Cloudflare(Struct, frozen=True, kw_only=True):
    """A zone.

    Raises:
        ConfigurationError: a value is missing or malformed.
    """

    zone: str
    """Its identifier, 32 hexadecimal digits."""
    token: str
    """An API token that may purge the zone's cache and nothing else."""
    url: str = "https://api.cloudflare.com/client/v4"

    def __post_init__(self) -> None:
        checked("Cloudflare", self.url, zone=self.zone, token=self.token)

    def __repr__(self) -> str:
        return f"Cloudflare(zone={self.zone!r})"

    @property
    def name(self) -> str:
        return f"cloudflare:{self.zone}"

    @property
    def most(self) -> int:
        return 100

    def fields(self, tags: Iterable[str]) -> list[Field]:
        """`cache-tag`, separated by commas."""
        return cache_tag(tags)

    def request(self, tags: Sequence[str], at: float, reference: str) -> PurgeRequest:
        """`POST /zones/{zone}/purge_cache`."""
        return PurgeRequest(
            method="POST",
            url=f"{self.url}/zones/{self.zone}/purge_cache",
            fields={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            body=msgspec.json.encode({"tags": coded(tags, _LONGEST)}),
        )

    def passing(self, status: int, body: bytes) -> bool:
        return passing(status)


def cache_tag(tags: Iterable[str]) -> list[Field]:
    """The field of any zone."""
    written = coded(tags, _LONGEST)
    value = ",".join(written)
    if len(value) > MOST_IN_FIELD or len(written) > _MOST_TAGS:
        return [(b"cloudflare-cdn-cache-control", b"no-store")]
    return [(b"cache-tag", value.encode())] if value else []
