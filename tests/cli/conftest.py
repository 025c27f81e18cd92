import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.processes import Ended, Mistake, Stanchion, environment
from tests.cluster.conftest import connect, serve

__all__ = ["connect", "serve"]  # fixtures


@pytest.fixture(scope="session")
def stanchion(tmp_path_factory: pytest.TempPathFactory) -> Stanchion:
    """Runs the command, by default in an empty folder."""
    empty = tmp_path_factory.mktemp("empty")

    def run(*arguments: str, cwd: Path | None = None, **environ: str) -> Ended:
        command = [sys.executable, "-m", "stanchion", *arguments]
        env = environment(**environ)
        return subprocess.run(
            command, cwd=cwd or empty, env=env, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture(scope="session")
def mistake(stanchion: Stanchion) -> Mistake:
    """Runs what must fail as a mistake of the user's: exit code 2, one line on stderr; returns the line."""

    def run(*arguments: str, cwd: Path | None = None, **environ: str) -> str:
        result = stanchion(*arguments, cwd=cwd, **environ)
        assert (result.returncode, result.stdout) == (2, ""), result
        assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr.removeprefix("stanchion: ").rstrip("\n")

    return run


@pytest.fixture(scope="session")
def project(stanchion: Stanchion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `stanchion new shop` writes. Tests do not change it."""
    folder = tmp_path_factory.mktemp("new")
    result = stanchion("new", "shop", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "shop"
