"""What reaches the handler, and what a request that does not fit is told."""

import asyncio
import enum
import traceback
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from msgspec import Meta, Struct

from stanchion.errors import RouteError
from stanchion.http.params import Cookie, Header, Query
from stanchion.http.request import Request


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Filters(Struct, rename="camel"):
    page_size: Annotated[int, Meta(ge=1, le=100)] = 10
    tags: list[str] = []
    since: date | None = None

    def __post_init__(self) -> None:
        if self.page_size > 50 and not self.tags:
            raise ValueError("a pageSize over 50 needs tags")


class Required(Struct):
    a: int
    b: int


class Database:
    def __init__(self, name: str = "main") -> None:
        self.name = name


def given(bound_of: Any, handler: Any, *args: Any, template: str = "/", **kwargs: Any) -> Any:
    """What the handler returned, as the body of its response."""
    return bound_of(handler, template=template).ask(*args, **kwargs).body


def test_a_path_parameter_is_parsed(bound_of) -> None:
    async def handler(id: int) -> list[int]:
        return [id]

    assert given(bound_of, handler, args=("-7",), template="/{id}") == b"[-7]"


def test_a_value_made_by_the_tree_is_passed_as_it_is(bound_of) -> None:
    async def handler(id: int, at: date) -> str:
        return f"{id!r} {at!r}"

    body = given(bound_of, handler, args=(7, date(2026, 7, 31)), template="/{id:int}/{at:date}")
    assert body == b"7 datetime.date(2026, 7, 31)"


def test_an_invalid_path_parameter_is_reported(bound_of) -> None:
    async def handler(id: Annotated[int, Meta(ge=1)], mode: Mode) -> None: ...

    faults = bound_of(handler, template="/{id}/{mode}").faults(args=("0", "quick"))
    assert faults == [("path.id", "integer >= 1", '"0"'), ("path.mode", "one of 'fast', 'slow'", '"quick"')]


def test_a_converter_and_a_constraint_go_together(bound_of) -> None:
    async def handler(id: Annotated[int, Meta(ge=1)]) -> list[int]:
        return [id]

    bound = bound_of(handler, template="/{id:int}")
    assert bound.ask(args=(7,)).body == b"[7]"
    assert bound.faults(args=(0,)) == [("path.id", "integer >= 1", "0")]


@pytest.mark.parametrize(
    ("annotation", "query", "value"),
    [
        (str, "x=", ""),
        (str, "x=a+b%26", "a b&"),
        (int, "x=12", 12),
        (float, "x=1.5", 1.5),
        (bool, "x=true", True),
        (Decimal, "x=1.50", Decimal("1.50")),
        (date, "x=2026-07-31", date(2026, 7, 31)),
        (UUID, "x=" + "0" * 8 + "-0000-0000-0000-" + "0" * 12, UUID(int=0)),
        (Mode, "x=slow", Mode.SLOW),
        (Literal["a", 1], "x=1", 1),
        (int | None, "x=3", 3),
        (int | None, "", None),
        (int | str, "x=3", 3),
        (int | str, "x=a", "a"),
        (list[int], "x=1&x=2", [1, 2]),
        (list[int] | None, "", None),
        (set[str], "x=a&x=a", {"a"}),
        (tuple[int, ...], "x=1&x=2", (1, 2)),
        (tuple[int, str], "x=1&x=b", (1, "b")),
        (frozenset[Mode], "x=fast", frozenset([Mode.FAST])),
        (Annotated[list[date], Meta(max_length=1)], "x=2026-07-31", [date(2026, 7, 31)]),
    ],
)
def test_query_parameters(bound_of, annotation: Any, query: str, value: Any) -> None:
    got: list[Any] = []

    async def spy(x) -> None:  # type: ignore[no-untyped-def]
        got.append(x)

    spy.__annotations__["x"] = annotation
    bound_of(spy).ask(query)
    assert got == [value]
    assert type(got[0]) is type(value)


@pytest.mark.parametrize(
    ("annotation", "query", "fault"),
    [
        (int, "", ("query.x", "integer", "nothing")),
        (int, "x=a", ("query.x", "integer", '"a"')),
        (int, "x=", ("query.x", "integer", '""')),
        (int, "x=1&x=2", ("query.x", "integer, once", "2 values")),
        (str, "x=1&x=2", ("query.x", "string, once", "2 values")),
        (list[int], "", ("query.x", "array", "nothing")),
        (list[int], "x=1&x=b&x=3", ("query.x[1]", "integer", '"b"')),
        (
            Annotated[list[int], Meta(max_length=1)],
            "x=1&x=2",
            ("query.x", "array of at most 1 item", '["1","2"]'),
        ),
        (tuple[int, str], "x=1", ("query.x", "array of 2 items", '["1"]')),
        (Literal["a", "b"], "x=c", ("query.x", "one of 'a', 'b'", '"c"')),
    ],
)
def test_query_parameters_that_do_not_fit(bound_of, annotation: Any, query: str, fault: Any) -> None:
    async def handler(x) -> None: ...  # type: ignore[no-untyped-def]

    handler.__annotations__["x"] = annotation
    assert bound_of(handler).faults(query) == [fault]


def test_a_mutable_default_is_not_shared(bound_of) -> None:
    async def handler(tags: list[str] = []) -> list[str]:  # noqa: B006
        tags.append("x")
        return tags

    bound = bound_of(handler)
    assert [bound.ask().body, bound.ask().body] == [b'["x"]', b'["x"]']


def test_headers_and_cookies(bound_of) -> None:
    async def handler(
        x_token: Annotated[str, Header()],
        accept: Annotated[list[str], Header()],
        age: Annotated[int | None, Header()],
        sid: Annotated[int, Cookie()],
        theme: Annotated[str, Cookie()] = "light",
    ) -> list[Any]:
        return [x_token, accept, age, sid, theme]

    headers = {"X-Token": "ä", "Accept": "text/html, , a/b", "Cookie": "sid=7; other=1"}
    bound = bound_of(handler)
    assert bound.ask(headers=headers).body == '["ä",["text/html","a/b"],null,7,"light"]'.encode()
    assert bound.faults(headers={"Age": "old", "Cookie": "sid=x"}) == [
        ("header.x-token", "string", "nothing"),
        ("header.accept", "array", "nothing"),
        ("header.age", "integer", '"old"'),
        ("cookie.sid", "integer", '"x"'),
    ]


def test_a_struct_from_the_query(bound_of) -> None:
    async def handler(filters: Annotated[Filters, Query()], page: int = 1) -> list[Any]:
        return [filters.page_size, filters.tags, filters.since, page]

    bound = bound_of(handler)
    assert bound.ask().body == b"[10,[],null,1]"
    assert bound.ask("pageSize=7&tags=a&tags=b&since=2026-07-31&page=2&other=1").body == (
        b'[7,["a","b"],"2026-07-31",2]'
    )
    assert bound.faults("pageSize=0&since=x&page=y&tags=a") == [
        ("query.pageSize", "integer >= 1 and <= 100", '"0"'),
        ("query.since", "date (YYYY-MM-DD)", '"x"'),
        ("query.page", "integer", '"y"'),
    ]
    assert bound.faults("pageSize=60") == [("query", "a pageSize over 50 needs tags", '{"pageSize":60}')]


def test_missing_fields_of_a_struct_from_the_query_are_all_reported(bound_of) -> None:
    async def handler(both: Annotated[Required, Query()]) -> None: ...
    async def either(both: Annotated[Required | None, Query()]) -> str:
        return str(both)

    assert bound_of(handler).faults("a=x") == [
        ("query.a", "integer", '"x"'),
        ("query.b", "integer", "nothing"),
    ]
    assert bound_of(either).ask().body == b"None"
    assert bound_of(either).faults("a=1") == [("query.b", "integer", "nothing")]


def test_every_part_of_the_request_is_reported_at_once(bound_of) -> None:
    async def handler(
        id: int, q: int, body: Required, x_token: Annotated[str, Header()], sid: Annotated[UUID, Cookie()]
    ) -> None: ...

    faults = bound_of(handler, "POST", "/{id}").faults("q=x", args=("y",), body=b'{"a":"1"}')
    assert [location for location, _, _ in faults] == [
        "path.id", "query.q", "body.a", "body.b", "header.x-token", "cookie.sid",
    ]  # fmt: skip


def test_the_request_and_resources(bound_of) -> None:
    made: list[str] = []

    class Session:
        pass

    def session(request: Request) -> Session:
        made.append(request.method)
        return Session()

    resources: dict[type, Any] = {}

    async def handler(request: Request, db: Database, session: Session, n: int) -> list[str]:
        return [request.method, db.name, type(session).__name__]

    handler.__annotations__["session"] = Session
    bound = bound_of(handler, resources=resources)
    resources.update({Database: Database("late"), Session: session})
    assert bound.ask("n=1").body == b'["GET","late","Session"]'
    assert bound.binding.resources == (Database, Session)
    bound.faults("n=x")
    assert made == ["GET"]  # not made for a request that is refused


def test_an_error_of_the_handler_is_its_own(bound_of) -> None:
    async def handler(n: int) -> None:
        raise ValueError("from the handler")

    with pytest.raises(ValueError, match="from the handler"):
        bound_of(handler).ask("n=1")


def test_keyword_only_and_positional_only(bound_of) -> None:
    async def handler(a: int, /, b: int, *, handler: int, c: int = 3) -> list[int]:
        return [a, b, handler, c]

    assert given(bound_of, handler, "a=1&b=2&handler=4") == b"[1,2,4,3]"


def test_the_source_can_be_read_and_is_in_tracebacks(bound_of) -> None:
    async def handler(id: int) -> str:
        raise RuntimeError("here")

    bound = bound_of(handler, template="/airports/{id}")
    assert "GET /airports/{id}" in bound.binding.source
    assert "arg_id = parse_id(request.path_args[0])" in bound.binding.source
    with pytest.raises(RuntimeError) as caught:
        bound.ask(args=("1",))
    assert "await handler(arg_id)" in "".join(traceback.format_exception(caught.value))


def test_nothing_is_bound_twice_or_for_nothing(bound_of) -> None:
    async def handler() -> str:
        await asyncio.sleep(0)
        return ""

    source = bound_of(handler).binding.source
    assert not any(word in source for word in ("query", "fields", "cookies", "try", "body"))


@pytest.mark.parametrize(
    ("annotation", "template", "told"),
    [
        (list[int], "/{x}", "one value"),
        (Required, "/{x}", "object cannot be read"),
        (str, "/{x:int}", "annotate it int"),
        (Annotated[Required, Header()], "/", "object cannot be read"),
        (Annotated[list[Required], Query()], "/", "object cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_at_start(bound_of, annotation: Any, template: str, told: str) -> None:
    async def handler(x) -> None: ...  # type: ignore[no-untyped-def]

    handler.__annotations__["x"] = annotation
    with pytest.raises(RouteError, match=told) as caught:
        bound_of(handler, template=template)
    assert "test_binding.py:" in str(caught.value)
    assert "parameter 'x'" in str(caught.value)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_on_get_is_refused(bound_of, method: str) -> None:
    async def handler(order: Required) -> None: ...

    with pytest.raises(RouteError, match=r"Annotated\[…, Query\(\)\], or answer POST"):
        bound_of(handler, method)


def test_concurrent_requests_do_not_mix(bound_of, request_of) -> None:
    async def handler(n: int) -> list[int]:
        await asyncio.sleep(0)
        return [n]

    bound = bound_of(handler)

    async def all_at_once() -> list[bytes]:
        calls = (bound.binding.call(request_of("GET", f"/?n={n}")) for n in range(50))
        return [response.body for response in await asyncio.gather(*calls)]

    assert asyncio.run(all_at_once()) == [b"[%d]" % n for n in range(50)]
