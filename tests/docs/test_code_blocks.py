"""Every Python block of the documentation runs: a page's blocks in order, in one namespace, as one program.

A function called `test_…` is called after its block, as pytest would. A block that cannot run has
`<!-- not run: reason -->` before it. Line numbers in a traceback are the page's own.
"""

import logging
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.pages import blocks, name_of, pages

PYTHON_PAGES = [page for page in pages() if "\n```python\n" in page.read_text(encoding="utf-8")]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """An empty module to run a page in, in an empty directory, without the environment's own settings."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)  # where msgspec looks up annotations
    monkeypatch.chdir(tmp_path)
    return module


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may add a handler to a logger: it keeps records, and with them connections, no longer than the page."""
    for name in ("stanchion", "stanchion.error"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "handlers", list(logger.handlers))


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=name_of)
def test_python_blocks_run(page: Path, module: ModuleType) -> None:
    ran = run(page, module)
    assert ran > 0


def test_the_guides_and_the_first_page_are_among_them() -> None:
    names = {name_of(page) for page in PYTHON_PAGES}
    assert {"docs/README.md", "docs/guides/routes-and-binding.md", "docs/guides/testing.md"} <= names


def test_a_failing_block_is_named_by_its_line(module: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```python\none = 1\n```\n\n```python\n\nassert one == 2\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError) as failure:
        run(page, module)
    assert (Path(failure.traceback[-1].path), failure.traceback[-1].lineno + 1) == (page, 9)


def test_a_block_can_be_left_out_with_a_reason(
    module: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    text = "<!-- not run: needs a database -->\n```python\nraise OSError\n```\n"
    page.write_text(text, encoding="utf-8")
    assert run(page, module) == 0
    assert capsys.readouterr().out == f"{page}:3: not run: needs a database\n"


def run(page: Path, module: ModuleType) -> int:
    """Run a page's Python blocks; returns how many ran."""
    count = 0
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language != "python":
            continue
        if block.not_run is not None:
            print(f"{page}:{block.line}: not run: {block.not_run}")
            continue
        source = "\n" * (block.line - 1) + block.text
        before = set(vars(module))
        exec(compile(source, str(page), "exec", dont_inherit=True), vars(module))
        for name in [name for name in vars(module) if name.startswith("test_") and name not in before]:
            vars(module)[name]()
        count += 1
    return count
