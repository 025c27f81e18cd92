"""The `stanchion` command: one file a command, imported only when it is called.

Law: a command reads its arguments, calls the library and prints; whatever another program could want is in
the library. A mistake of the user's is one line on standard error that says what to do, and exit code 2.
"""

import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from stanchion.errors import ConfigurationError

COMMANDS = {
    "serve": "serve an app until SIGTERM or Ctrl+C, then drain",
    "gateway": "serve what upstreams answer, with a cache, limits and shedding before them",
    "ps": "print what the workers of the running servers do",
    "reload": "replace a running server's workers, one at a time, no request dropped",
    "scale": "have a running server use another number of workers",
    "stop": "have a running server drain and end",
    "cache": "print what a running server's caches keep, or make it invalid",
    "routes": "print an app's routes with their effective policies",
    "db": "say what would make a database quicker, and migrate its schema",
    "settings": "print the effective settings and where each came from",
    "new": "write a small project to start from",
}
"""By name, each with its line of help; `stanchion.cli.<name>` has `configure(parser)` and
`run(arguments)`."""

_HELP = """\
usage: stanchion COMMAND [ARGUMENT ...]

REST APIs that stay up, fast and fair under very high concurrent load.

commands:
{commands}

options:
  -h, --help    print this, or after a command that command's help
  --version     print the version

examples:
  stanchion new shop                      a project with an app and a test, in ./shop
  stanchion serve app:app --reload        serve `app` of app.py, again at each change
  stanchion serve app:app --workers auto  a worker for each CPU; `stanchion ps` shows them
  stanchion routes app:app                which policies hold for which route
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, 2 for a mistake in usage or configuration."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help", "help"):
        commands = "\n".join(f"  {name:12}  {text}" for name, text in COMMANDS.items())
        print(_HELP.format(commands=commands), end="")
        return 0
    if name in ("-V", "--version"):
        print(f"stanchion {version()}")
        return 0
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.4)
        mend = f"did you mean `stanchion {near[0]}`?" if near else "`stanchion --help` lists them"
        return complain(f"no command {name!r}; {mend}")
    try:
        return _run(name, rest)
    except ConfigurationError as error:
        return complain(str(error))
    except BrokenPipeError:  # `stanchion routes … | head` has seen enough; the flush at exit must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def version() -> str:
    """The installed version."""
    from importlib.metadata import version

    return version("stanchion")


def complain(message: str) -> int:
    """One line on standard error; returns the exit code that goes with it."""
    print(f"stanchion: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _run(name: str, rest: Sequence[str]) -> int:
    from stanchion.cli.arguments import Parser

    command = import_module(f"stanchion.cli.{name}")
    parser = Parser(prog=f"stanchion {name}", description=command.__doc__)
    parser.set_defaults(command_line=(name, *rest))
    command.configure(parser)
    code: int = command.run(parser.parse(rest))
    sys.stdout.flush()  # here, where a reader that is gone can still be told from a failure
    return code
