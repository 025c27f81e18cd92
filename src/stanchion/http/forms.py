"""Form bodies: application/x-www-form-urlencoded and multipart/form-data (RFC 7578), read as they arrive.

Text is UTF-8, which HTML prescribes and every client sends; a `charset` parameter is not looked at. A
client's mistake is always a 4xx. The whole body is bounded by the route's size limit before it gets here;
these limits bound what a body of that size may cost.
"""

from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from msgspec import Struct
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from stanchion.errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from stanchion.http.request import Request
from stanchion.http.spool import Spool
from stanchion.http.uploads import Upload

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class FormLimits(Struct, frozen=True, kw_only=True):
    """What one form may cost; over any of them is 413 with a code of its own."""

    max_parts: int = 128
    """Parts of a multipart form, fields and files together. Code `too-many-parts`."""
    max_params: int = 1000
    """Parameters of a urlencoded form. Code `too-many-parameters`."""
    max_field_bytes: int = 65_536
    """Bytes of one text field. Code `field-too-large`."""
    max_text_bytes: int = 262_144
    """Bytes of all text fields together, which are held in memory. Code `form-too-large`. A mebibyte of
    percent-encoding blocks the event loop for up to half a second, so raise it with care."""
    max_part_headers: int = 8
    """Header fields of one part; RFC 7578 knows three. Code `part-headers-too-large`."""
    max_part_header_bytes: int = 4096
    """Bytes of one header field of a part, the file's name included. Code `part-headers-too-large`."""
    upload_memory: int = 262_144
    """Bytes of all files together held in memory; what exceeds them is written to an unnamed file in TMPDIR.
    Where that is a tmpfs, uploads are memory all the same."""


class FormData:
    """A form's text fields and files by name, each name with all its values in order.

    Close it when the request ends, or use it in a `with`: its files live no longer.
    """

    __slots__ = ("_spool", "fields", "files")

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.fields: dict[str, list[str]] = {}
        self.files: dict[str, list[Upload]] = {}

    def __repr__(self) -> str:
        return f"<FormData fields {list(self.fields)}, files {list(self.files)}, {self._spool!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the files, on disk or in memory. Closing again does nothing."""
        self._spool.close()


async def read_form(request: Request, limits: FormLimits) -> FormData:
    """Read the request's body as a form; the caller closes it.

    Raises:
        UnsupportedMediaType: the body is no form.
        BadRequest: code `malformed-form`.
        ContentTooLarge: over one of `limits`, which name the codes.
        HTTPError: the body itself failed, as the wire layer declares.
    """
    content_type = request.fields.get(b"content-type", b"").decode("latin-1")
    media_type, options = parse_options_header(content_type)
    spool = Spool(limits.upload_memory)
    form = FormData(spool)
    if media_type == URLENCODED:
        await _read_urlencoded(request, form, limits)
    elif media_type == MULTIPART:
        try:
            await _read_multipart(request, options.get("boundary", ""), _Parts(form, spool, limits), limits)
        except BaseException:
            form.close()
            raise
    else:
        raise UnsupportedMediaType(f"expected {URLENCODED} or {MULTIPART}")
    return form


async def _read_urlencoded(request: Request, form: FormData, limits: FormLimits) -> None:
    body = bytearray()
    async for chunk in request.chunks():
        body += chunk
        if len(body) > limits.max_text_bytes:
            raise _text_too_large(limits)
    if body.count(b"&") >= limits.max_params:
        raise ContentTooLarge(f"more than {limits.max_params} parameters", code="too-many-parameters")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    for name, value in pairs:
        if len(value) > limits.max_field_bytes or len(value.encode()) > limits.max_field_bytes:
            raise _field_too_large(name, limits)
        form.fields.setdefault(name, []).append(value)


async def _read_multipart(request: Request, boundary: str, parts: "_Parts", limits: FormLimits) -> None:
    if not 0 < len(boundary) <= 70:  # RFC 2046 §5.1.1
        raise _malformed("its Content-Type has no boundary of 1 to 70 characters")
    parser = PushMultipartParser(
        boundary.encode("latin-1"),
        max_header_count=limits.max_part_headers,
        max_header_size=limits.max_part_header_bytes,
        # not strict: that refuses a closing CRLF which comes in a chunk of its own
    )
    try:
        with parser:
            async for chunk in request.chunks():
                for event in parser.parse(chunk) if chunk else ():
                    parts.take(event)
                    if parts.spool.due:
                        await parts.spool.flush()
    except ParserLimitReached:
        detail = "a part has too many header fields, or too long ones"
        raise ContentTooLarge(detail, code="part-headers-too-large") from None
    except MultipartError as error:
        raise _malformed(str(error.args[0])) from None
    await parts.spool.seal()


class _Parts:
    """Makes fields and files of the parser's events."""

    __slots__ = ("_count", "_form", "_limits", "_part", "_start", "_text", "_text_bytes", "spool")

    def __init__(self, form: FormData, spool: Spool, limits: FormLimits) -> None:
        self._form = form
        self.spool = spool
        self._limits = limits
        self._count = 0
        self._part: Any = None
        self._start = 0
        self._text = bytearray()
        self._text_bytes = 0

    def take(self, event: MultipartSegment | bytes | None) -> None:
        """The parser gives a segment, its content in pieces, then None."""
        if event is None:
            self._end()
        elif isinstance(event, MultipartSegment):
            self._begin(event)
        elif self._part.filename is None:
            self._take_text(event)
        else:
            self.spool.write(event)

    def _begin(self, part: MultipartSegment) -> None:
        self._count += 1
        if self._count > self._limits.max_parts:
            raise ContentTooLarge(f"more than {self._limits.max_parts} parts", code="too-many-parts")
        self._part = part
        self._start = self.spool.size
        self._text.clear()

    def _take_text(self, piece: bytes) -> None:
        self._text += piece
        self._text_bytes += len(piece)
        if len(self._text) > self._limits.max_field_bytes:
            raise _field_too_large(self._part.name, self._limits)
        if self._text_bytes > self._limits.max_text_bytes:
            raise _text_too_large(self._limits)

    def _end(self) -> None:
        part = self._part
        if part.filename is None:
            try:
                self._form.fields.setdefault(part.name, []).append(self._text.decode())
            except UnicodeDecodeError:
                raise _malformed(f"field {part.name[:80]!r} is not UTF-8") from None
            return
        size = self.spool.size - self._start
        if part.filename or size:  # neither: what a browser sends for a file input left empty
            media_type = part.content_type or "application/octet-stream"
            upload = Upload(self.spool, self._start, size, part.filename, media_type)
            self._form.files.setdefault(part.name, []).append(upload)


def _malformed(why: str) -> BadRequest:
    return BadRequest(f"the form is malformed: {why}", code="malformed-form")


def _field_too_large(name: str, limits: FormLimits) -> ContentTooLarge:
    detail = f"field {name[:80]!r} is over {limits.max_field_bytes} bytes"
    return ContentTooLarge(detail, code="field-too-large")


def _text_too_large(limits: FormLimits) -> ContentTooLarge:
    return ContentTooLarge(f"the text fields are over {limits.max_text_bytes} bytes", code="form-too-large")
