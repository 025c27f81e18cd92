"""`serve --reload`: a parent that watches, a child that serves, and a new child at each change.

A new process rather than reloaded modules: nothing of the old state can linger. The child is asked to stop as
in production, so a drain that hangs shows up in development.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from stanchion.errors import ConfigurationError
from stanchion.settings.fields import SETTINGS


def supervise(arguments: Sequence[str]) -> int:
    """Run `stanchion` with `arguments` less the reload, again whenever a Python file under the working
    directory changes.

    Raises:
        ConfigurationError: watchfiles is not installed.
    """
    try:
        from watchfiles import PythonFilter, watch
    except ImportError:
        raise ConfigurationError("--reload needs watchfiles; run: pip install 'stanchion[reload]'") from None
    signal.signal(signal.SIGTERM, _interrupt)
    command = [
        sys.executable,
        "-m",
        "stanchion",
        *arguments,
        SETTINGS["reload"].no_flag,
    ]
    child = subprocess.Popen(command)
    try:
        for changes in watch(os.getcwd(), watch_filter=PythonFilter(extra_extensions=(".toml",))):
            names = ", ".join(sorted(os.path.relpath(path) for _, path in changes))
            print(f"changed: {names}; starting again", file=sys.stderr)
            _stop(child)
            child = subprocess.Popen(command)
    except KeyboardInterrupt:
        pass
    finally:
        _stop(child)
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _stop(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        child.terminate()
        child.wait()
