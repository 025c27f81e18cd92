"""RFC 9211: Cache-Status."""

import pytest

from stanchion.cache.rules.status import Handling, cache_status
from tests.cache.rules.requirements import requirement


@requirement("2", "MUST", "name this cache first, then what it did", rfc=9211)
@pytest.mark.parametrize(
    ("handling", "expected"),
    [
        (Handling(), "stanchion"),
        (Handling(hit=True, ttl=30.9), "stanchion; hit; ttl=30"),
        (Handling(hit=True, ttl=-0.5, detail="memory"), "stanchion; hit; ttl=-1; detail=memory"),
        (Handling(fwd="stale", fwd_status=304, stored=True), "stanchion; fwd=stale; fwd-status=304; stored"),
        (Handling(fwd="uri-miss", collapsed=True), "stanchion; fwd=uri-miss; collapsed"),
    ],
)
def test_9211_2_members(handling: Handling, expected: str) -> None:
    assert cache_status(handling) == expected


@requirement("2.2", "MUST NOT", "tell a hit and a forwarding of the same request", rfc=9211)
def test_9211_2_2_hit_excludes_fwd() -> None:
    assert cache_status(Handling(hit=True, fwd="miss")) == "stanchion; hit"


@requirement("2.7", "choice", "a key is a string; what is not ASCII in it shows as a question mark", rfc=9211)
def test_9211_2_7_key() -> None:
    assert cache_status(Handling(key='a"b\\c\u00fc\r\n')) == 'stanchion; key="a\\"b\\\\c???"'
