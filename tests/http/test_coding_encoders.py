"""The compressors: what they make is what a client decodes, at once and piece by piece."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.http.coding import CODINGS, LIVE, STORED, Encoder, encode
from stanchion.http.codings.encoders import AVAILABLE
from tests.http.decoding import Decoder, decoded

coding = pytest.mark.parametrize("coding", CODINGS)
JSON = b'{"iata":"JFK","name":"John F Kennedy Intl","lat":40.6398,"lon":-73.7789},' * 200


def test_all_are_here_best_first() -> None:
    assert CODINGS == ("zstd", "br", "gzip")


@coding
@given(body=st.binary(max_size=5000))
def test_a_whole_body(coding: str, body: bytes) -> None:
    assert decoded(coding, encode(coding, body)) == body
    assert encode(coding, body) == encode(coding, body)


@coding
@given(pieces=st.lists(st.tuples(st.binary(max_size=2000), st.booleans()), max_size=8))
def test_piece_by_piece(coding: str, pieces: list[tuple[bytes, bool]]) -> None:
    encoder, decoder = Encoder(coding), Decoder(coding)
    sent = seen = b""
    for piece, flushed in pieces:
        coded = encoder.feed(memoryview(piece))
        sent += piece
        seen += decoder.feed(coded + encoder.flush() if flushed else coded)
        assert seen == sent or not flushed
    assert seen + decoder.feed(encoder.finish()) == sent


@coding
def test_every_level(coding: str) -> None:
    known = AVAILABLE[coding]
    for level in range(known.lowest, known.highest + 1):
        assert decoded(coding, encode(coding, JSON, level)) == JSON
        encoder = Encoder(coding, level)
        assert decoded(coding, encoder.feed(JSON) + encoder.finish()) == JSON


@coding
def test_what_is_stored_is_smaller(coding: str) -> None:
    body = b"".join(b'{"id":%d,"at":"2013-01-%02d","delay":%d},' % (n, n % 28, n * 7 % 61) for n in range(2000))
    assert len(encode(coding, body, STORED[coding])) < len(encode(coding, body, LIVE[coding])) < len(body) / 3


@coding
def test_threads_do_not_get_in_each_others_way(coding: str) -> None:
    bodies = [bytes([65 + n]) * 50_000 for n in range(16)]
    ready = threading.Barrier(4)

    def work(body: bytes) -> bytes:
        ready.wait(10)
        return encode(coding, body)

    with ThreadPoolExecutor(4) as pool:
        assert [decoded(coding, coded) for coded in pool.map(work, bodies)] == bodies


def test_another_is_refused() -> None:
    for made in (Encoder, lambda coding: encode(coding, b"")):
        with pytest.raises(ValueError, match="'deflate' is not available, only zstd, br, gzip"):
            made("deflate")


def test_gzip_tells_no_time() -> None:
    assert encode("gzip", JSON)[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
    encoder = Encoder("gzip")
    assert (encoder.feed(JSON) + encoder.finish())[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"


def test_zstd_needs_no_larger_window_than_a_client_has_to_have() -> None:
    """RFC 9659: 8 MB."""
    import zstandard

    encoder = Encoder("zstd", AVAILABLE["zstd"].highest)
    frame = encoder.feed(JSON) + encoder.flush()
    assert zstandard.get_frame_parameters(frame).window_size <= 8 << 20
