"""Forms: what is read of them, every limit with its code, and what a client can get wrong."""

import asyncio
import os
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest

from stanchion.errors import BadRequest, HTTPError, UnsupportedMediaType
from stanchion.http.body import Body
from stanchion.http.form_data import FormLimits
from stanchion.http.forms import MULTIPART, URLENCODED, read_form

LIMITS = FormLimits()
MIXED = (
    b"--B\r\n"
    b'Content-Disposition: form-data; name="title"\r\n\r\n'
    b"Gr\xc3\xbc\xc3\x9fe\r\n"
    b"--B\r\n"
    b'Content-Disposition: form-data; name="photo"; filename="../a.png"\r\n'
    b"Content-Type: image/png; x=y\r\n\r\n"
    b"\x89PNG\r\n--\r\n\r\n"
    b"--B\r\n"
    b'Content-Disposition: form-data; name="photo"; filename="b"\r\n\r\n'
    b"\r\n"
    b"--B\r\n"
    b'Content-Disposition: form-data; name="title"\r\n\r\n'
    b"\r\n"
    b"--B--\r\n"
)


def part(name: str, content: bytes = b"", more: str = "") -> bytes:
    return f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def read(request) -> tuple[dict[str, list[str]], dict[str, list[tuple[str, str, bytes]]]]:
    """The fields, and of each file its name, type and content."""

    async def main():
        with await read_form(request, LIMITS) as form:
            files = {
                name: [(upload.filename, upload.media_type, await upload.read()) for upload in uploads]
                for name, uploads in form.files.items()
            }
        return form.fields, files

    return asyncio.run(main())


def refusal(request, limits: FormLimits = LIMITS) -> HTTPError:
    """The error of a form that is refused; no descriptor may outlive it."""

    async def main() -> None:
        await read_form(request, limits)

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(HTTPError) as caught:
        asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) == before
    return caught.value


@pytest.fixture
def urlencoded(request_of):
    return lambda *chunks: request_of("POST", "/", {"Content-Type": URLENCODED}, chunks)


@pytest.fixture
def multipart(request_of):
    return lambda *chunks: request_of("POST", "/", {"Content-Type": f"{MULTIPART}; boundary=B"}, chunks)


def test_a_urlencoded_form_arrives_in_any_pieces(urlencoded) -> None:
    fields, files = read(urlencoded(b"name=J%C3", b"%BCrgen+M&tag=a&ta", b"g=b&empty="))
    assert fields == {"name": ["Jürgen M"], "tag": ["a", "b"], "empty": [""]}
    assert files == {}


@pytest.mark.parametrize("content_type", [f"{URLENCODED}; charset=utf-8", URLENCODED.upper()])
def test_the_media_type_has_no_case_and_may_have_parameters(request_of, content_type: str) -> None:
    assert read(request_of("POST", "/", {"Content-Type": content_type}, [b"a=b"])) == ({"a": ["b"]}, {})


def test_no_urlencoded_body_is_an_empty_form(request_of) -> None:
    assert read(request_of("POST", "/", {"Content-Type": URLENCODED})) == ({}, {})


def test_a_multipart_form_keeps_fields_and_files_in_order(multipart) -> None:
    expected = (
        {"title": ["Grüße", ""]},
        {"photo": [("../a.png", "image/png", b"\x89PNG\r\n--\r\n"), ("b", "application/octet-stream", b"")]},
    )
    assert read(multipart(MIXED)) == expected
    assert read(multipart(*(bytes([byte]) for byte in MIXED))) == expected
    assert read(multipart(b"", MIXED[:100], b"", MIXED[100:], b"epilogue")) == expected


def test_a_file_input_left_empty_is_no_file(multipart) -> None:
    assert read(multipart(part("photo", more='; filename=""'), b"--B--")) == ({}, {})
    _, files = read(multipart(part("photo", b"x", '; filename=""'), b"--B--"))
    assert files == {"photo": [("", "application/octet-stream", b"x")]}


def test_a_form_without_parts(multipart) -> None:
    assert read(multipart(b"--B--\r\n")) == ({}, {})


def test_a_quoted_boundary(request_of) -> None:
    request = request_of("POST", "/", {"Content-Type": f'{MULTIPART}; boundary="B"'}, [MIXED])
    assert read(request)[0] == {"title": ["Grüße", ""]}


@pytest.mark.parametrize("content_type", [None, "", "application/json", "text/plain; boundary=B"])
def test_another_media_type_is_415(request_of, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert isinstance(refusal(request_of("POST", "/", headers, [b"a=b"])), UnsupportedMediaType)


@pytest.mark.parametrize("body", [b"a=%FF", b"a=\xff", b"%C3=x"])
def test_urlencoded_bytes_that_are_not_utf_8_are_malformed(urlencoded, body: bytes) -> None:
    assert refusal(urlencoded(body)).code == "malformed-form"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"junk",
        MIXED[:-4],
        MIXED[:50],
        MIXED.replace(b"--B\r\n", b"--B\n"),
        part("a", b"\xff") + b"--B--",
        b"--B\r\n\r\nno disposition\r\n--B--",
        b"--B\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--B--",
        b"--B\r\nno colon\r\n\r\n\r\n--B--",
        b"--B\r\n\xff: x\r\n\r\n\r\n--B--",
        part("a", b"x\r\n--Bx") + b"--B--",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\nContent-Length: 5\r\n\r\nx\r\n--B--',
    ],
)
def test_a_malformed_multipart_body(multipart, body: bytes) -> None:
    error = refusal(multipart(body))
    assert isinstance(error, BadRequest)
    assert error.code == "malformed-form"


@pytest.mark.parametrize("parameters", ["", "; boundary=", '; boundary=""', "; boundary=" + "x" * 71])
def test_a_boundary_is_needed(request_of, parameters: str) -> None:
    request = request_of("POST", "/", {"Content-Type": MULTIPART + parameters}, [MIXED])
    assert refusal(request).code == "malformed-form"


def test_every_limit_has_its_code(urlencoded, multipart) -> None:
    cases = {
        "too-many-parts": (multipart(*[part("a")] * 4), FormLimits(max_parts=3)),
        "too-many-parameters": (urlencoded(b"a&" * 3), FormLimits(max_params=3)),
        "part-headers-too-large": (multipart(part("a", more="\r\nX: y" * 3)), FormLimits(max_part_headers=3)),
        "form-too-large": (urlencoded(b"a=", b"x" * 9), FormLimits(max_text_bytes=10)),
    }
    for code, (request, limits) in cases.items():
        error = refusal(request, limits)
        assert (error.status, error.code) == (413, code)


def test_a_long_part_header_is_refused_before_it_ends(multipart) -> None:
    error = refusal(multipart(b"--B\r\nX: " + b"y" * 200), FormLimits(max_part_header_bytes=100))
    assert (error.status, error.code) == (413, "part-headers-too-large")


@pytest.mark.parametrize("content", [b"x" * 11, "ü".encode() * 6])
def test_a_field_is_bounded_in_bytes(urlencoded, multipart, content: bytes) -> None:
    limits = FormLimits(max_field_bytes=10)
    for request in (urlencoded(b"a=" + content), multipart(part("a", content))):
        error = refusal(request, limits)
        assert (error.status, error.code) == (413, "field-too-large")


def test_all_fields_together_are_bounded_but_not_files(multipart) -> None:
    limits = FormLimits(max_text_bytes=10)
    assert refusal(multipart(part("a", b"x" * 6), part("b", b"x" * 6)), limits).code == "form-too-large"

    async def main() -> int:
        with await read_form(multipart(part("a", b"x" * 99, '; filename="f"'), b"--B--"), limits) as form:
            return form.files["a"][0].size

    assert asyncio.run(main()) == 99


def test_files_on_disk_are_gone_when_the_form_is_closed(multipart) -> None:
    async def main() -> None:
        request = multipart(*[part("a", b"x" * 50_000, '; filename="f"')] * 20, b"--B--")
        before = len(os.listdir("/proc/self/fd"))
        form = await read_form(request, LIMITS)
        assert repr(form) == "<FormData fields [], files ['a'], <Spool 1000000 bytes, disk>>"
        assert len(os.listdir("/proc/self/fd")) == before + 1
        assert [len(await upload.read()) for upload in form.files["a"]] == [50_000] * 20
        form.close()
        form.close()

    before = len(os.listdir("/proc/self/fd"))
    asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_refusal_after_files_were_spooled_drops_them(multipart) -> None:
    request = multipart(part("a", b"x" * 500_000, '; filename="f"'), part("b", b"\xff"))
    assert refusal(request).code == "malformed-form"


class Client:
    """Sends a generated body as fast as it is taken, the way a socket would."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.body = Body(self, 65_536)
        self._chunks = iter(chunks)
        self._flows = asyncio.Event()
        self._flows.set()

    def pause_body(self) -> None:
        self._flows.clear()

    def resume_body(self) -> None:
        self._flows.set()

    def invite_body(self) -> None:
        pass

    async def send(self, *, cut_off: bool = False) -> None:
        for chunk in self._chunks:
            await self._flows.wait()
            self.body.feed(chunk)
            await asyncio.sleep(0)
        if cut_off:
            self.body.fail(BadRequest("the client has gone", code="client-gone"))
        else:
            self.body.finish()


def large_upload(mebibytes: int) -> Iterator[bytes]:
    yield b'--B\r\nContent-Disposition: form-data; name="video"; filename="v"\r\n\r\n'
    for _ in range(mebibytes * 16):
        yield b"v" * 65_536
    yield b"\r\n--B--\r\n"


def test_a_hundred_megabytes_hold_memory_flat(multipart) -> None:
    async def main() -> int:
        client = Client(large_upload(100))
        request = multipart()
        request.stream = client.body
        sending = asyncio.create_task(client.send())
        with await read_form(request, LIMITS) as form:
            await sending
            return form.files["video"][0].size

    tracemalloc.start()
    try:
        assert asyncio.run(main()) == 100 << 20
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 << 20


def test_a_client_that_goes_away_leaves_nothing(multipart) -> None:
    async def main() -> None:
        client = Client(list(large_upload(2))[:-1])
        request = multipart()
        request.stream = client.body
        reading = asyncio.create_task(read_form(request, LIMITS))
        await client.send(cut_off=True)
        with pytest.raises(BadRequest, match="has gone"):
            await reading

    before = len(os.listdir("/proc/self/fd"))
    asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_cancelled_reading_leaves_nothing(multipart) -> None:
    async def main() -> None:
        client = Client(list(large_upload(2))[:-1])
        request = multipart()
        request.stream = client.body
        reading = asyncio.create_task(read_form(request, LIMITS))
        sending = asyncio.create_task(client.send())
        await asyncio.sleep(0)
        while client.body.received < 1 << 20:
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        assert reading.cancelled()
        sending.cancel()

    before = len(os.listdir("/proc/self/fd"))
    asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) == before
