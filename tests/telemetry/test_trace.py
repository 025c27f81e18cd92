"""W3C Trace Context: what is taken from a caller, and what is passed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.telemetry.trace import SAMPLED, TraceContext, request_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"


def test_a_context_is_read_and_written() -> None:
    context = TraceContext.parse(GIVEN.encode())
    assert context == TraceContext(trace_id=TRACE, span_id=SPAN, flags=1)
    assert str(context) == GIVEN


@pytest.mark.parametrize(
    "value",
    [
        "",
        GIVEN.upper(),
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-",  # version 00 has nothing more
        f"00-{TRACE}-{SPAN}-01-more",
        f"{GIVEN}\n",
        f" {GIVEN}",
        f"{GIVEN}, {GIVEN}",  # the field was sent twice
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"01-{TRACE}-{SPAN}-01more",
    ],
)
def test_what_is_invalid_is_none(value: str) -> None:
    assert TraceContext.parse(value.encode()) is None


def test_a_later_version_is_read_as_far_as_it_is_known_and_answered_in_ours() -> None:
    for value in (f"01-{TRACE}-{SPAN}-09", f"cc-{TRACE}-{SPAN}-09-what-the-future-holds"):
        context = TraceContext.parse(value.encode())
        assert context is not None
        assert str(context.child(lambda size: b"\1" * size)) == f"00-{TRACE}-{'01' * 8}-01"


@pytest.mark.parametrize(("flags", "kept"), [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("fd", "01")])
def test_a_child_keeps_the_trace_and_the_flags_that_are_defined(flags: str, kept: str) -> None:
    caller = TraceContext.parse(f"00-{TRACE}-{SPAN}-{flags}".encode())
    assert caller is not None
    child = caller.child()
    assert (child.trace_id, f"{child.flags:02x}") == (TRACE, kept)
    assert child.span_id != SPAN


def test_a_new_trace_is_sampled_and_its_own() -> None:
    one, two = TraceContext.new(), TraceContext.new()
    assert one.flags & SAMPLED
    assert one.trace_id != two.trace_id
    assert one.span_id != two.span_id


def test_an_id_that_came_out_as_all_zero_is_drawn_again() -> None:
    draws = iter([bytes(16), b"\1" * 16, bytes(8), b"\2" * 8])
    context = TraceContext.new(lambda _: next(draws))
    assert (context.trace_id, context.span_id) == ("01" * 16, "02" * 8)


@given(
    st.binary(min_size=16, max_size=16).filter(any), st.binary(min_size=8, max_size=8).filter(any), st.integers(0, 255)
)
def test_any_context_survives_the_field(trace: bytes, span: bytes, flags: int) -> None:
    context = TraceContext(trace_id=trace.hex(), span_id=span.hex(), flags=flags)
    assert TraceContext.parse(str(context).encode()) == context


@given(st.binary(max_size=80))
def test_any_field_is_a_context_or_none(value: bytes) -> None:
    context = TraceContext.parse(value)
    assert context is None or TraceContext.parse(str(context).encode()) == context


@pytest.mark.parametrize("given_id", [b"", b"a b", b"a\tb", b"a\nb", "ä".encode(), b"x" * 129, b"\x7f"])
def test_a_request_id_that_is_not_sane_is_none(given_id: bytes) -> None:
    assert request_id(given_id) is None


def test_a_sane_request_id_is_taken_as_it_is() -> None:
    assert request_id(b"9f2c-{7}/=") == "9f2c-{7}/="
    assert request_id(b"x" * 128) == "x" * 128
