"""Write a small project to start from: an app with two routes, tests that pass, and how to run both."""

import argparse
from importlib.resources import files
from pathlib import Path

from stanchion.errors import ConfigurationError

_EXAMPLES = """\
examples:
  stanchion new shop      in ./shop
"""
_NEXT = """\
wrote {name}/: {files}

next:
  cd {name}
  stanchion serve app:app --reload
  pytest"""
_FILES = {
    "app.py": "app.py.txt",
    "test_app.py": "test_app.py.txt",
    "README.md": "README.md.txt",
    "pyproject.toml": "pyproject.toml.txt",
}
"""What is written, and its source in skeleton/; `.txt` keeps tools from taking the sources for modules of
ours."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The project's name."""
    parser.epilog = _EXAMPLES
    parser.add_argument("name", metavar="NAME", help="letters, digits, - and _; also the new directory")


def run(arguments: argparse.Namespace) -> int:
    """Write the files and say what to do next."""
    name: str = arguments.name
    if not (name.isascii() and name[:1].isalpha() and name.replace("-", "").replace("_", "").isalnum()):
        raise ConfigurationError(f"{name!r} is not a project's name; use letters, digits, - and _, a letter first")
    folder = Path(name)
    if folder.exists():
        raise ConfigurationError(f"{name} is there already and is not overwritten; choose another name")
    folder.mkdir()
    skeleton = files("stanchion.cli") / "skeleton"
    for target, source in _FILES.items():
        text = (skeleton / source).read_text(encoding="utf-8")
        (folder / target).write_text(text.replace("__NAME__", name), encoding="utf-8")
    print(_NEXT.format(name=name, files=", ".join(_FILES)))
    return 0
