"""Serve an app until SIGTERM or Ctrl+C; running requests finish first, for as long as --drain-timeout
says."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from stanchion.cli import version
from stanchion.cli.arguments import add_app, add_settings, load_settings
from stanchion.cli.terminal import paint
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
    settings = load_settings(arguments).settings
    if settings.reload:
        from stanchion.cli.reload import supervise

        return supervise(arguments.command_line)
    from stanchion.target import load_app
    from stanchion.wire.serve import serve

    app = load_app(arguments.app, show_traceback=arguments.traceback)
    _configure_logging(settings)
    if settings.workers != 1:
        print(f"stanchion: workers={settings.workers}: there is no more than one yet", file=sys.stderr)
    serve(app, settings, _announce(arguments.app, settings))
    print("stopped")
    return 0


def _configure_logging(settings: Settings) -> None:
    """Log to standard error, the app's own records included, unless the app has set up logging by now."""
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def _announce(target: str, settings: Settings) -> Callable[[Sequence[str]], None]:
    def announce(urls: Sequence[str]) -> None:
        print(f"stanchion {version()} serves {target}; Ctrl+C stops it")
        for url in urls:
            print(f"  {paint(url, 'cyan')}")
            if settings.docs and url.startswith("http"):
                print(f"  {paint(f'{url}/docs', 'cyan')}  its reference")
        sys.stdout.flush()

    return announce
