"""Media types by file name, the same on every machine.

`mimetypes.guess_type` reads /etc/mime.types where there is one, so that a slim container serves other types
than the laptop did; only Python's built-in table is used here, with what it lacks.
"""

import mimetypes
import os

_MISSING = {
    ".epub": "application/epub+zip",
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".jsonl": "application/jsonl",
    ".m4a": "audio/mp4",
    ".map": "application/json",
    ".md": "text/markdown",
    ".ndjson": "application/x-ndjson",
    ".ogg": "audio/ogg",
    ".otf": "font/otf",
    ".parquet": "application/vnd.apache.parquet",
    ".ttf": "font/ttf",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
_TYPES = mimetypes.MimeTypes().types_map[True] | _MISSING


def media_type_of(path: str | os.PathLike[str]) -> str:
    """The media type of a file by its last suffix; text comes with `charset=utf-8`, as Starlette sends it.

    The last suffix alone: an archive `.tar.gz` is sent as the gzip file it is, not as a tar in a content
    coding.
    """
    guess = _TYPES.get(os.path.splitext(path)[1].lower(), "application/octet-stream")
    return f"{guess}; charset=utf-8" if guess.startswith("text/") else guess
