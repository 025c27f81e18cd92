"""`serve --reload`: a rolling reload whenever a source file changes.

New processes rather than reloaded modules: nothing of the old state can linger. A change that cannot be imported leaves
the old workers serving.
"""

import logging
import os
import sys
from collections.abc import Awaitable, Callable

from stanchion.errors import ConfigurationError


def check_watchfiles() -> None:
    """See that watching is possible.

    Raises:
        ConfigurationError: watchfiles is not installed.
    """
    try:
        import watchfiles  # noqa: F401  # only whether it is there
    except ImportError:
        raise ConfigurationError("--reload needs watchfiles; run: pip install 'stanchion[reload]'") from None


async def watch(reload: Callable[[], Awaitable[str | None]]) -> None:
    """Reload at each change of a Python or TOML file under the working directory, for ever."""
    from watchfiles import PythonFilter, awatch

    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it would say the same once more, without the names
    async for changes in awatch(os.getcwd(), watch_filter=PythonFilter(extra_extensions=(".toml",))):
        names = ", ".join(sorted(os.path.relpath(path) for _, path in changes))
        print(f"changed: {names}; starting again", file=sys.stderr)
        await reload()  # which logs what is wrong with the change
