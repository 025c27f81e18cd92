"""The size check, run as `make check` runs it."""

import subprocess
import sys
from pathlib import Path

from checks.sizes import MOST_IN_FILE, MOST_IN_FUNCTION


def _check(folder: Path) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "checks.sizes", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout.splitlines()


def _function(lines: int) -> str:
    return "def work() -> None:\n" + "    pass\n" * (lines - 1)


def test_at_the_limits_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(_function(MOST_IN_FUNCTION))
    (tmp_path / "b.py").write_text("x = 1\n" * MOST_IN_FILE)
    assert _check(tmp_path) == (0, [])


def test_beyond_the_limits_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        f"\nclass C:\n    async {_function(MOST_IN_FUNCTION + 1)}".replace("    p", "        p")
    )
    (tmp_path / "b.py").write_text("x = 1\n" * (MOST_IN_FILE + 1))
    code, lines = _check(tmp_path)
    assert code == 1
    assert lines == [
        f"{tmp_path}/a.py:3: work has {MOST_IN_FUNCTION + 1} lines; at most {MOST_IN_FUNCTION}",
        f"{tmp_path}/b.py:1: {MOST_IN_FILE + 1} lines; a file has at most {MOST_IN_FILE}",
    ]


def test_installed_packages_are_left_out(tmp_path: Path) -> None:
    for folder in (".env", "node_modules"):
        (tmp_path / "inner" / folder).mkdir(parents=True)
        (tmp_path / "inner" / folder / "long.py").write_text("x = 1\n" * (MOST_IN_FILE + 1))
    assert _check(tmp_path) == (0, [])
