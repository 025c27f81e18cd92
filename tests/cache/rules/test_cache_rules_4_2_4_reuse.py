"""RFC 9111 §4, §4.2.4, §5.2.1 and RFC 5861: whether a stored response may answer a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stanchion.cache.rules import reuse
from stanchion.cache.rules.reuse import Use
from tests.cache.rules.made import NOW, asked, date, kept
from tests.cache.rules.requirements import requirement

VALIDATOR = {"ETag": '"a"'}


def use(
    directives: str, *, after: float, request: dict[str, str] | None = None, more: dict[str, str] | None = None
) -> Use:
    stored = kept({"Cache-Control": directives, **VALIDATOR, **(more or {})})
    return reuse.use(asked(request), stored, NOW + after)


def stands_in(directives: str, *, after: float, answered: bool = False, request: dict[str, str] | None = None) -> bool:
    stored = kept({"Cache-Control": directives})
    return reuse.may_stand_in(asked(request), stored, NOW + after, answered=answered)


@requirement("4", "MUST NOT", "reuse a response unless it is fresh, may be served stale, or is validated")
@pytest.mark.parametrize(
    ("after", "expected"), [(0, Use.FRESH), (59, Use.FRESH), (60, Use.VALIDATE), (90, Use.VALIDATE)]
)
def test_4_fresh_or_validated(after: float, expected: Use) -> None:
    assert use("max-age=60", after=after) is expected


@requirement("4", "MUST", "send the request on where there is nothing to validate by")
def test_4_a_stale_response_without_validators_is_fetched() -> None:
    assert reuse.use({}, kept({"Cache-Control": "max-age=60"}), NOW + 61) is Use.FETCH
    modified = kept({"Cache-Control": "max-age=60", "Last-Modified": date(-60)})
    assert reuse.use({}, modified, NOW + 61) is Use.VALIDATE


@requirement("5.2.2.4", "MUST NOT", "use a response with no-cache without a validation")
@pytest.mark.parametrize("directive", ["no-cache", "No-CaChE", "no-cache=", 'no-cache=""', 'no-cache="a, b c"'])
def test_5_2_2_4_no_cache_needs_a_validation(directive: str) -> None:
    assert use(f"max-age=60, stale-while-revalidate=60, {directive}", after=0) is Use.VALIDATE
    assert use(f"max-age=60, {directive}", after=61, request={"Cache-Control": "max-stale"}) is Use.VALIDATE
    assert not stands_in(f"max-age=60, stale-if-error=60, {directive}", after=61)
    assert not stands_in(f"max-age=60, stale-if-error=60, {directive}", after=0)


@requirement("5.2.2.4", "MAY", "reuse it without the fields that a qualified no-cache names")
@pytest.mark.parametrize("directive", ['no-cache="a, B"', "no-cache=a, no-cache=b", 'private="a,b"'])
def test_5_2_2_4_qualified_forms_leave_out_fields(directive: str) -> None:
    stored = kept({"Cache-Control": f"max-age=60, {directive}", "Date": date(), "A": "1", "C": "3"})
    assert reuse.use({}, stored, NOW) is Use.FRESH
    assert [name for name, _ in stored.fields] == [b"cache-control", b"date", b"c"]


@requirement("4.2.4", "MUST NOT", "serve stale what must-revalidate, proxy-revalidate, s-maxage or no-cache forbid")
@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60"])
def test_4_2_4_forbidden_stale(directive: str) -> None:
    directives = f"max-age=60, {directive}"
    assert use(directives, after=61, request={"Cache-Control": "max-stale=100"}) is Use.VALIDATE
    assert not stands_in(directives, after=61)


@requirement("5.2.2.2", "MUST", "let must-revalidate win over stale-while-revalidate and stale-if-error")
@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate"])
def test_5_2_2_2_must_revalidate_wins(directive: str) -> None:
    directives = f"max-age=60, stale-while-revalidate=60, stale-if-error=60, {directive}"
    assert use(directives, after=30) is Use.FRESH
    assert use(directives, after=61) is Use.VALIDATE
    assert not stands_in(directives, after=61)


@requirement("4.2.4", "MAY", "serve stale when disconnected; here for ten minutes after its freshness")
@pytest.mark.parametrize(("after", "allowed"), [(61, True), (660, True), (661, False)])
def test_4_2_4_disconnected(after: float, allowed: bool) -> None:
    assert stands_in("max-age=60", after=after) is allowed
    assert not stands_in("max-age=60", after=after, answered=True)


@requirement("5.2.1.1", "choice", "max-age of a request: no older response, unless max-stale allows it")
@pytest.mark.parametrize(
    ("wish", "after", "expected"),
    [
        ("max-age=10", 9, Use.FRESH),
        ("max-age=10", 10, Use.FRESH),
        ("max-age=10", 11, Use.VALIDATE),
        ("max-age=0", 1, Use.VALIDATE),
        ("max-age=x", 1, Use.VALIDATE),
        ("max-age=10, max-stale=5", 15, Use.FRESH),
        ("max-age=1000", 61, Use.VALIDATE),
    ],
)
def test_5_2_1_1_max_age(wish: str, after: float, expected: Use) -> None:
    assert use("max-age=60", after=after, request={"Cache-Control": wish}) is expected


@requirement("5.2.1.2", "choice", "max-stale of a request: so many seconds stale will do")
@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ("max-stale", Use.STALE),
        ("max-stale=40", Use.STALE),
        ("max-stale=39", Use.VALIDATE),
        ("max-stale=x", Use.VALIDATE),
    ],
)
def test_5_2_1_2_max_stale(wish: str, expected: Use) -> None:
    assert use("max-age=60", after=100, request={"Cache-Control": wish}) is expected


@requirement("5.2.1.3", "choice", "min-fresh of a request: fresh for so many seconds more")
@pytest.mark.parametrize(("seconds", "expected"), [(50, Use.FRESH), (51, Use.VALIDATE), (100, Use.VALIDATE)])
def test_5_2_1_3_min_fresh(seconds: int, expected: Use) -> None:
    assert use("max-age=60", after=10, request={"Cache-Control": f"min-fresh={seconds}"}) is expected


@requirement("5.2.1.4", "choice", "no-cache of a request: only after a validation")
@pytest.mark.parametrize("fields", [{"Cache-Control": "No-Cache"}, {"Pragma": "no-cache"}])
def test_5_2_1_4_no_cache(fields: dict[str, str]) -> None:
    assert use("max-age=60", after=1, request=fields) is Use.VALIDATE
    assert not stands_in("max-age=60", after=61, request=fields)


@requirement("5.2.1.5", "MUST NOT", "store the answer to a request with no-store; here it goes past the cache as well")
def test_5_2_1_5_no_store() -> None:
    assert use("max-age=60", after=1, request={"Cache-Control": "no-store"}) is Use.FETCH


@requirement("5.2.1.7", "choice", "only-if-cached of a request: a stored answer, or 504")
@pytest.mark.parametrize(("value", "expected"), [("only-if-cached", True), ("x, Only-If-Cached", True), ("x", False)])
def test_5_2_1_7_only_if_cached(value: str, expected: bool) -> None:
    assert reuse.only_if_cached(asked({"Cache-Control": value})) is expected


@requirement("5.4", "choice", "Pragma: no-cache counts only in a request, and only without Cache-Control")
def test_5_4_pragma() -> None:
    both = {"Cache-Control": "x", "Pragma": "no-cache"}
    assert use("max-age=60", after=1, request=both) is Use.FRESH
    assert use("max-age=60", after=1, request={"Pragma": "other"}) is Use.FRESH
    assert use("max-age=60", after=1, more={"Pragma": "no-cache"}) is Use.FRESH


@requirement("4.3.2", "MUST NOT", "evaluate preconditions that are for an origin: such a request goes there")
@pytest.mark.parametrize("name", ["If-Match", "If-Unmodified-Since"])
def test_4_3_2_preconditions_of_an_origin(name: str) -> None:
    assert use("max-age=60", after=1, request={name: '"a"'}) is Use.FETCH


@requirement("3.5", "choice", "a request with Authorization gets only what is for all, whoever it was stored for")
@pytest.mark.parametrize(
    ("directives", "expected"),
    [
        ("max-age=60", Use.FETCH),
        ("max-age=60, public", Use.FRESH),
        ("s-maxage=60", Use.FRESH),
        ("max-age=60, must-revalidate", Use.FRESH),
    ],
)
def test_3_5_requests_with_authorization(directives: str, expected: Use) -> None:
    credentials = {"Authorization": "Bearer t"}
    assert use(directives, after=1, request=credentials) is expected
    assert use(directives, after=1) is Use.FRESH
    assert stands_in("max-age=60", after=61, request=credentials) is False


@requirement("3", "MAY", "serve it at once in the time of stale-while-revalidate", rfc=5861)
@pytest.mark.parametrize("lifetime", ["max-age=60", "s-maxage=60"])
@pytest.mark.parametrize(("after", "expected"), [(59, Use.FRESH), (61, Use.STALE), (89, Use.STALE), (90, Use.VALIDATE)])
def test_5861_3_stale_while_revalidate(lifetime: str, after: float, expected: Use) -> None:
    assert use(f"{lifetime}, stale-while-revalidate=30", after=after) is expected


@requirement("4", "MAY", "serve it instead of a failure in the time of stale-if-error", rfc=5861)
@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize(("after", "allowed"), [(59, True), (61, True), (90, True), (91, False)])
def test_5861_4_stale_if_error(answered: bool, after: float, allowed: bool) -> None:
    assert stands_in("max-age=60, stale-if-error=30", after=after, answered=answered) is allowed
    assert stands_in("s-maxage=60, stale-if-error=30", after=after, answered=answered) is allowed


def test_a_declaration_governs_alone() -> None:
    said = {"Cache-Control": "private, no-cache, max-age=0, must-revalidate"}
    stored = replace(kept(said), lifetime=60.0, stale=30.0, stale_if_error=100.0)
    wanted = {59: Use.FRESH, 61: Use.STALE, 91: Use.FETCH}
    assert {after: reuse.use(asked({"Authorization": "x"}), stored, NOW + after) for after in wanted} == wanted
    assert reuse.may_stand_in({}, stored, NOW + 160, answered=True)
    assert not reuse.may_stand_in({}, stored, NOW + 161, answered=True)


@given(
    directives=st.lists(
        st.sampled_from(
            ["max-age=60", "s-maxage=30", "no-cache", "must-revalidate", "public", "stale-while-revalidate=9"]
        )
    ),
    after=st.floats(0, 200),
)
def test_fresh_for_is_the_time_in_which_use_says_fresh(directives: list[str], after: float) -> None:
    stored = kept({"Cache-Control": ", ".join(directives), "Date": date()})
    assert (reuse.fresh_for(stored, NOW + after) > 0) is (reuse.use({}, stored, NOW + after) is Use.FRESH)


@given(value=st.binary(max_size=40), after=st.floats(0, 1000))
def test_whatever_a_client_asks_it_gets_nothing_stale_that_is_forbidden(value: bytes, after: float) -> None:
    request = {b"cache-control": value}
    stored = kept({"Cache-Control": "max-age=60, must-revalidate"})
    assert after < 60 or reuse.use(request, stored, NOW + after) is Use.FETCH
