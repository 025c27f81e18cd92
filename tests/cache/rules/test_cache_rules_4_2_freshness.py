"""RFC 9111 §4.2, §1.2.2, §5.1, §5.3: how long a response is fresh, and how old it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stanchion.cache.rules import freshness
from stanchion.cache.rules.directives import MOST_SECONDS
from tests.cache.rules.made import NOW, Fields, date, kept
from tests.cache.rules.requirements import requirement


def lifetime(fields: Fields, status: int = 200) -> float:
    return freshness.lifetime(kept(fields, status=status))


def age(fields: Fields, *, delay: float = 0, after: float = 0) -> float:
    return freshness.age(kept(fields, delay=delay), NOW + after)


@requirement("4.2.1", "MUST", "prefer s-maxage (shared caches), then max-age, then Expires less Date")
@pytest.mark.parametrize(
    ("directives", "seconds"),
    [
        ("max-age=60, s-maxage=3600", 3600),
        ("s-maxage=1, max-age=3600", 1),
        ("max-age=0, s-maxage=3600", 3600),
        ("max-age=60", 60),
        ("public", 30),
        ("MaX-aGe=60, foo=bar, extension", 60),
    ],
)
def test_4_2_1_order_of_precedence(directives: str, seconds: float) -> None:
    assert lifetime({"Cache-Control": directives, "Expires": date(30), "Date": date()}) == seconds


@requirement("5.3", "MUST", "take Expires relative to Date, whatever the clock here")
@pytest.mark.parametrize(("sent", "expires", "seconds"), [(400, 300, 0), (-100, 20, 120), (0, 0, 0), (10, 20, 10)])
def test_5_3_expires_less_date(sent: float, expires: float, seconds: float) -> None:
    assert lifetime({"Date": date(sent), "Expires": date(expires)}) == seconds


@requirement("5.3", "MUST", "treat an invalid Expires, 0 above all, as past")
@pytest.mark.parametrize("value", ["0", "", "-1", "tomorrow", "Thu, 18 Aug 2050 02:01:18 UTC"])
def test_5_3_an_invalid_expires_is_in_the_past(value: str) -> None:
    assert lifetime({"Date": date(), "Last-Modified": date(-86400), "Expires": value}) == 0


@requirement("4.2.1", "SHOULD", "take the first of several values, or none")
@pytest.mark.parametrize("lines", [["max-age=5, max-age=9"], ["max-age=5", "max-age=9"]])
def test_4_2_1_the_first_of_several_values_counts(lines: list[str]) -> None:
    assert lifetime([("Cache-Control", line) for line in lines]) == 5
    assert lifetime([("Expires", "0"), ("Expires", date(60)), ("Date", date())]) == 0


@requirement("4.2.1", "SHOULD", "consider stale what has invalid freshness information")
@pytest.mark.parametrize(
    "directive",
    [
        "max-age=-60",
        "max-age=a60",
        "max-age=60a",
        "max-age='60'",
        "max-age=60.5",
        "max-age",
        "max-age=",
        "max-age= 60",
        "max-age =60",
        'max-age="-1"',
        "max-age=٣",
        "s-maxage=x, max-age=60",
    ],
)
def test_4_2_1_invalid_freshness_is_stale(directive: str) -> None:
    value = directive.encode().decode("latin-1")
    assert lifetime({"Cache-Control": value, "Expires": date(60), "Last-Modified": date(-86400)}) == 0


@requirement("1.2.2", "SHOULD", "take a number of seconds that is too great for 2^31")
@pytest.mark.parametrize("digits", ["2147483648", "2147483649", "99999999999", "9" * 500])
def test_1_2_2_great_numbers(digits: str) -> None:
    assert lifetime({"Cache-Control": f"max-age={digits}"}) == MOST_SECONDS
    assert lifetime({"Cache-Control": "max-age=2147483647"}) == 2147483647
    assert lifetime({"Cache-Control": "max-age=003600"}) == 3600


@requirement("4.2.2", "MUST NOT", "guess a lifetime where the origin gives one")
def test_4_2_2_no_guess_beside_an_explicit_lifetime() -> None:
    modified = {"Last-Modified": date(-864000), "Date": date()}
    assert lifetime({**modified, "Cache-Control": "max-age=0"}) == 0
    assert lifetime({**modified, "Expires": date(1)}) == 1


@requirement("4.2.2", "MAY", "guess 10 % of the time since Last-Modified; here a day at most")
@pytest.mark.parametrize(("ago", "seconds"), [(600, 60), (86400, 8640), (10**8, 86400), (-600, 0)])
def test_4_2_2_ten_percent_of_the_time_since_last_modified(ago: float, seconds: float) -> None:
    assert lifetime({"Last-Modified": date(-ago), "Date": date()}) == seconds
    assert lifetime({"Date": date(), "ETag": '"a"'}) == 0
    assert lifetime({"Date": date(), "Last-Modified": "last week"}) == 0


@requirement("4.2.2", "MUST NOT", "guess for a status that is not heuristically cacheable, unless it is public")
@pytest.mark.parametrize("status", [201, 202, 302, 403, 500, 502, 503, 504, 599])
def test_4_2_2_no_guess_by_status(status: int) -> None:
    fields = {"Last-Modified": date(-600), "Date": date()}
    assert lifetime(fields, status) == 0
    assert lifetime({**fields, "Cache-Control": "public"}, status) == 60


@requirement("4.2.3", "MUST", "count the age from the older of Date, and the request's time less Age")
@pytest.mark.parametrize(
    ("fields", "delay", "after", "seconds"),
    [
        ({"Date": date()}, 0, 5, 5),
        ({"Date": date(-100)}, 0, 5, 105),
        ({"Date": date(100)}, 0, 5, 5),
        ({"Date": date(), "Age": "30"}, 2, 5, 37),
        ({"Date": date(-100), "Age": "30"}, 2, 5, 105),
        ({"Date": date(-20), "Age": "30"}, 0, 0, 30),
        ({"Date": "foo", "Age": "30"}, 0, 0, 30),
    ],
)
def test_4_2_3_age(fields: dict[str, str], delay: float, after: float, seconds: float) -> None:
    assert age(fields, delay=delay, after=after) == seconds


@requirement("5.1", "SHOULD", "take the first member of Age, and ignore one that is no number")
@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (["abc"], 0),
        (["-7200"], 0),
        (["7200.0"], 0),
        (["7200;foo=bar"], 0),
        ([""], 0),
        (["7200, 0"], 7200),
        (["0, 7200"], 0),
        (["7200", "0"], 7200),
        (["0", "7200"], 0),
        (["2147483649"], MOST_SECONDS),
        (["9" * 500], MOST_SECONDS),
    ],
)
def test_5_1_age_that_is_sent(lines: list[str], seconds: float) -> None:
    assert age([("Date", date()), *(("Age", line) for line in lines)]) == seconds


def test_a_declared_lifetime_wins() -> None:
    stored = kept({"Cache-Control": "max-age=60", "Expires": date(30)})
    assert freshness.lifetime(replace(stored, lifetime=5.0)) == 5


@given(sent=st.integers(-1000, 1000), told=st.integers(0, 1000), delay=st.floats(0, 100), after=st.floats(0, 10**6))
def test_age_is_that_of_the_rfcs_formula(sent: int, told: int, delay: float, after: float) -> None:
    apparent = max(0.0, NOW - (NOW + sent))
    corrected = told + delay
    expected = max(apparent, corrected) + after
    assert age({"Date": date(sent), "Age": str(told)}, delay=delay, after=after) == pytest.approx(expected, abs=1e-5)


@given(st.binary(max_size=40))
def test_whatever_is_sent_gives_a_lifetime(value: bytes) -> None:
    text = value.decode("latin-1")
    for name in ("Cache-Control", "CDN-Cache-Control", "Expires", "Last-Modified", "Date", "Age"):
        assert 0 <= lifetime({name: text}) <= MOST_SECONDS
