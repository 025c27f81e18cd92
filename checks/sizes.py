"""Keeps files and functions short: `python -m checks.sizes FOLDER …` prints what is too long; exit code 1.

A line is a line: docstrings, comments and blanks count, since a reader has to scroll past them as well. A
function is counted from its `def` (decorators are not its body) to its last line, inner functions included.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

MOST_IN_FILE = 400
MOST_IN_FUNCTION = 40


def too_long(path: Path) -> Iterator[str]:
    """What is over its limit in one file, as `path:line: what`."""
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    if lines > MOST_IN_FILE:
        yield f"{path}:1: {lines} lines; a file has at most {MOST_IN_FILE}"
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_IN_FUNCTION:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines; at most {MOST_IN_FUNCTION}"


def sources(folder: Path) -> Iterator[Path]:
    """Its Python files, but none in a folder that is hidden or holds installed packages."""
    for path in sorted(folder.rglob("*.py")):
        inner = path.relative_to(folder).parts[:-1]
        if not any(part.startswith(".") or part == "node_modules" for part in inner):
            yield path


def main(folders: Sequence[str]) -> int:
    """Check every file under `folders`; returns the exit code."""
    found = [line for folder in folders for path in sources(Path(folder)) for line in too_long(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
