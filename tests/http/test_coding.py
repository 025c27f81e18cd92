"""Which coding a client gets: RFC 9110 §12.5.3, and a slow model of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.coding import MIN_SIZE, accepted, compressible, vary

OFFERED = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("field", "coding"),
    [
        (None, None),
        (b"", None),
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"gzip, deflate, br", "br"),
        (b"gzip;q=1.0, br;q=0.9", "gzip"),
        (b"br;q=0.5,gzip;q=0.5", "br"),
        (b"deflate, compress", None),
        (b"GZIP", "gzip"),
        (b"x-gzip", "gzip"),
        (b"x-gzip;q=0.5, gzip", "gzip"),
        (b"*", "zstd"),
        (b"*, zstd;q=0", "br"),
        (b"*;q=0", None),
        (b"*;q=0, gzip;q=0.001", "gzip"),
        (b"gzip;q=0", None),
        (b"identity;q=0", None),
        (b"identity;q=0, gzip;q=0", None),
        (b"identity, gzip;q=0.5", None),
        (b"identity;q=0.5, gzip;q=0.5", "gzip"),
        (b"identity;q=0.1, gzip;q=0.5", "gzip"),
        (b"gzip ; q=0.5 , br ;\tQ=0.6", "br"),
        (b"gzip;q=1.001, br;q=0.1", "br"),
        (b"gzip;q=2, br;q=x, zstd;level=3", None),
        (b"gzip;q=0, gzip", None),
        (b",,gzip,", "gzip"),
        (b"gzip, " + b"x" * 1000, "gzip"),
    ],
)
def test_by_the_rules(field: bytes | None, coding: str | None) -> None:
    assert accepted(field, OFFERED) == coding


def test_only_what_is_offered() -> None:
    assert accepted(b"br, gzip", ("gzip",)) == "gzip"
    assert accepted(b"*", ()) is None


WEIGHTS = st.integers(0, 1000)
NAMES = st.sampled_from([*OFFERED, "identity", "*", "deflate"])


@given(st.dictionaries(NAMES, WEIGHTS))
def test_as_a_model_has_it(weights: dict[str, int]) -> None:
    field = ", ".join(f"{name};q={weight / 1000:.3f}" for name, weight in weights.items()).encode()
    liked = {coding: weights.get(coding, weights.get("*", 0)) for coding in OFFERED}
    allowed = [coding for coding in OFFERED if liked[coding] > 0]
    best = max(allowed, key=lambda coding: liked[coding], default=None)  # the first of equals
    if best is not None and liked[best] < weights.get("identity", 0):
        best = None
    assert accepted(field, OFFERED) == best


@given(st.binary(max_size=300))
def test_no_field_is_an_error(field: bytes) -> None:
    assert accepted(field, OFFERED) in (None, *OFFERED)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "application/geo+json",
        "text/html; charset=utf-8",
        "text/csv",
        "image/svg+xml",
        "application/x-ndjson",
        "application/wasm",
        "font/ttf",
    ],
)
def test_text_and_the_like_compress(media_type: str) -> None:
    assert compressible(media_type, MIN_SIZE)
    assert not compressible(media_type, MIN_SIZE - 1)


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "image/png",
        "video/mp4",
        "application/zip",
        "application/gzip",
        "application/octet-stream",
        "application/pdf",
        "font/woff2",
        "multipart/form-data; boundary=a",
        "text/event-stream",
    ],
)
def test_the_rest_does_not(media_type: str | None) -> None:
    assert not compressible(media_type, 1 << 20)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (None, "Accept-Encoding"),
        ("", "Accept-Encoding"),
        ("Accept", "Accept, Accept-Encoding"),
        ("Origin, accept-encoding", "Origin, accept-encoding"),
        ("*", "*"),
    ],
)
def test_vary(given: str | None, value: str) -> None:
    assert vary(given) == value
