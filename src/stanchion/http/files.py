"""Files as responses: conditional requests, one range, and no disk access on the event loop."""

import asyncio
import errno
import io
import os
import stat
from collections.abc import AsyncIterator
from urllib.parse import quote

from msgspec import Struct

from stanchion.errors import HTTPError, NotFound
from stanchion.http.coding import accepted, vary
from stanchion.http.codings.siblings import siblings
from stanchion.http.codings.tags import coded_tag
from stanchion.http.conditional import Validators, http_date, precondition, range_applies
from stanchion.http.media_types import media_type_of
from stanchion.http.ranges import byte_range
from stanchion.http.request import Request
from stanchion.http.response import Response
from stanchion.http.static import resolve

SMALL = 65_536
"""Bytes up to which a file is read by the thread that opens it: 71 µs a file where a second hop makes 161."""
CHUNK = 262_144
"""Bytes read at a time from a larger one."""

# What a client can bring about by a wrong path; other failures (too many open files, I/O) are the server's.
_NO_SUCH_FILE = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EISDIR)
)


class File(Response):
    """A file on disk: `File("report.pdf", download_as="Übersicht.pdf")`.

    The first argument is the path. `media_type` defaults by its suffix. ETag, Last-Modified and Accept-Ranges
    are added; with a `status` other than 200 the file is sent whole, whatever the request's conditions.
    """

    download_as: str | None = None
    """Have browsers save it under this name (Content-Disposition, RFC 6266)."""
    root: str | os.PathLike[str] | None = None
    """Take the path as relative to this directory and never leave it (see `static.resolve`); for a path that
    comes from a client."""
    plain: bool = False
    """Send it whole and add no field: whoever made the response has looked at the request's conditions."""
    precompressed: bool = False
    """Send the file beside it that holds it in a coding the client takes, `app.js.br`, `.zst` or `.gz`, if there is one
    that is not older. A range is then one of the coded bytes."""


class _Opened(Struct, frozen=True):
    """What will be sent: the file itself, or one that holds it in a coding."""

    file: io.FileIO
    status: os.stat_result
    name: str
    """The path of the file itself."""
    coding: str | None = None
    varies: bool = False
    """Other clients get it in another coding."""


class FilePlan(Struct, eq=False):
    """A file opened and decided upon: the head to send, then `count` bytes of `file` from `offset` on.

    Whoever gets it closes `file`, which `chunks` does at its end.
    """

    file: io.FileIO
    offset: int
    count: int
    """Bytes: the Content-Length."""
    status: int
    media_type: str
    headers: dict[str, str]
    more_headers: list[tuple[str, str]] | None
    date: bytes | None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content, closing the file at the end.

        Raises:
            OSError: the file has shrunk since its length was announced, so that the connection has to be cut.
        """
        loop = asyncio.get_running_loop()
        position, stop = self.offset, self.offset + self.count
        try:
            while position < stop:
                size = min(CHUNK, stop - position)
                chunk = await loop.run_in_executor(None, os.pread, self.file.fileno(), size, position)
                if not chunk:
                    raise OSError(f"a file ended at byte {position} of the {stop} announced")
                position += len(chunk)
                yield chunk
        finally:
            self.file.close()


async def prepare(file: File, request: Request) -> Response | FilePlan:
    """Open the file and decide the answer, in a thread.

    A `FilePlan`, or a ready response where the content is small (`SMALL`) or not to be sent (304).

    Raises:
        HTTPError: 404 where there is no such regular file, 412 by a precondition, 416 by the range.
    """
    planning = asyncio.get_running_loop().run_in_executor(None, _plan, file, request)
    try:
        return await asyncio.shield(planning)
    except asyncio.CancelledError:
        planning.add_done_callback(_discard)  # the thread goes on; what it opens has to be closed
        raise


def _discard(planning: asyncio.Future[Response | FilePlan]) -> None:
    if not planning.cancelled() and planning.exception() is None:
        plan = planning.result()
        if isinstance(plan, FilePlan):
            plan.file.close()


def _plan(file: File, request: Request) -> Response | FilePlan:
    opened = _choose(file, request, _open(file))
    plan: Response | FilePlan | None = None
    try:
        plan = _decide(file, request, opened)
        return plan
    finally:
        if not isinstance(plan, FilePlan):
            opened.file.close()


def _open(file: File) -> _Opened:
    path = file.body if file.root is None else resolve(file.root, os.fspath(file.body))
    if path is None:
        raise NotFound("no such file")
    try:
        opened = io.FileIO(path, opener=_opener)
    except ValueError:  # NUL, or characters the file system cannot encode
        raise NotFound("no such file") from None
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            raise NotFound("no such file") from None
        raise
    status = os.fstat(opened.fileno())
    if not stat.S_ISREG(status.st_mode):
        opened.close()
        raise NotFound("no such file")
    return _Opened(opened, status, str(opened.name))


def _choose(file: File, request: Request, opened: _Opened) -> _Opened:
    """The file, or where that is declared the one beside it that this client takes."""
    if not file.precompressed or not _conditional(file, request):
        return opened
    found = siblings(opened.name, opened.status)
    coding = accepted(request.fields.get(b"accept-encoding"), tuple(found))
    if coding is None:
        return _Opened(opened.file, opened.status, opened.name, None, bool(found))
    try:
        coded = io.FileIO(found[coding], opener=_opener)
    except OSError:  # it has gone since
        return opened
    opened.file.close()
    return _Opened(coded, os.fstat(coded.fileno()), opened.name, coding, True)


def _conditional(file: File, request: Request) -> bool:
    return file.status == 200 and not file.plain and request.method in ("GET", "HEAD")


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)  # else a pipe would wait for its writer


def _decide(file: File, request: Request, opened: _Opened) -> Response | FilePlan:
    size, modified = opened.status.st_size, opened.status.st_mtime_ns // 1_000_000_000
    current = Validators(_tag(opened), modified)
    headers = {} if file.plain else {"ETag": str(current.etag), "Last-Modified": http_date(modified)}
    if opened.varies:
        headers["Vary"] = vary(_given(file, "vary"))
    part: tuple[int, int] | None = None
    if _conditional(file, request):
        verdict = precondition(request.method, request.fields, current)
        if verdict == 412:
            raise HTTPError("the file has changed", status=412, code="precondition-failed")
        if verdict == 304:
            return Response(b"", 304, None, _merge(file.headers, headers), file.more_headers)
        if request.method == "GET":  # the one method RFC 9110 §14.2 defines ranges for
            part = _part(request.fields, current, size)
    offset, count = part or (0, size)
    head = (
        206 if part is not None else file.status,
        file.media_type or media_type_of(opened.name),
        _merge(file.headers, headers | _content_fields(file, opened, part)),
        file.more_headers,
    )
    if count > SMALL:
        return FilePlan(opened.file, offset, count, *head, file.date)
    content = os.pread(opened.file.fileno(), count, offset)
    if len(content) != count:
        raise OSError("a file shrank while it was read")
    return Response(content, *head, date=file.date)


def _content_fields(file: File, opened: _Opened, part: tuple[int, int] | None) -> dict[str, str]:
    fields = {} if file.plain else {"Accept-Ranges": "bytes"}
    if opened.coding is not None:
        fields["Content-Encoding"] = opened.coding
    if file.download_as is not None:
        fields["Content-Disposition"] = content_disposition(file.download_as)
    if part is not None:
        offset, count = part
        fields["Content-Range"] = f"bytes {offset}-{offset + count - 1}/{opened.status.st_size}"
    return fields


def _tag(opened: _Opened) -> str:
    tag = f'"{opened.status.st_mtime_ns:x}-{opened.status.st_size:x}"'
    return tag if opened.coding is None else coded_tag(tag, opened.coding)


def _given(file: File, name: str) -> str | None:
    return next((value for own, value in (file.headers or {}).items() if own.lower() == name), None)


def _part(fields: dict[bytes, bytes], current: Validators, size: int) -> tuple[int, int] | None:
    asked = fields.get(b"range")
    if asked is None:
        return None
    condition = fields.get(b"if-range")
    if condition is not None and not range_applies(condition, current):
        return None
    return byte_range(asked, size)


def _merge(given: dict[str, str] | None, ours: dict[str, str]) -> dict[str, str]:
    """Ours win: a validator other than the one compared would never match."""
    if not given:
        return ours
    names = {name.lower() for name in ours}
    return {name: value for name, value in given.items() if name.lower() not in names} | ours


def content_disposition(name: str) -> str:
    """`attachment` with a file name: plain ASCII quoted, else an ASCII stand-in and the name by RFC 8187."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    if plain == name:
        return f'attachment; filename="{name}"'
    encoded = quote(name, safe="!#$&+-.^_`|~", errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
