"""The project it writes is real: its tests pass, its types check, its lint is clean."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.processes import Mistake, Stanchion, environment


def _run(folder: Path, *command: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_its_own_tests_pass(project: Path) -> None:
    assert "3 passed" in _run(project, "pytest", "-p", "no:cacheprovider")


def test_its_code_is_clean(project: Path, tmp_path: Path) -> None:
    _run(project, "ruff", "check", "--isolated", "--no-cache", "--select", "E,F,W,I,UP,B", ".")
    _run(project, "ruff", "format", "--isolated", "--no-cache", "--check", ".")
    _run(project, "mypy", "--strict", "--cache-dir", str(tmp_path), ".")


def test_what_it_says(stanchion: Stanchion, tmp_path: Path) -> None:
    result = stanchion("new", "my-shop_2", cwd=tmp_path)
    files = sorted(path.name for path in (tmp_path / "my-shop_2").iterdir())
    assert files == ["README.md", "app.py", "pyproject.toml", "test_app.py"]
    assert "cd my-shop_2" in result.stdout
    assert 'App("my-shop_2")' in (tmp_path / "my-shop_2" / "app.py").read_text()
    readme = (tmp_path / "my-shop_2" / "README.md").read_text()
    assert len(re.findall(r"^    \S", readme, re.MULTILINE)) == 2


def test_nothing_is_overwritten(mistake: Mistake, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    assert mistake("new", "shop", cwd=tmp_path) == ("shop is there already and is not overwritten; choose another name")
    assert list((tmp_path / "shop").iterdir()) == []


@pytest.mark.parametrize("name", ["../shop", "a/b", "1st", "", "my shop", "é"])
def test_names_that_are_no_project(mistake: Mistake, tmp_path: Path, name: str) -> None:
    assert "is not a project's name" in mistake("new", name, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
