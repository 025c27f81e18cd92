"""`page: PageQuery` of a handler, and the `Page` it returns."""

import json
from functools import partial
from typing import Annotated, Any

import pytest
from msgspec import Struct
from openapi_spec_validator import OpenAPIV31SpecValidator

from stanchion.errors import RouteError
from stanchion.http.pages import InvalidCursor, Page, PageQuery
from stanchion.http.params import Paging, Query
from stanchion.http.response import Response
from stanchion.routing.binding import BindLimits
from stanchion.routing.openapi import document
from stanchion.routing.route import Route
from tests.routing.conftest import BoundOf


class Item(Struct):
    id: int


class Filter(Struct):
    color: str = "red"


def got(query: PageQuery, context: bytes = b"") -> Page[Any]:
    """A page that leads to itself."""
    content = query.opened(context)
    return Page([content.decode() if content else ""], query.at_cursor(b"second", context))


async def listed(page: PageQuery, only: Annotated[Filter, Query()]) -> Page[str]:
    assert isinstance(page, PageQuery)
    return got(page, only.color.encode())


def test_the_limit_and_the_cursor_come_from_the_query(bound_of: BoundOf) -> None:
    async def handler(page: PageQuery) -> list[int | str]:
        return [page.limit, page.cursor, page.path, page.query]

    bound = bound_of(handler, "GET", "/")
    assert json.loads(bound.ask().body) == [50, "", "/", ""]
    assert json.loads(bound.ask("limit=7&cursor=abc&color=%20").body) == [7, "abc", "/", "limit=7&color=%20"]


def test_what_is_out_of_range_is_listed(bound_of: BoundOf) -> None:
    bound = bound_of(listed, "GET", "/")
    assert bound.faults("limit=201") == [("query.limit", "integer >= 1 and <= 200", '"201"')]
    assert bound.faults("limit=0&limit=1") == [("query.limit", "integer >= 1 and <= 200, once", "2 values")]
    assert bound.faults("limit=x&cursor=1&cursor=2")[1][0] == "query.cursor"


def test_a_route_has_its_own_limits(bound_of: BoundOf) -> None:
    async def handler(page: Annotated[PageQuery, Paging(limit=2, most=3, offset=True, farthest=9)]) -> list[Any]:
        return [page.limit, page.offset, page.farthest, page.cursor]

    bound = bound_of(handler, "GET", "/")
    assert json.loads(bound.ask().body) == [2, 0, 9, ""]
    assert json.loads(bound.ask("limit=3&offset=9&cursor=x").body) == [3, 9, 9, ""]
    assert [fault[0] for fault in bound.faults("limit=4&offset=10")] == ["query.limit", "query.offset"]


def test_a_page_has_its_links(bound_of: BoundOf) -> None:
    bound = bound_of(listed, "GET", "/", limits=BindLimits(key=lambda: b"k"))
    first = bound.ask("color=blue&limit=1")
    body = json.loads(first.body)
    assert (body["items"], body["prev"]) == ([""], None)
    assert first.headers == {"Link": f'<{body["next"]}>; rel="next", </?color=blue&limit=1>; rel="first"'}
    asked = body["next"].partition("?")[2]
    again = bound_of(listed, "GET", "/", limits=BindLimits(key=lambda: b"k"))  # another worker's
    assert json.loads(again.ask(asked).body)["items"] == ["second"]
    for other in (asked.replace("blue", "red"), asked[:-1] + "!"):
        with pytest.raises(InvalidCursor):
            again.ask(other)
    with pytest.raises(InvalidCursor):
        bound_of(listed, "GET", "/", limits=BindLimits(key=lambda: b"other")).ask(asked)


@pytest.mark.parametrize("returns", [Page[str], Page[str] | Response, Page[str] | None, Any])
def test_a_page_is_known_however_it_is_annotated(bound_of: BoundOf, returns: Any) -> None:
    async def handler(page: PageQuery) -> Any:
        return got(page)

    handler.__annotations__["return"] = returns
    response = bound_of(handler, "GET", "/").ask()
    assert (response.headers or {})["Link"].startswith("</?cursor=")
    assert response.media_type == "application/json"


def test_a_page_in_a_response_has_its_links(bound_of: BoundOf) -> None:
    kept = Response(Page([1], "/?cursor=x"), 203, headers={"Age": "1"})

    async def handler() -> Page[int] | Response:
        return kept

    response = bound_of(handler, "GET", "/").ask()
    assert (response.status, response.body) == (203, b'{"items":[1],"next":"/?cursor=x","prev":null}')
    assert response.headers == {"Age": "1", "Link": '</?cursor=x>; rel="next", </>; rel="first"'}
    assert kept.headers == {"Age": "1"}


def test_the_only_page_has_no_field(bound_of: BoundOf) -> None:
    async def handler() -> Page[int]:
        return Page([1])

    response = bound_of(handler, "GET", "/").ask()
    assert (response.body, response.headers) == (b'{"items":[1],"next":null,"prev":null}', None)


def test_what_cannot_be_a_page_is_refused(bound_of: BoundOf) -> None:
    async def of_another(page: Annotated[int, Paging()]) -> None: ...
    async def with_default(page: PageQuery = PageQuery(limit=3)) -> None: ...  # noqa: B008
    async def or_none(page: PageQuery | None) -> None: ...
    async def declared_or_none(page: Annotated[PageQuery, Paging(limit=3)] | None = None) -> None: ...

    with pytest.raises(RouteError, match=r"Paging is for a page; annotate it Annotated\[PageQuery"):
        bound_of(of_another, "GET", "/")
    with pytest.raises(RouteError, match=r"a page has no default; give its limit as"):
        bound_of(with_default, "GET", "/")
    for handler in (or_none, declared_or_none):
        with pytest.raises(RouteError, match=r"the first where it names none; annotate it PageQuery, without None"):
            bound_of(handler, "GET", "/")


def test_it_is_described(bound_of: BoundOf) -> None:
    async def handler(page: Annotated[PageQuery, Paging(limit=5, most=9)]) -> Page[Item]: ...
    async def by_offset(page: Annotated[PageQuery, Paging(offset=True)]) -> Page[Item]: ...

    def described(function: Any) -> dict[str, Any]:
        binding = bound_of(function, "GET", "/").binding
        route = Route(method="GET", template="/", handler=function, name="items")
        made = document("t", "1", [(route, binding)])
        OpenAPIV31SpecValidator(made).validate()
        return made

    whole = described(handler)
    operation = whole["paths"]["/"]["get"]
    limit, cursor = operation["parameters"]
    assert limit["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "default": 5,
        "description": "Items of a page",
    }
    assert (cursor["name"], "required" in cursor) == ("cursor", False)
    success = operation["responses"]["200"]
    assert "RFC 8288" in success["headers"]["Link"]["description"]
    page = whole["components"]["schemas"][success["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
    assert page["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Item"}
    assert set(page["properties"]) == {"items", "next", "prev"}
    assert list(operation["responses"]) == ["200", "400", "422", "default"]
    offset = described(by_offset)["paths"]["/"]["get"]
    assert [each["name"] for each in offset["parameters"]] == ["limit", "offset"]
    assert "400" not in offset["responses"]


def test_only_a_route_with_pages_asks_for_the_key(bound_of: BoundOf) -> None:
    def fail() -> bytes:
        raise LookupError("asked")

    async def plain() -> int:
        return 1

    assert bound_of(plain, "GET", "/", limits=BindLimits(key=fail)).ask().body == b"1"
    with pytest.raises(LookupError):
        bound_of(listed, "GET", "/", limits=BindLimits(key=fail))
    assert bound_of(partial(listed), "GET", "/").ask().status == 200
