"""What is sealed opens where it was meant to, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.seal import Seal

KEY = b"k" * 32
SEAL = Seal(KEY, "page")


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_it_opens_with_its_key_its_purpose_and_its_context_only(content: bytes, context: bytes) -> None:
    text = SEAL.close(content, context)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert Seal(KEY, "page").open(text, context) == content
    assert SEAL.open(text, context + b"!") is None
    assert Seal(KEY, "token").open(text, context) is None
    assert Seal(b"other", "page").open(text, context) is None


@given(st.binary(max_size=60), st.data())
def test_a_changed_text_does_not_open(content: bytes, data: st.DataObject) -> None:
    text = SEAL.close(content, b"")
    at = data.draw(st.integers(0, len(text) - 2))  # the last character may hold bits that mean nothing
    other = data.draw(st.sampled_from("abcXYZ019-_").filter(lambda each: each != text[at]))
    assert SEAL.open(text[:at] + other + text[at + 1 :], b"") is None


@given(st.text(max_size=80))
def test_any_other_text_does_not_open(text: str) -> None:
    assert SEAL.open(text, b"") is None


def test_its_repr_tells_no_key() -> None:
    assert repr(SEAL) == "<Seal for page>"
