"""A request's trace, as a handler and the log see it."""

from stanchion import App, Request
from stanchion.http.request import Request as Built
from stanchion.telemetry.trace import TraceContext
from stanchion.testing import Client

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"

app = App("traced")


@app.get("/")
async def seen(request: Request) -> list[str]:
    """What a handler would pass on, asked for twice."""
    return [request.traceparent, request.traceparent]


def test_the_callers_trace_goes_on_with_a_span_of_ours() -> None:
    with Client(app) as client:
        once, again = client.get("/", headers={"Traceparent": f"00-{TRACE}-{SPAN}-00"}).json()
        other, _ = client.get("/", headers={"Traceparent": f"00-{TRACE}-{SPAN}-00"}).json()
    assert once == again != other
    assert once.startswith(f"00-{TRACE}-")
    assert once.endswith("-00")
    assert SPAN not in once


def test_without_a_valid_one_a_trace_begins() -> None:
    with Client(app) as client:
        (one, _), (two, _) = client.get("/").json(), client.get("/", headers={"Traceparent": "00-junk"}).json()
    contexts = [TraceContext.parse(value.encode()) for value in (one, two)]
    assert None not in contexts
    assert one[3:35] != two[3:35]


def test_a_log_learns_what_was_asked_for_and_nothing_else() -> None:
    request = Built("GET", "/", "", {b"x-request-id": b"9f2c"}, peer=None)  # type: ignore[arg-type]
    assert request.known_ids is None
    assert request.id == "9f2c"
    assert request.known_ids == ("9f2c", None)
    assert request.known_ids == ("9f2c", None)
    traceparent = request.traceparent
    assert request.known_ids == ("9f2c", traceparent)
