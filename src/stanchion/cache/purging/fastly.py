"""Fastly: the field Surrogate-Key, and purges of a service by keys.

Limits are those of https://www.fastly.com/documentation/reference/http/http-headers/Surrogate-Key/ and of its purge
API: 1,024 bytes a key, 16,384 a field, of which what is beyond is ignored, and 256 keys a request.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from stanchion.cache.entry import Field
from stanchion.cache.purging.cdn import MOST_IN_FIELD, PurgeRequest, checked, coded, passing

_LONGEST = 1024


class Fastly(Struct, frozen=True, kw_only=True):
    """A service.

    Raises:
        ConfigurationError: a value is missing or malformed.
    """

    service: str
    """Its identifier."""
    token: str
    """An API token with the scope `purge_select`."""
    soft: bool = False
    """Mark as stale instead of removing: then it may still be served while it is fetched anew, where stale-while-
    revalidate or stale-if-error of the response allow it."""
    url: str = "https://api.fastly.com"

    def __post_init__(self) -> None:
        checked("Fastly", self.url, service=self.service, token=self.token)

    def __repr__(self) -> str:
        return f"Fastly(service={self.service!r}, soft={self.soft})"

    @property
    def name(self) -> str:
        return f"fastly:{self.service}"

    @property
    def most(self) -> int:
        return 256

    def fields(self, tags: Iterable[str]) -> list[Field]:
        """`surrogate-key`, separated by spaces."""
        return surrogate_key(tags)

    def request(self, tags: Sequence[str], at: float, reference: str) -> PurgeRequest:
        """`POST /service/{service}/purge`."""
        fields = {"Fastly-Key": self.token, "Accept": "application/json", "Content-Type": "application/json"}
        if self.soft:
            fields["Fastly-Soft-Purge"] = "1"
        return PurgeRequest(
            method="POST",
            url=f"{self.url}/service/{self.service}/purge",
            fields=fields,
            body=msgspec.json.encode({"surrogate_keys": coded(tags, _LONGEST)}),
        )

    def passing(self, status: int, body: bytes) -> bool:
        return passing(status)


def surrogate_key(tags: Iterable[str]) -> list[Field]:
    """The field of any service."""
    value = " ".join(coded(tags, _LONGEST))
    if len(value) > MOST_IN_FIELD:
        return [(b"surrogate-control", b"max-age=0")]
    return [(b"surrogate-key", value.encode())] if value else []
