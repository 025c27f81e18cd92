"""A line a request: its forms, its sampling, and what may never be in it."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from stanchion.telemetry.access_log import MOST_WAITING, AccessLog, Form

NOON = 1_795_953_600.123  # 2026-11-29T12:00:00.123Z
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Asked(Struct):
    """A request, as far as a line needs one."""

    method: str = "GET"
    path: str = "/flights/7"
    fields: dict[bytes, bytes] = {}
    known_ids: tuple[str | None, str | None] | None = None


def logged(asked: Asked, form: Form, status: int = 200, sent: int = 512) -> str:
    """The line of one request that took 1,234 µs."""
    written: list[bytes] = []
    log = AccessLog(written.append, form=form, clock=lambda: NOON)
    log.add(asked, status, sent, 1234, "127.0.0.1")
    log.flush()
    return b"".join(written).decode("ascii")


def test_a_console_line() -> None:
    line = logged(Asked(fields={b"x-request-id": b"9f2c"}), "console")
    assert line == "2026-11-29T12:00:00.123Z 200 GET /flights/7 1.2 ms 512 B 127.0.0.1 9f2c\n"


def test_a_json_line() -> None:
    line = logged(Asked(fields={b"x-request-id": b"9f2c", b"traceparent": TRACEPARENT.encode()}), "json")
    assert line.endswith("}\n")
    assert msgspec.json.decode(line) == {
        "logger": "stanchion.access",
        "time": "2026-11-29T12:00:00.123Z",
        "method": "GET",
        "path": "/flights/7",
        "status": 200,
        "bytes": 512,
        "duration_us": 1234,
        "client": "127.0.0.1",
        "request_id": "9f2c",
        "trace_id": TRACE,
    }


def test_what_is_not_known_is_left_out_of_json_and_a_dash_on_the_console() -> None:
    written: list[bytes] = []
    for form in ("json", "console"):
        log = AccessLog(written.append, form=form, clock=lambda: NOON)  # type: ignore[arg-type]
        log.add(Asked(), 204, 0, 7)
        log.flush()
    assert set(msgspec.json.decode(written[0])) == {
        "logger", "time", "method", "path", "status", "bytes", "duration_us",
    }  # fmt: skip
    assert written[1] == b"2026-11-29T12:00:00.123Z 204 GET /flights/7 0.0 ms 0 B - -\n"


def test_the_ids_that_the_handler_has_seen_are_those_logged() -> None:
    asked = Asked(fields={b"x-request-id": b"not sane", b"traceparent": b"neither"}, known_ids=("made", TRACEPARENT))
    assert logged(asked, "console").endswith(f" made {TRACE}\n")


def test_ids_that_are_not_sane_are_not_logged() -> None:
    asked = Asked(fields={b"x-request-id": b"a\nb", b"traceparent": b"secret"})
    assert logged(asked, "console").endswith(" 127.0.0.1 -\n")


def test_no_header_value_gets_into_a_line() -> None:
    asked = Asked(fields={b"authorization": b"Bearer secret", b"cookie": b"secret", b"host": b"secret"})
    assert "secret" not in logged(asked, "console") + logged(asked, "json")


def test_a_client_that_left_has_a_line_that_says_so() -> None:
    assert " gone GET " in logged(Asked(), "console", status=0)
    assert msgspec.json.decode(logged(Asked(), "json", status=0))["status"] == 0


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("/a\n2026-11-29T12:00:00.123Z 200 GET /b", "/a\\x0a2026-11-29T12:00:00.123Z\\x20200\\x20GET\\x20/b"),
        ("/\x1b[31mred", "/\\x1b[31mred"),
        ("/a\\x0ab", "/a\\x5cx0ab"),  # what was sent so is not what was escaped so
        ("/\u2028\x85\U0001f6a8", "/\\u2028\\x85\\U0001f6a8"),
        ("/%0A", "/%0A"),
        ("/" + "a" * 5000, "/" + "a" * 2047 + "..."),
    ],
)
def test_a_path_is_one_column_of_one_line(path: str, column: str) -> None:
    line = logged(Asked(path=path), "console")
    assert line.split(" ")[3] == column
    assert msgspec.json.decode(logged(Asked(path=path), "json"))["path"] == column


@given(st.text())
def test_no_path_can_make_a_line_of_its_own(path: str) -> None:
    asked = Asked(path=path)
    assert len(logged(asked, "console").splitlines()) == len(logged(asked, "json").splitlines()) == 1
    assert re.fullmatch(r"\S+ 200 GET \S* 1\.2 ms 512 B 127\.0\.0\.1 -\n", logged(asked, "console"))


def test_sampling_takes_its_share_and_every_5xx() -> None:
    draws = iter([0.1, 0.2, 0.3, 0.24])
    written: list[bytes] = []
    log = AccessLog(written.append, form="json", sample=0.25, random=lambda: next(draws))
    for status in (200, 500, 404, 503, 200, 0):
        log.add(Asked(), status, 0, 0, "-")
    log.flush()
    assert [msgspec.json.decode(line)["status"] for line in written[0].splitlines()] == [200, 500, 404, 503, 0]


@pytest.mark.parametrize(("sample", "lines"), [(0.0, 0), (1.0, 100)])
def test_none_and_all_need_no_luck(sample: float, lines: int) -> None:
    log = AccessLog(lambda _: None, form="json", sample=sample)
    for _ in range(100):
        log.add(Asked(), 200, 0, 0, "-")
    assert log.statistics() == {"lines": 0, "waiting": lines}


def test_lines_leave_together_in_order_and_by_themselves_when_many_wait() -> None:
    written: list[bytes] = []
    log = AccessLog(written.append, form="json")
    for number in range(MOST_WAITING + 3):
        log.add(Asked(path=f"/{number}"), 200, 0, 0, "-")
    assert log.statistics() == {"lines": MOST_WAITING, "waiting": 3}
    log.flush()
    log.flush()
    assert [batch.count(b"\n") for batch in written] == [MOST_WAITING, 3]
    paths = [msgspec.json.decode(line)["path"] for line in b"".join(written).splitlines()]
    assert paths == [f"/{number}" for number in range(MOST_WAITING + 3)]
    assert repr(log) == "<AccessLog 0 lines waiting>"


def test_times_are_those_of_the_answers() -> None:
    times = iter([0.0, 0.9994, 0.9999, 59.5])
    written: list[bytes] = []
    log = AccessLog(written.append, form="console", clock=lambda: next(times))
    for _ in range(4):
        log.add(Asked(), 200, 0, 0, "-")
    log.flush()
    assert [line[17:24] for line in written[0].decode().splitlines()] == ["00.000Z", "00.999Z", "00.999Z", "59.500Z"]
