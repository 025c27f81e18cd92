"""Stanchion: REST APIs that stay up, fast and fair under very high concurrent load.

    from msgspec import Struct
    from stanchion import App

    app = App("flights")

    class Airport(Struct):
        iata: str
        name: str

    @app.get("/airports/{iata}", timeout=0.5)
    async def airport(iata: str) -> Airport: ...

    $ stanchion serve flights:app

Everything an application needs is here; `stanchion.testing` has the client for its tests. The names are imported when
the first of them is asked for: the supervisor and most commands do without, and start 0.1 s earlier.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stanchion.api import *  # noqa: F403  # its `__all__` is this package's


def __getattr__(name: str) -> Any:
    api = import_module("stanchion.api")
    if name in api.__all__ or name == "__all__":
        return getattr(api, name)
    raise AttributeError(f"module 'stanchion' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*globals(), *import_module("stanchion.api").__all__))
