"""From a request's path to a file under one directory, and never outside it."""

import os


def resolve(root: str | os.PathLike[str], path: str, index: str = "index.html") -> str | None:
    """The real path of the regular file `path` names under `root`, or None where there is nothing to serve.

    `path` is relative, percent-decoded once, with `/` between segments; a directory's own path ends in `/`
    (or is empty) and stands for its `index`. Refused are empty segments, NUL, backslashes, and segments that
    begin with a dot, which covers `..` and keeps `.git` and `.env` from view; `.well-known` (RFC 8615) is let
    through. A symbolic link is followed only to a place under `root`.

    It makes system calls, so run it in a thread. Whoever can write under `root` can change a link between
    this check and the opening; that person can write the files as well.
    """
    if not path or path.endswith("/"):
        path += index
    segments = path.split("/")
    if "\0" in path or "\\" in path or any(_hidden(segment) for segment in segments):
        return None
    try:
        base = os.path.realpath(root)
        real = os.path.realpath(os.path.join(base, *segments))
        inside = os.path.commonpath((base, real)) == base
        return real if inside and os.path.isfile(real) else None
    except (OSError, ValueError):  # a name no file system takes: too long, or not encodable
        return None


def _hidden(segment: str) -> bool:
    return not segment or (segment[0] == "." and segment != ".well-known")
