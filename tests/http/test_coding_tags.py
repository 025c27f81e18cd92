"""A tag in a coding and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.coding import CODINGS
from stanchion.http.codings.tags import coded_tag, plain_tags

OPAQUE = st.text(st.characters(codec="latin-1", exclude_characters='"', categories=["L", "N", "P"]), max_size=30)


@pytest.mark.parametrize("coding", CODINGS)
@given(opaque=OPAQUE)
def test_there_and_back(coding: str, opaque: str) -> None:
    tag = f'"{opaque}"'
    coded = coded_tag(tag, coding)
    assert coded != tag
    assert plain_tags(coded.encode("latin-1"), (coding,)) == tag.encode("latin-1")


@pytest.mark.parametrize(
    ("field", "plain"),
    [
        (b'"a-gzip", "b-gzip" , "c"', b'"a", "b" , "c"'),
        (b'W/"a-gzip"', b'W/"a-gzip"'),
        (b'"a-br"', b'"a-br"'),
        (b'"a-gzip-gzip"', b'"a-gzip"'),
        (b'"-gzip"', b'""'),
        (b"*", b"*"),
        (b'"a-gzip', b'"a-gzip'),
    ],
)
def test_only_strong_tags_of_the_coding_lose_it(field: bytes, plain: bytes) -> None:
    assert plain_tags(field, ("gzip",)) == plain


def test_a_weak_tag_stays() -> None:
    assert coded_tag('W/"a"', "gzip") == 'W/"a"'
    assert coded_tag("not a tag", "gzip") == "not a tag"


@given(st.binary(max_size=200))
def test_no_field_is_an_error(field: bytes) -> None:
    assert len(plain_tags(field, CODINGS)) <= len(field)
