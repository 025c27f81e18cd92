"""Where a handler's parameter comes from, where its name and type do not say it already.

    async def search(
        q: str,                                                 # query, by its type
        token: Annotated[str, Header(alias="x-api-token")],     # header
        filters: Annotated[Filters, Query()],                   # a Struct, each field from the query
    ) -> list[Airport]: ...

The rules without a marker: a name in the path template is a path segment; a Struct, dataclass, TypedDict,
NamedTuple, dict, a list of those, or a parameter called `body` is the JSON body; `body: bytes` is the body as
it is; scalars and lists of scalars are query parameters; an `Upload` is a file of a form; a `Request` is the
request; a `PageQuery` is made of the query's `limit` and `cursor`; any other class is a resource of the app.
"""

from typing import Annotated

from msgspec import Meta, Struct

from stanchion.errors import RouteError
from stanchion.ranges import check_ranges


class Query(Struct, frozen=True, kw_only=True):
    """From the query string; a repeated name fills a list. A Struct takes each of its fields from there."""

    alias: str | None = None
    """The name in the URL; the parameter's own name by default. Not for a Struct: rename its fields."""


class Header(Struct, frozen=True, kw_only=True):
    """From a header field; a list is split at commas (RFC 9110 §5.6.1)."""

    alias: str | None = None
    """The field's name in any case; the parameter's own by default, with dashes for underscores."""


class Cookie(Struct, frozen=True, kw_only=True):
    """From a cookie."""

    alias: str | None = None
    """The cookie's name; the parameter's own by default."""


class Path(Struct, frozen=True, kw_only=True):
    """From the path. Only for clarity: a name in the template is a path parameter anyway."""


class Body(Struct, frozen=True, kw_only=True):
    """The body: JSON of any type, or as it is for `bytes` and `AsyncIterator[bytes]`."""


class Form(Struct, frozen=True, kw_only=True):
    """From a form of either kind; a repeated name fills a list. A Struct takes each of its fields from it."""

    alias: str | None = None
    """The field's name; the parameter's own by default. Not for a Struct: rename its fields."""


class Paging(Struct, frozen=True, kw_only=True):
    """How much of a list a request may ask for: `page: Annotated[PageQuery, Paging(limit=20, most=100)]`.

    Raises:
        RouteError: a value is out of its range.
    """

    limit: Annotated[int, Meta(ge=1, le=100_000)] = 50
    """Items of a page where the request does not say."""
    most: Annotated[int, Meta(ge=1, le=100_000)] = 200
    """Items of a page at the most; a request for more is answered 422."""
    offset: bool = False
    """Pages are told by how many items are before them, not by cursor: dearer the farther, and not stable."""
    farthest: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    """The largest offset."""

    def __post_init__(self) -> None:
        check_ranges(self, "Paging({name}={value!r})", RouteError)
        if self.limit > self.most:
            raise RouteError(f"Paging(limit={self.limit}, most={self.most}): give a limit up to the most")


Marker = Query | Header | Cookie | Path | Body | Form | Paging
