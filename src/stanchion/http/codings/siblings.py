"""Files that hold the file beside them in a coding: `app.js.br`, made once by whoever built `app.js`."""

import os
import stat

SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}


def siblings(path: str, original: os.stat_result) -> dict[str, str]:
    """The paths of those that may stand for `path`, by coding, smallest first.

    Not one that is no smaller, nor one that is older, by whole seconds: it was made of an earlier content. A symbolic
    link is not followed, as it may lead away. It makes system calls, so run it in a thread.
    """
    found = []
    for coding, suffix in SUFFIXES.items():
        try:
            status = os.lstat(path + suffix)
        except OSError:
            continue
        fresh = int(status.st_mtime) >= int(original.st_mtime)
        if stat.S_ISREG(status.st_mode) and fresh and status.st_size < original.st_size:
            found.append((status.st_size, coding))
    return {coding: path + SUFFIXES[coding] for _, coding in sorted(found)}
