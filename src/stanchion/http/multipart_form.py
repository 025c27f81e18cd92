"""multipart/form-data (RFC 7578), parsed as it arrives; imported with the first form."""

from typing import Any

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from stanchion.errors import ContentTooLarge
from stanchion.http.form_data import FormData, FormLimits, field_too_large, malformed, text_too_large
from stanchion.http.request import Request
from stanchion.http.spool import Spool
from stanchion.http.uploads import Upload

__all__ = ["parse_options_header", "read"]


async def read(request: Request, boundary: str, form: FormData, spool: Spool, limits: FormLimits) -> None:
    """Read a multipart body into `form`, files into `spool`.

    Raises:
        BadRequest: it is malformed.
        ContentTooLarge: over one of `limits`.
    """
    if not 0 < len(boundary) <= 70:  # RFC 2046 §5.1.1
        raise malformed("its Content-Type has no boundary of 1 to 70 characters")
    parser = PushMultipartParser(
        boundary.encode("latin-1"),
        max_header_count=limits.max_part_headers,
        max_header_size=limits.max_part_header_bytes,
        # not strict: that refuses a closing CRLF which comes in a chunk of its own
    )
    parts = _Parts(form, spool, limits)
    try:
        with parser:
            async for chunk in request.chunks():
                for event in parser.parse(chunk) if chunk else ():
                    parts.take(event)
                    if spool.due:
                        await spool.flush()
    except ParserLimitReached:
        detail = "a part has too many header fields, or too long ones"
        raise ContentTooLarge(detail, code="part-headers-too-large") from None
    except MultipartError as error:
        raise malformed(str(error.args[0])) from None
    await spool.seal()


class _Parts:
    """Makes fields and files of the parser's events."""

    __slots__ = ("_count", "_form", "_limits", "_part", "_spool", "_start", "_text", "_text_bytes")

    def __init__(self, form: FormData, spool: Spool, limits: FormLimits) -> None:
        self._form = form
        self._spool = spool
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
            self._spool.write(event)

    def _begin(self, part: MultipartSegment) -> None:
        self._count += 1
        if self._count > self._limits.max_parts:
            raise ContentTooLarge(f"more than {self._limits.max_parts} parts", code="too-many-parts")
        self._part = part
        self._start = self._spool.size
        self._text.clear()

    def _take_text(self, piece: bytes) -> None:
        self._text += piece
        self._text_bytes += len(piece)
        if len(self._text) > self._limits.max_field_bytes:
            raise field_too_large(self._part.name, self._limits)
        if self._text_bytes > self._limits.max_text_bytes:
            raise text_too_large(self._limits)

    def _end(self) -> None:
        part = self._part
        if part.filename is None:
            try:
                self._form.fields.setdefault(part.name, []).append(self._text.decode())
            except UnicodeDecodeError:
                raise malformed(f"field {part.name[:80]!r} is not UTF-8") from None
            return
        size = self._spool.size - self._start
        if part.filename or size:  # neither: what a browser sends for a file input left empty
            media_type = part.content_type or "application/octet-stream"
            upload = Upload(self._spool, self._start, size, part.filename, media_type)
            self._form.files.setdefault(part.name, []).append(upload)
