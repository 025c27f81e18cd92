"""Where a handler's parameter comes from, where its name and type do not say it already.

    async def search(
        q: str,                                                 # query, by its type
        token: Annotated[str, Header(alias="x-api-token")],     # header
        filters: Annotated[Filters, Query()],                   # a Struct, each field from the query
    ) -> list[Airport]: ...

The rules without a marker: a name in the path template is a path segment; a Struct, dataclass, TypedDict,
NamedTuple, dict, a list of those, or a parameter called `body` is the JSON body; `body: bytes` is the body as
it is; scalars and lists of scalars are query parameters; an `Upload` is a file of a form; a `Request` is the
request; any other class is a resource of the app.
"""

from msgspec import Struct


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


Marker = Query | Header | Cookie | Path | Body | Form
