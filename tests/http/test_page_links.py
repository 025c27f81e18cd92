"""The links of a page: what is in the field, and that nothing a client sends breaks out of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.errors import RouteError
from stanchion.http.pages import Page, PageQuery, without_place
from stanchion.http.params import Paging

QUERY = PageQuery(path="/flights", query="dest=LAX&limit=5")


def test_the_field_leads_to_the_pages_around_and_the_first() -> None:
    after, before = QUERY.at_offset(10), QUERY.at_cursor(b"x", b"")
    link = Page([1], after, before).link()
    assert link == (
        '</flights?dest=LAX&limit=5&offset=10>; rel="next", '
        f'<{before}>; rel="prev", '
        '</flights?dest=LAX&limit=5>; rel="first"'
    )
    assert Page([1], "/flights?cursor=x").link() == '</flights?cursor=x>; rel="next", </flights>; rel="first"'
    assert Page([1]).link() == ""


def test_a_cursor_opens_on_its_path_only() -> None:
    content = b"\x00\xff"
    cursor = QUERY.at_cursor(content, b"query").rpartition("cursor=")[2]
    assert PageQuery(path="/flights", query="other=1", cursor=cursor).opened(b"query") == content
    assert QUERY.opened(b"query") is None
    with pytest.raises(Exception, match="not of this query"):
        PageQuery(path="/other", cursor=cursor).opened(b"query")


def test_only_whole_names_are_taken_for_a_place() -> None:
    assert without_place("cursor=1&a=cursor=2&offset=3&xcursor=4&offsets=5") == "a=cursor=2&xcursor=4&offsets=5"
    assert without_place("") == ""


@given(st.text(), st.text())
def test_a_link_stays_a_reference_to_this_host(path: str, query: str) -> None:
    made = PageQuery(path="/" + path, query=query).at_offset(1)
    assert re.fullmatch(r"/[!$%&'()*+,\-./:;=?@_~0-9A-Za-z]*", made)
    assert not made.startswith("//")


@pytest.mark.parametrize("options", [{"limit": 0}, {"most": 0}, {"limit": 51, "most": 50}, {"farthest": -1}])
def test_paging_has_ranges(options: dict[str, int]) -> None:
    with pytest.raises(RouteError, match="Paging"):
        Paging(**options)  # type: ignore[arg-type]
