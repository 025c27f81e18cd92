"""Forms built at random, cut at random, spoilt at random."""

import asyncio
from itertools import pairwise
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from stanchion.errors import HTTPError
from stanchion.http.form_data import FormLimits
from stanchion.http.forms import MULTIPART, URLENCODED, read_form

BOUNDARY = "x-boundary"
LIMITS = FormLimits(upload_memory=64)
MALFORMED = (400, "malformed-form")

# Near misses of the delimiter are what a parser gets wrong.
pieces = st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"\r\n--", b"\r\n--x-", b"--x-boundar", b"\x00", b"\xc3\xbc"])
contents = st.lists(pieces | st.binary(max_size=20), max_size=8).map(b"".join)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters='"\\%;'), max_size=8)
files = st.tuples(names, names, contents)
fields = st.tuples(names, st.none(), st.text(st.characters(codec="utf-8"), max_size=20).map(str.encode))
forms = st.lists(files | fields, max_size=6)
cuts = st.lists(st.integers(min_value=0, max_value=2000), max_size=30)


def encoded(form: list[tuple[str, str | None, bytes]]) -> bytes:
    body = b""
    for name, filename, content in form:
        of_file = "" if filename is None else f'; filename="{filename}"'
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{of_file}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def cut(body: bytes, at: list[int]) -> list[bytes]:
    bounds = [0, *sorted(point for point in at if point < len(body)), len(body)]
    return [body[start:stop] for start, stop in pairwise(bounds)]


def outcome(request_of, content_type: str, chunks: list[bytes]):
    """The form as plain values, or the status and code of a refusal; anything else fails the test."""

    async def main():
        with await read_form(request_of("POST", "/", {"Content-Type": content_type}, chunks), LIMITS) as form:
            uploads = [
                (name, upload.filename, await upload.read()) for name in form.files for upload in form.files[name]
            ]
            return form.fields, uploads

    try:
        return asyncio.run(main())
    except HTTPError as error:
        return error.status, error.code


def multipart(request_of, chunks: list[bytes]):
    return outcome(request_of, f"{MULTIPART}; boundary={BOUNDARY}", chunks)


@given(forms.filter(lambda form: not any(f"\r\n--{BOUNDARY}".encode() in content for *_, content in form)), cuts)
def test_a_form_comes_back_however_it_is_cut(request_of, form, at: list[int]) -> None:
    expected_fields: dict[str, list[str]] = {}
    expected_files: dict[str, list[tuple[str, str, bytes]]] = {}
    for name, filename, content in form:
        if filename is None:
            expected_fields.setdefault(name, []).append(content.decode())
        elif filename or content:
            expected_files.setdefault(name, []).append((name, filename, content))
    files = [file for name in expected_files for file in expected_files[name]]
    assert multipart(request_of, cut(encoded(form), at)) == (expected_fields, files)


@given(st.binary(max_size=200), cuts)
def test_arbitrary_bytes_are_a_form_or_a_4xx(request_of, body: bytes, at: list[int]) -> None:
    assert multipart(request_of, cut(body, at)) == MALFORMED
    urlencoded = outcome(request_of, URLENCODED, cut(body, at))
    assert urlencoded == MALFORMED or urlencoded[1] == []


@given(forms, st.integers(min_value=0, max_value=300), st.binary(max_size=4), st.integers(0, 6), cuts)
def test_a_spoilt_form_is_a_form_or_a_4xx_however_it_is_cut(
    request_of, form, at: int, patch: bytes, gap: int, points: list[int]
) -> None:
    body = encoded(form)
    body = body[:at] + patch + body[at + gap :]
    whole = multipart(request_of, [body])
    pieces = multipart(request_of, cut(body, points))
    refused = (MALFORMED, (413, "part-headers-too-large"))
    assert pieces == whole or (pieces in refused and whole in refused)


@given(st.text(max_size=60), st.binary(max_size=60))
def test_any_content_type_is_read_or_refused(request_of, text: str, body: bytes) -> None:
    for content_type in (text, f"{MULTIPART};{text}", f"{MULTIPART}; boundary={text}"):
        content_type = content_type.encode("latin-1", "replace").decode("latin-1")
        status_or_fields, _ = outcome(request_of, content_type, [body])
        assert status_or_fields in (400, 413, 415) or isinstance(status_or_fields, dict)


@given(st.lists(st.tuples(names, names), max_size=10), cuts)
def test_a_urlencoded_form_comes_back(request_of, pairs: list[tuple[str, str]], at: list[int]) -> None:
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name, []).append(value)
    assert outcome(request_of, URLENCODED, cut(urlencode(pairs).encode(), at)) == (expected, [])
