"""What the tests of the documentation read out of a Markdown page: code blocks, links, anchors, tables."""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "guides"

_FENCE = re.compile(r"^(`{3,}|~{3,})([\w-]*)")
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+?) -->")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$")
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^()\s>]+(?:\([^()\s]*\))?)>?(?: +\"[^\"]*\")?\)")
_CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")


class Block(Struct, frozen=True, kw_only=True):
    """A fenced block of a page."""

    language: str
    line: int
    """Of its first line of code, from 1."""
    text: str
    not_run: str | None
    """The reason in `<!-- not run: … -->` on the line before the fence."""


def pages() -> list[Path]:
    """Every Markdown file of the repository, tools' and hidden folders left out."""
    found = sorted(ROOT.rglob("*.md"))
    return [page for page in found if not any(_foreign(part) for part in page.relative_to(ROOT).parts)]


def name_of(page: Path) -> str:
    """The page as one would call it: `docs/README.md`."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    before, start, fence, language, code = "", 0, "", "", list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        found = _FENCE.match(line)
        if not fence and found:
            start, fence, language, code = number + 1, found[1], found[2], []
        elif fence and line.strip() == fence:
            mark = _NOT_RUN.fullmatch(before)
            reason = mark["reason"] if mark else None
            yield Block(language=language, line=start, text="\n".join(code) + "\n", not_run=reason)
            fence = ""
        elif fence:
            code.append(line)
        if not fence:
            before = line.strip() or before


def links(text: str) -> Iterator[str]:
    """The targets of a page's links, in order; what looks like one in code is none."""
    for line in _prose(text):
        yield from _LINK.findall(_CODE_SPAN.sub("", line))


def anchors(text: str) -> set[str]:
    """What may follow `#` in a link to this page, as GitHub makes it of the headings."""
    found: dict[str, int] = {}
    for line in _prose(text):
        if heading := _HEADING.match(line):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
    return {f"{slug}-{count}" if count else slug for slug, most in found.items() for count in range(most + 1)}


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the tables whose first column is called `header`, their heads and rules left out."""
    tables = [part.strip() for part in re.split(r"\n\n+", text)]
    lines = [line for part in tables if part.startswith(f"| {header} |") for line in part.splitlines()[2:]]
    return [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split(" | ")] for line in lines]


def _foreign(part: str) -> bool:
    return part.startswith(".") or part in ("node_modules", "build", "dist")


def _prose(text: str) -> Iterator[str]:
    """The lines outside fenced blocks."""
    fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if not fence and found:
            fence = found[1]
        elif fence and line.strip() == fence:
            fence = ""
        elif not fence:
            yield line
