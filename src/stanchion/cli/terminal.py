"""Tables, colour, JSON and a progress bar, in the little that a command line needs.

No dependency: what is off the request path is not worth one to everybody who installs the server. Colour only
on a terminal and without NO_COLOR (no-color.org); a pipe gets plain text in columns.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO, TypeVar

import msgspec

T = TypeVar("T")
_STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}
_BAR = 40


def wants_colour(stream: TextIO) -> bool:
    """Whether `stream` is a terminal whose user has nothing against colour."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """`text` in a style such as `bold` or `green` where the stream shows it, else as it is."""
    if not style or not wants_colour(stream or sys.stdout):
        return text
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], styles: Sequence[str] = ()) -> str:
    """Rows in aligned columns under a header; `styles` colours whole columns."""
    lines = [tuple(header), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    styles = (*styles, *[""] * (len(header) - len(styles)))
    painted = [_line(lines[0], widths, ["bold"] * len(header))]
    painted += [_line(line, widths, styles) for line in lines[1:]]
    return "\n".join(painted)


def as_json(found: object) -> str:
    """What `--json` prints, indented."""
    return msgspec.json.format(msgspec.json.encode(found)).decode()


def counted(count: int, what: str) -> str:
    """`1 worker`, `2 workers`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _line(cells: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> str:
    *first, last = zip(cells, widths, styles, strict=True)
    padded = [paint(cell, style) + " " * (width - len(cell)) for cell, width, style in first]
    return "  ".join([*padded, paint(last[0], last[2])]).rstrip()


def progress(items: Iterable[T], total: int, label: str, stream: TextIO | None = None) -> Iterator[T]:
    """Yield `items`, drawing a bar on a terminal as they go by and nothing elsewhere."""
    stream = stream or sys.stderr
    if not stream.isatty() or total < 1:
        yield from items
        return
    step = max(total // _BAR, 1)
    for count, item in enumerate(items, start=1):
        yield item
        if count % step == 0 or count == total:
            bar = "█" * (min(count, total) * _BAR // total)
            stream.write(f"\r{label} {bar:·<{_BAR}} {count:,}")
            stream.flush()
    stream.write("\n")
