"""The app of `stanchion gateway`: one proxy, as the command has told it. Its workers import this."""

from os import environ

import msgspec
from msgspec import Struct

from stanchion.app import App
from stanchion.errors import ConfigurationError
from stanchion.gateway.options import ProxyOptions
from stanchion.policies.cache import Cache
from stanchion.policies.limit import Limit
from stanchion.router import PolicyOptions

VARIABLE = "_STANCHION_GATEWAY"
"""The environment variable by which supervisor and workers get what the command was told; it is no setting."""


class Asked(Struct, frozen=True, kw_only=True):
    """The command's own arguments."""

    upstreams: list[str]
    prefix: str
    host: str
    health: str | None
    retries: int
    timeout: float | None
    limit: str | None
    cache: bool


def app_of(asked: Asked) -> App:
    """The app.

    Raises:
        ConfigurationError: an upstream is no URL, or an argument is out of its range.
    """
    app = App("gateway")
    policies: PolicyOptions = {"cache": Cache() if asked.cache else None}
    if asked.timeout is not None:
        policies["timeout"] = asked.timeout
    if asked.limit is not None:
        policies["limit"] = Limit(asked.limit)
    options = ProxyOptions(host=asked.host, health=asked.health, retries=asked.retries)
    app.proxy(asked.prefix, asked.upstreams, options=options, **policies)
    return app


def _from_environment() -> App:
    if VARIABLE not in environ:
        raise ConfigurationError("the gateway's app is started by `stanchion gateway URL`")
    return app_of(msgspec.json.decode(environ[VARIABLE], type=Asked))


def __getattr__(name: str) -> App:
    if name == "app":
        return _from_environment()
    raise AttributeError(name)
