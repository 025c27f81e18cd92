"""What all CDNs have in common: their protocol, and how a tag is written where they take it."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Protocol
from urllib.parse import quote, urlsplit

from msgspec import Struct

from stanchion.cache.entry import Field
from stanchion.errors import ConfigurationError

MOST_IN_FIELD = 16_000
"""Bytes of tags in a response: Cloudflare and Fastly take 16 KiB."""
_PRINTABLE = "!\"#$&'()*+-./:;<=>?@[\\]^_`{|}~"
"""Of printable ASCII all that no CDN separates tags by, and that is not what stands for the others: `%`."""


class PurgeRequest(Struct, frozen=True, kw_only=True):
    """What is to be sent to a CDN's API."""

    method: str
    url: str
    fields: dict[str, str]
    body: bytes


class CDN(Protocol):
    """One distribution, zone or service."""

    @property
    def name(self) -> str:
        """For counts and the log."""

    @property
    def most(self) -> int:
        """Tags of a request."""

    def fields(self, tags: Iterable[str]) -> list[Field]:
        """The response fields by which the CDN learns the tags, or one that keeps the response out of it where they do
        not fit: it could not be purged. To be added to those of the response, which may have the same name."""

    def request(self, tags: Sequence[str], at: float, reference: str) -> PurgeRequest:
        """The request that purges what has any of the tags; `at` is in Unix seconds, and `reference` the same when it
        is tried again."""

    def passing(self, status: int, body: bytes) -> bool:
        """Whether a refusal is one of those that pass, so that it is worth to try again."""


def passing(status: int) -> bool:
    """As HTTP has it: too early, too many, and what the server says of itself."""
    return status in (408, 425, 429) or status >= 500


def coded(tags: Iterable[str], longest: int) -> list[str]:
    """Tags as CDNs take them: printable ASCII without spaces, commas and `%`, which are percent-encoded; one that is
    longer than `longest` bytes is replaced by a hash. Sorted, each once, so that a field is the same every time."""
    written = {quote(tag.encode("utf-8", "surrogatepass"), safe=_PRINTABLE): tag for tag in tags if tag}
    return sorted(text if len(text) <= longest else _hashed(tag) for text, tag in written.items())


def _hashed(tag: str) -> str:
    return blake2b(tag.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def checked(cdn: str, url: str, **values: str) -> None:
    """Look at what a CDN is declared with.

    Raises:
        ConfigurationError: a value is missing, cannot be part of a URL or a field, or the URL is none.
    """
    for name, value in values.items():
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise ConfigurationError(f"{cdn}({name}=…): expected printable ASCII without spaces; is it set?")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or url.endswith("/"):
        raise ConfigurationError(f"{cdn}(url={url!r}): give a URL such as https://api.example.com")
