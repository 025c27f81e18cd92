"""From the path of a page to what a request for it asks."""

from urllib.parse import parse_qs, urlsplit

from msgspec.structs import replace

from stanchion.http.pages import PageQuery


def at(path: str | None, query: PageQuery) -> PageQuery:
    """What the request for this path would ask for."""
    assert path is not None
    asked = parse_qs(urlsplit(path).query)
    offset = int(asked["offset"][0]) if "offset" in asked else query.offset
    return replace(query, cursor=asked.get("cursor", [""])[0], offset=offset)
