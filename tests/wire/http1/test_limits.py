"""Everything a client may send is bounded, and what is over is refused before memory is spent on it."""

import msgspec
import pytest

from stanchion.http.request import Request
from stanchion.http.response import Response
from tests.wire.client import Client, chunked, get, post
from tests.wire.conftest import Serve
from tests.wire.handlers import Asleep, echo, hello, hello_task, path_of, swallow
from tests.wire.live import ANY, endpoint, until

SMALL = {"max_request_line": 256, "max_header_bytes": 1024, "max_headers": 10}


def refusal(client: Client, data: bytes, dribbled: bool) -> tuple[int, str]:
    """Status and code of the one answer there is."""
    if dribbled:
        for start in range(0, len(data), 7):
            try:
                client.send(data[start : start + 7])
            except ConnectionError:  # refused before it was all sent
                break
    else:
        client.send(data)
    answer = client.last_answer()
    assert answer.closes
    return answer.status, msgspec.json.decode(answer.body)["code"]


DRIBBLED = pytest.mark.parametrize("dribbled", [False, True])


@DRIBBLED
@pytest.mark.parametrize("end", [b" HTTP/1.1\r\nhost: a\r\n\r\n", b""])
def test_a_long_target(serve: Serve, dribbled: bool, end: bytes) -> None:
    live = serve({ANY: path_of}, **SMALL)
    with live.connect() as client:
        longest = "/" + "a" * 255
        assert client.send(get(longest)).answer().body == longest.encode()
        if not end and not dribbled:
            end = b"a" * 2000  # over what one read may hold
        assert refusal(client, b"GET " + b"/" * 257 + end, dribbled) == (414, "uri-too-long")


@DRIBBLED
@pytest.mark.parametrize("lines", [["x: " + "y" * 1100], ["a: " + "y" * 600, "b: " + "y" * 600]])
def test_large_headers(serve: Serve, dribbled: bool, lines: list[str]) -> None:
    live = serve({ANY: hello}, **SMALL)
    with live.connect() as client:
        assert client.send(get("/", "x: " + "y" * 1000)).answer().status == 200
        assert refusal(client, get("/", *lines), dribbled) == (431, "header-fields-too-large")


def test_a_header_that_never_ends(serve: Serve) -> None:
    with serve({ANY: hello}, **SMALL).connect() as client:
        assert refusal(client, get("/", "x: " + "y" * 3000)[:-4], dribbled=True)[0] == 431


@DRIBBLED
@pytest.mark.parametrize("name", ["x{}", "x", "cookie"])
def test_many_headers(serve: Serve, dribbled: bool, name: str) -> None:
    live = serve({ANY: echo}, **SMALL)
    with live.connect() as client:
        nine = [f"{name.format(n)}: y" for n in range(9)]  # and Host is the tenth
        assert client.send(get("/", *nine)).answer().status == 200
        assert client.send(get("/", *nine)).answer().status == 200  # repeats are counted a request
        assert refusal(client, get("/", *nine, "one-more: y"), dribbled) == (431, "too-many-header-fields")


def test_repeats_in_trailers_do_not_count_for_the_next_request(serve: Serve) -> None:
    with serve({ANY: echo}, **SMALL).connect() as client:
        for _ in range(12):
            client.send(chunked("/", b"a", end=b"0\r\nx: 1\r\nx: 2\r\n\r\n") + get("/", "y: 1", "y: 2"))
            assert [answer.status for answer in client.answers(2)] == [200, 200]


@pytest.mark.parametrize("ahead", [1, 40])
def test_a_head_behind_others_has_its_full_size(serve: Serve, ahead: int) -> None:
    with serve({ANY: hello_task}).connect() as client:
        large = get("/", *[f"x{n}: " + "y" * 1000 for n in range(30)])
        client.send(get() * 300 + large[:ahead]).dribble(large[ahead : ahead + 20], 0.001)
        client.send(large[ahead + 20 :])
        assert {answer.status for answer in client.answers(301)} == {200}


def test_a_long_target_and_large_headers_together(serve: Serve) -> None:
    with serve({ANY: hello}, **SMALL).connect() as client:
        head = get("/" + "a" * 250, "x: " + "y" * 980)
        assert client.send(head[:1200]).silent(0.02)
        assert client.send(head[1200:]).answer().status == 200


def test_a_declared_body_too_large_is_not_read(serve: Serve) -> None:
    asleep = Asleep()
    with serve({"/": endpoint(asleep.handler(), max_body=10)}).connect() as client:
        answer = client.send(get("/", "content-length: 11", method="POST")).last_answer()
        assert (answer.status, msgspec.json.decode(answer.body)["max_bytes"]) == (413, 10)
        assert asleep.started == 0


def test_a_body_too_large_that_is_sent_all_the_same_does_not_reset_the_answer(serve: Serve) -> None:
    with serve({"/": echo}).connect() as client:
        client.send(post("/", bytes(2 << 20)))
        assert client.answer().status == 413
        assert client.rest() == b""


@pytest.mark.parametrize("handler", [echo, swallow])
def test_a_chunked_body_too_large_is_refused_when_it_gets_there(serve: Serve, handler: object) -> None:
    live = serve({"/": endpoint(handler, max_body=10)})
    with live.connect() as client:
        assert client.send(chunked("/", b"12345", b"67890")).answer().status == 200
        client.send(chunked("/", b"12345", end=b""))
        assert client.silent(0.05)
        answer = client.send(b"6\r\n678901\r\n0\r\n\r\n" + get()).last_answer()
        assert (answer.status, answer.closes) == (413, True)
    assert live.tasks() == []


def test_a_length_of_zero_is_within_a_limit_of_zero(serve: Serve) -> None:
    live = serve({"/": endpoint(echo, max_body=0)})
    with live.connect() as client:
        assert client.send(post("/", b"")).answer().status == 200
        assert client.send(chunked("/")).answer().status == 200
        assert client.send(post("/", b"a")).last_answer().status == 413


@pytest.mark.parametrize("zeros", [10, 6000])
def test_a_length_may_have_leading_zeros(serve: Serve, zeros: int) -> None:
    with serve({"/": swallow}).connect() as client:
        client.send(get("/", f"content-length: {'0' * zeros}5", method="POST") + b"hello")
        assert client.answer().body == b"5"


@pytest.mark.parametrize(
    "framing",
    [
        b"1;" + b"x" * 3000 + b"\r\na\r\n",
        b"1;x\r\na\r\n" * 200 + b"1;" + b"x" * 3000,
        b"0" * 3000 + b"1\r\na\r\n",
        b"0\r\n" + b"x: y\r\n" * 500,
        b"0\r\nx: " + b"y" * 3000,
    ],
)
def test_chunk_extensions_and_trailers_are_bounded(serve: Serve, framing: bytes) -> None:
    with serve({"/": swallow}, **SMALL).connect() as client:
        code = refusal(client, chunked("/", b"a", end=framing), dribbled=False)
        assert code in ((400, "chunk-overhead"), (431, "too-many-header-fields"))


def test_chunks_of_one_byte_are_no_offence(serve: Serve) -> None:
    with serve({"/": swallow}, **SMALL).connect() as client:
        client.send(chunked("/", *[b"a"] * 20_000))
        assert client.answer().body == b"20000"


def test_requests_a_connection(serve: Serve) -> None:
    with serve({ANY: path_of}, max_requests_per_connection=3).connect() as client:
        client.send(get("/1") + get("/2"))
        assert [answer.closes for answer in client.answers(2)] == [False, False]
        answer = client.send(get("/3") + get("/4")).last_answer()
        assert (answer.body, answer.closes) == (b"/3", True)


def test_requests_a_connection_may_be_unlimited(serve: Serve) -> None:
    with serve({ANY: path_of}, max_requests_per_connection=0).connect() as client:
        client.send(get() * 100)
        assert not any(answer.closes for answer in client.answers(100))


def test_connections(serve: Serve) -> None:
    live = serve({"/": hello}, max_connections=2)
    with live.connect() as first, live.connect() as second:
        assert first.send(get()).answer().status == 200
        assert second.send(get()).answer().status == 200
        with live.connect() as third:
            answer = third.last_answer()
            assert (answer.status, answer.headers["retry-after"], answer.closes) == (503, "1", True)
        assert first.send(get()).answer().status == 200
    until(lambda: live.connections() == 0)
    assert live.call(live.server.statistics)["refused"] == 1
    with live.connect() as again:
        assert again.send(get()).answer().status == 200


def test_a_refused_head_keeps_its_place(serve: Serve) -> None:
    async def slow(request: Request) -> Response:
        return await hello_task(request)

    with serve({"/": slow}, **SMALL).connect() as client:
        client.send(get() * 2 + get("/" + "a" * 300) + get())
        assert [answer.status for answer in client.answers(2)] == [200, 200]
        assert client.last_answer().status == 414
