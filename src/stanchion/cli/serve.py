"""Serve an app until SIGTERM or Ctrl+C; running requests finish first, for as long as --drain-timeout
says."""

import argparse
from functools import partial

from stanchion.cli.announcing import announce
from stanchion.cli.arguments import add_app, add_settings, load_settings
from stanchion.settings import Settings

_EXAMPLES = """\
examples:
  stanchion serve app:app                                `app` of app.py on http://127.0.0.1:8000
  stanchion serve app:app --host 0.0.0.0 --port 80       in a container
  stanchion serve app:app --unix-socket /run/app.sock    behind a proxy on this machine
  stanchion serve app:app --reload                       in development
  STANCHION_MAX_BODY=4MiB stanchion serve app:app        any setting by environment variable
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The app, and a flag for each setting."""
    parser.usage = "stanchion serve MODULE:APP [SETTING ...]"  # with all 30 flags it would fill a screen
    parser.epilog = _EXAMPLES
    add_app(parser)
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve; returns when told to stop."""

    def load() -> Settings:
        return load_settings(arguments).settings

    settings = load()
    if settings.reload:
        from stanchion.cluster.watch import check_watchfiles

        check_watchfiles()
    from stanchion.cluster.supervisor import supervise

    announced = partial(announce, f"serves {arguments.app}")
    supervise(arguments.app, load, traceback=arguments.traceback, announce=announced)
    print("stopped")
    return 0
