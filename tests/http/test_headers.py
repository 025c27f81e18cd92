import pytest

from stanchion.http.headers import Headers

HEADERS = Headers({b"accept": b"text/html", b"x-name": b"J\xfcrgen"})


@pytest.mark.parametrize("name", ["accept", "Accept", "ACCEPT"])
def test_names_have_no_case(name: str) -> None:
    assert HEADERS[name] == "text/html"
    assert name in HEADERS


def test_obs_text_survives_as_latin_1() -> None:
    assert HEADERS["X-Name"].encode("latin-1") == b"J\xfcrgen"


@pytest.mark.parametrize("name", ["absent", "", "naïve", "价格"])
def test_any_other_name_is_absent(name: str) -> None:
    assert HEADERS.get(name) is None
    assert name not in HEADERS


def test_is_a_mapping() -> None:
    assert dict(HEADERS) == {"accept": "text/html", "x-name": "Jürgen"}
    assert len(HEADERS) == 2
    assert repr(HEADERS) == "<Headers accept, x-name>"
