"""Help teaches; a mistake is one line and exit code 2."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from stanchion.cli import COMMANDS
from tests.cli.processes import Mistake, Stanchion


def test_version_as_module_and_as_script(
    stanchion: Stanchion,
) -> None:
    script = Path(sys.executable).with_name("stanchion")
    by_script = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert stanchion("--version").stdout == by_script.stdout == f"stanchion {version('stanchion')}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_help_lists_the_commands(stanchion: Stanchion, arguments: list[str]) -> None:
    result = stanchion(*arguments)
    assert result.returncode == 0
    for name, text in COMMANDS.items():
        assert f"{name:12}  {text}" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(stanchion: Stanchion, command: str) -> None:
    result = stanchion(command, "--help")
    assert result.returncode == 0
    assert f"examples:\n  stanchion {command}" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serv"], "no command 'serv'; did you mean `stanchion serve`?"),
        (["xyzzy"], "no command 'xyzzy'; `stanchion --help` lists them"),
        (["settings", "--prot", "1"], "unknown argument --prot; did you mean --port?"),
        (["settings", "--prot=1"], "unknown argument --prot=1; did you mean --port?"),
        (["settings", "a", "b"], "unknown argument b; `stanchion settings --help` lists them"),
        (
            ["serve"],
            "the following arguments are required: MODULE:APP; `stanchion serve --help` shows how",
        ),
        (["settings", "colour"], "no setting 'colour'; `stanchion settings` lists them"),
        (
            ["settings", "--port", "65536"],
            "--port 65536: expected a whole number from 0 to 65535; correct it or leave it out",
        ),
        (
            ["settings", "--config", "gone.toml"],
            "gone.toml: No such file or directory; name a file that can be read",
        ),
    ],
)
def test_a_mistake_in_the_arguments(mistake: Mistake, arguments: list[str], message: str) -> None:
    assert mistake(*arguments) == message


def test_a_mistake_in_the_environment(mistake: Mistake) -> None:
    assert mistake("settings", STANCHION_PROT="1") == ("unknown variable STANCHION_PROT; did you mean STANCHION_PORT?")
