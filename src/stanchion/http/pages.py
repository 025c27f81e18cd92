"""A page of a list: what a client asks for, what it gets, and the links from one to the next (RFC 8288).

@app.get("/flights")
async def flights(dest: str, page: PageQuery) -> Page[Flight]:
    return await db.page(Flight, page, "SELECT * FROM flights WHERE dest = $1", dest, order=("date", "id"))
"""

from functools import cache
from os import urandom
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote

from msgspec import Meta, Struct, defstruct

from stanchion.errors import BadRequest
from stanchion.http.params import Paging
from stanchion.http.request import Request
from stanchion.http.seal import Seal

T = TypeVar("T")
PURPOSE = "page"
_PLACES = ("cursor=", "offset=")
_SAFE = "!$%&'()*+,-./:;=?@_~"
"""What a URL may hold as it is, `%` of what is encoded already included (RFC 3986 §3.4)."""
_OWN = Seal(urandom(16), PURPOSE)


class InvalidCursor(BadRequest):
    """The cursor is none, or belongs to another query (400)."""

    code = "invalid-cursor"

    def __init__(self) -> None:
        super().__init__("the cursor is not of this query; begin at its first page")


class Page(Struct, Generic[T], frozen=True):
    """Some of a list, in its order."""

    items: list[T]
    next: Annotated[str | None, Meta(description="Path of the page that follows; null on the last")] = None
    prev: Annotated[str | None, Meta(description="Path of the page before; null on the first")] = None

    def link(self) -> str:
        """The value of the field `Link`: the pages around this one and the first; empty where it is the only one."""
        around = {"next": self.next, "prev": self.prev, "first": _first(self.next or self.prev)}
        return ", ".join(f'<{path}>; rel="{relation}"' for relation, path in around.items() if path)


class PageQuery(Struct, frozen=True, kw_only=True):
    """Which page of a list a request asks for, as `Paging` lets it; made by hand it is the first."""

    limit: int = 50
    """Items at the most."""
    cursor: str = ""
    """From a page's `next` or `prev`; empty for the first page."""
    offset: int | None = None
    """Items to leave out; None where pages are found by cursor."""
    farthest: int = 0
    """The largest offset there may be."""
    path: str = ""
    """Of the request, as sent."""
    query: str = ""
    """Of the request, as sent, without cursor and offset."""
    seal: Seal = _OWN
    """What cursors are signed with; by hand, a key that this process alone has."""

    def opened(self, context: bytes) -> bytes | None:
        """What the cursor holds; None where there is no cursor. `context` tells the query that it has to be of.

        Raises:
            InvalidCursor: it is not of this query and this path.
        """
        if not self.cursor:
            return None
        content = self.seal.open(self.cursor, self._bound(context))
        if content is None:
            raise InvalidCursor
        return content

    def at_cursor(self, content: bytes, context: bytes) -> str:
        """The path of the page whose cursor holds `content`."""
        return self._at(f"cursor={self.seal.close(content, self._bound(context))}")

    def at_offset(self, offset: int) -> str:
        """The path of the page after so many items."""
        return self._at(f"offset={offset}")

    def at_first(self) -> str:
        """The path of the first page."""
        return self._at("")

    def _at(self, place: str) -> str:
        query = "&".join(filter(None, (self.query, place)))
        path = "/" + self.path.lstrip("/")  # two slashes would lead to another host (RFC 3986 §4.2)
        return quote(f"{path}?{query}" if query else path, _SAFE, "latin-1", "replace")

    def _bound(self, context: bytes) -> bytes:
        return self.path.encode("latin-1", "replace") + b"\0" + context


@cache
def query_of(paging: Paging) -> type[Struct]:
    """What a request may ask, as a Struct whose fields are of the query."""
    size = Meta(ge=1, le=paging.most, description="Items of a page")
    limit = ("limit", Annotated[int, size], paging.limit)
    before = Meta(ge=0, le=paging.farthest, description="Items before the page")
    offset = ("offset", Annotated[int, before], 0)
    cursor = ("cursor", Annotated[str, Meta(description="From the `next` or `prev` of a page")], "")
    place: tuple[str, Any, Any] = offset if paging.offset else cursor
    return defstruct("PageFields", [limit, place], namespace={"paging": paging}, frozen=True)


def page_query(found: Any, request: Request, seal: Seal) -> PageQuery:
    """A `query_of` as what a handler takes."""
    paging: Paging = found.paging
    return PageQuery(
        limit=found.limit,
        cursor="" if paging.offset else found.cursor,
        offset=found.offset if paging.offset else None,
        farthest=paging.farthest,
        path=request.path,
        query=without_place(request.query_string),
        seal=seal,
    )


def without_place(query: str) -> str:
    """A query string without cursor and offset."""
    return "&".join(pair for pair in query.split("&") if not pair.startswith(_PLACES))


def _first(path: str | None) -> str | None:
    if path is None:
        return None
    plain, _, query = path.partition("?")
    rest = without_place(query)
    return f"{plain}?{rest}" if rest else plain
