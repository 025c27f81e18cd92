"""Entries as bytes: what was packed, or nothing."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cache.entry import Stored
from stanchion.cache.tiers.codec import pack, unpack

short = st.binary(max_size=20)
stored = st.builds(
    Stored,
    status=st.integers(100, 599),
    fields=st.lists(st.tuples(short, short), max_size=3).map(tuple),
    body=st.binary(max_size=200),
    requested=st.floats(0, 2e9),
    received=st.floats(0, 2e9),
    selecting=st.lists(st.tuples(short, st.none() | short), max_size=2).map(tuple),
    generations=st.lists(st.tuples(st.integers(0, 4096), st.integers(0, 2**64 - 1)), max_size=2).map(tuple),
    lifetime=st.none() | st.floats(0, 1e6),
    encodings=st.dictionaries(st.sampled_from(["gzip", "br"]), short),
)


@given(stored)
def test_what_is_packed_comes_back(entry: Stored) -> None:
    found = unpack(pack(entry))
    assert found is not None
    assert msgspec.structs.astuple(found) == msgspec.structs.astuple(entry)


@given(stored, st.data())
def test_one_changed_bit_or_a_cut_makes_it_nothing(entry: Stored, data: st.DataObject) -> None:
    packed = bytearray(pack(entry))
    at = data.draw(st.integers(0, len(packed) - 1))
    assert unpack(bytes(packed[:at])) is None
    packed[at] ^= 1 << data.draw(st.integers(0, 7))
    assert unpack(bytes(packed)) is None


@given(st.binary(max_size=100))
def test_no_bytes_raise(any_bytes: bytes) -> None:
    assert unpack(any_bytes) is None
