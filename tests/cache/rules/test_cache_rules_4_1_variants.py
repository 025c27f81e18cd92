"""RFC 9111 §4.1: which stored response a request selects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cache.rules import variants
from tests.cache.rules.made import Fields, asked, kept, raw
from tests.cache.rules.requirements import requirement

FIELD = st.text("a1,; \t=*", max_size=12)


def selects(vary: str, first: Fields, second: Fields) -> bool:
    """Whether a response to `first` is one for `second` as well; the key agrees."""
    stored = kept({"Cache-Control": "max-age=60", "Vary": vary}, request=first)
    names = variants.names(stored.fields) or ()
    same_key = variants.secondary(names, asked(first)) == variants.secondary(names, asked(second))
    assert variants.selects(stored, asked(second)) is same_key
    return same_key


@requirement("4.1", "MUST NOT", "use a response for a request whose fields that Vary names differ")
@pytest.mark.parametrize(
    ("vary", "first", "second", "same"),
    [
        ("Foo", {"Foo": "1"}, {"Foo": "1"}, True),
        ("Foo", {"Foo": "1"}, {"Foo": "2"}, False),
        ("Foo", {"Foo": "1"}, {"Foo": "1", "Other": "2"}, True),
        ("fOO", {"Foo": "1"}, {"Foo": "2"}, False),
        ("Foo, Bar", {"Foo": "1", "Bar": "a"}, {"Foo": "1", "Bar": "a"}, True),
        ("Foo, Bar", {"Foo": "1", "Bar": "a"}, {"Foo": "1", "Bar": "b"}, False),
        ("Foo, Bar, Baz", {"Foo": "1", "Bar": "a", "Baz": "x"}, {"Foo": "1", "Baz": "x", "Bar": "b"}, False),
        ("Foo", {"Foo": "a"}, {"Foo": "A"}, False),
    ],
)
def test_4_1_the_fields_that_vary_names_have_to_match(vary: str, first: Fields, second: Fields, same: bool) -> None:
    assert selects(vary, first, second) is same


@requirement("4.1", "MUST", "match an absent field with an absent one only")
def test_4_1_absent_matches_absent_only() -> None:
    assert selects("Foo, Bar", {"Foo": "1"}, {"Foo": "1"})
    assert not selects("Foo", {}, {"Foo": "1"})
    assert not selects("Foo", {"Foo": "1"}, {})
    assert not selects("Foo", {}, {"Foo": ""})


@requirement("4.1", "MAY", "normalise: combine lines, drop blanks where a field's syntax allows them")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([("Foo", "1, 2")], [("Foo", "1"), ("Foo", "2")]),
        ([("Foo", "1,2")], [("Foo", " 1 ,\t2 ")]),
    ],
)
def test_4_1_lines_are_combined_and_blanks_do_not_count(first: Fields, second: Fields) -> None:
    assert selects("Foo", first, second)


@requirement("4.1", "MUST NOT", "normalise what may not be the same: case, order and quoted strings count elsewhere")
@pytest.mark.parametrize(("one", "other"), [("a, b", "b, a"), ("a", "A"), ('"a, b"', '"a,b"'), ("a,b", "a,,b")])
def test_4_1_other_fields_are_not_normalised_further(one: str, other: str) -> None:
    assert not selects("Foo", {"Foo": one}, {"Foo": other})


@requirement("4.1", "choice", "in Accept-Encoding and Accept-Language order, case and blanks do not count")
@pytest.mark.parametrize("name", ["Accept-Language", "Accept-Encoding"])
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("en, de", "de, en", True),
        ("en, de", "eN,  De ", True),
        ("en;q=0.5, de", "de, en; q=0.5", True),
        ("en;q=0.5, de", "de, en;q=0.6", False),
        ("en", "en, de", False),
    ],
)
def test_4_1_preferences(name: str, one: str, other: str, same: bool) -> None:
    assert selects(name, {name: one}, {name: other}) is same


@requirement("4.1", "MUST", "read Vary over several lines, empty members left out")
def test_4_1_vary_on_several_lines() -> None:
    assert variants.names(raw([("Vary", "Foo"), ("Vary", ""), ("Vary", "bar,,Foo")])) == (b"bar", b"foo")
    assert variants.names(raw({"Foo": "1"})) == ()


@requirement("4.1", "MUST", "let a Vary of * match nothing")
@pytest.mark.parametrize("value", ["*", "*, *", ", *", "Foo, *", "Foo Bar", "Foo\x7f"])
def test_4_1_star_and_what_is_no_name_match_nothing(value: str) -> None:
    assert variants.names(raw({"Vary": value})) is None


@given(first=st.dictionaries(st.sampled_from(["a", "b"]), FIELD), second=st.dictionaries(st.sampled_from("ab"), FIELD))
def test_key_and_selection_agree(first: dict[str, str], second: dict[str, str]) -> None:
    selects("a, b", first, second)


@given(FIELD)
def test_a_request_selects_what_it_made(value: str) -> None:
    for name in ("Foo", "Accept-Language"):
        assert selects(name, {name: value}, {name: value})


def test_a_long_value_is_compared_as_a_short_one_is() -> None:
    value = ", ".join(f"member{number}" for number in range(100))
    assert selects("Foo", {"Foo": value}, {"Foo": value.replace(", ", ",")})
    assert not selects("Foo", {"Foo": value}, {"Foo": value + "1"})
    assert variants.names(raw({"Vary": value}))
