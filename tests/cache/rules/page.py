"""docs/reference/caching-conformance.md, made from the marks of the tests: `python -m tests.cache.rules.page`."""

import sys
from pathlib import Path

from tests.cache.rules.requirements import Requirement, held

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "caching-conformance.md"
SUBJECTS = {9111: "HTTP Caching", 9110: "HTTP Semantics", 9213: "Targeted Cache Control", 5861: "Stale Content"}
SUBJECTS[9211] = "Cache-Status"
HEAD = """# Caching: conformance

<!-- Made by `python -m tests.cache.rules.page` from the tests in tests/cache/rules; change those. -->

What the shared cache does for each requirement of the RFCs, and the test that holds it. The level is the RFC's word;
*choice* stands where the RFC leaves one, and the requirement says which was taken. The rules are plain functions in
`src/stanchion/cache/rules`; tests of the cache as a whole are in `tests/cache` and `tests/gateway`.
"""


def render() -> str:
    """The page."""
    rows = sorted(held(), key=lambda row: (list(SUBJECTS).index(row[0].rfc), _order(row[0]), row[1], row[2]))
    parts = [HEAD]
    for rfc, subject in SUBJECTS.items():
        own = [row for row in rows if row[0].rfc == rfc]
        link = f"https://www.rfc-editor.org/rfc/rfc{rfc}.html"
        parts.append(f"## RFC {rfc}: {subject}\n\n| Section | Level | Requirement | Test |\n| --- | --- | --- | --- |")
        parts += [_row(requirement, link, test) for requirement, _, test in own]
        parts.append("")
    return "\n".join(parts)


def _row(requirement: Requirement, link: str, test: str) -> str:
    section = f"[{requirement.section}]({link}#section-{requirement.section})"
    return f"| {section} | {requirement.level} | {requirement.text} | `{test}` |"


def _order(requirement: Requirement) -> tuple[int, ...]:
    return tuple(map(int, requirement.section.split(".")))


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
