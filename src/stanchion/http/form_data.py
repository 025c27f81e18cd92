"""What a form is once it has been read, what it may cost, and the errors of one that costs more."""

from types import TracebackType
from typing import Self

from msgspec import Struct

from stanchion.errors import BadRequest, ContentTooLarge
from stanchion.http.spool import Spool
from stanchion.http.uploads import Upload


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


def malformed(why: str) -> BadRequest:
    """400: it cannot be read as a form."""
    return BadRequest(f"the form is malformed: {why}", code="malformed-form")


def field_too_large(name: str, limits: FormLimits) -> ContentTooLarge:
    """413: one text field."""
    detail = f"field {name[:80]!r} is over {limits.max_field_bytes} bytes"
    return ContentTooLarge(detail, code="field-too-large")


def text_too_large(limits: FormLimits) -> ContentTooLarge:
    """413: all text fields together."""
    return ContentTooLarge(f"the text fields are over {limits.max_text_bytes} bytes", code="form-too-large")
