"""What the tests of messages share: a request built from values, with no connection behind it."""

from collections.abc import Callable, Iterable, Mapping

import pytest

from stanchion.http.body import Body
from stanchion.http.client import Proxies
from stanchion.http.request import Request

RequestOf = Callable[..., Request]


class Wire:
    """Stands where the wire layer does: it notes what a body asks for, and names the other end."""

    client = ("127.0.0.1", 50_000)
    scheme = "http"
    max_query_params = 256
    proxies = Proxies()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pause_body(self) -> None:
        self.asked.append("pause")

    def resume_body(self) -> None:
        self.asked.append("resume")

    def invite_body(self) -> None:
        self.asked.append("invite")


@pytest.fixture(scope="session")
def request_of() -> RequestOf:
    """`request_of("POST", "/a?b=c", {"Content-Type": …}, [b"chunk", …])`; without chunks there is no body."""

    def build(
        method: str = "GET",
        target: str = "/",
        headers: Mapping[str, str] | None = None,
        chunks: Iterable[bytes] | None = None,
    ) -> Request:
        path, _, query = target.partition("?")
        fields = {name.lower().encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
        wire = Wire()
        request = Request(method, path, query, fields, wire)
        if chunks is not None:
            request.stream = Body(wire, 1 << 30)
            for chunk in chunks:
                request.stream.feed(chunk)
            request.stream.finish()
        return request

    return build


@pytest.fixture
def wire() -> Wire:
    return Wire()
