"""One uploaded file of a form."""

import os

from stanchion.http.spool import Spool


class Upload:
    """A file as it came: a window into its form's spool, with a reading position of its own.

    It lives as long as its form, which whoever binds the handler's arguments closes after the response;
    `save` what is to stay.
    """

    __slots__ = ("_position", "_spool", "_start", "filename", "media_type", "size")

    def __init__(self, spool: Spool, start: int, size: int, filename: str, media_type: str) -> None:
        self._spool = spool
        self._start = start
        self._position = 0
        self.filename = filename
        """As the client sent it: for showing, never for a path."""
        self.media_type = media_type
        """What the client says it is, without parameters; nobody has looked inside."""
        self.size = size
        """Bytes."""

    def __repr__(self) -> str:
        return f"<Upload {self.filename!r}, {self.media_type}, {self.size} bytes>"

    @property
    def safe_name(self) -> str:
        """`filename` fit for a directory of one's own: no path, no control characters, no dots or blanks
        around.

        At most 255 bytes of UTF-8, its end with the suffix kept; `upload` where nothing is left.
        """
        base = self.filename.replace("\\", "/").rpartition("/")[2]
        printable = "".join(character for character in base if character.isprintable())
        return printable.encode()[-255:].decode(errors="ignore").strip(" .") or "upload"

    async def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes from the position on, all that is left if negative; empty at the end.

        Raises:
            ValueError: the form is closed.
        """
        left = self.size - self._position
        count = left if size < 0 else min(size, left)
        chunk = await self._spool.read(self._start + self._position, count)
        self._position += count
        return chunk

    async def seek(self, position: int) -> None:
        """Set the position, in bytes from the start; beyond the end is the end."""
        self._position = min(max(position, 0), self.size)

    async def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole file to `path`, replacing what is there; in a thread, by the kernel where it is on
        disk.

        Raises:
            OSError: the place cannot be written; what was written so far stays.
            ValueError: the form is closed.
        """
        await self._spool.save(path, self._start, self.size)
