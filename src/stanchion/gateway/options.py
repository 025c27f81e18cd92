"""How upstreams are declared: `app.proxy("/legacy", "http://127.0.0.1:3000", health="/healthz")`."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from stanchion.errors import ConfigurationError
from stanchion.upstream.limits import Limits
from stanchion.upstream.target import Target, parse_target

Seconds = Annotated[float, Meta(gt=0, le=3600)]


class ProxyOptions(Struct, frozen=True, kw_only=True):
    """What `Router.proxy` takes besides prefix, upstreams and policies.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    host: Annotated[str, Meta(min_length=1, max_length=255)] = "upstream"
    """What the upstream gets as Host: `upstream` is its own name, `client` is the client's, or any name."""
    strip_prefix: bool = False
    """Leave the prefix out of the path that the upstream gets."""
    health: Annotated[str, Meta(pattern="^/")] | None = None
    """A path to ask each upstream for; one that does not answer below 400 gets no requests while others do."""
    health_interval: Seconds = 2.0
    """Seconds between two such questions."""
    retries: Annotated[int, Meta(ge=0, le=10)] = 1
    """Attempts after the first, of requests that may be sent twice, within a budget of a tenth of all requests."""
    connect_timeout: Seconds = 2.0
    """Seconds until there is a connection."""
    answer_timeout: Seconds = 30.0
    """Seconds from the end of the request to the head of its answer."""
    body_timeout: Seconds = 30.0
    """Seconds in which nothing of a body comes or goes."""
    connections: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """The most connections of a worker to one upstream."""

    def __post_init__(self) -> None:
        for field in msgspec.structs.fields(self):
            try:
                msgspec.convert(getattr(self, field.name), field.type)
            except msgspec.ValidationError as error:
                raise ConfigurationError(f"proxy({field.name}={getattr(self, field.name)!r}): {error}") from None

    @property
    def limits(self) -> Limits:
        """Those of each upstream's connections."""
        return Limits(
            connect_timeout=self.connect_timeout,
            answer_timeout=self.answer_timeout,
            body_timeout=self.body_timeout,
            connections=self.connections,
        )


class Upstreams:
    """Upstreams as declared, before their prefix is known: the handler of a proxy's route."""

    def __init__(self, urls: str | Sequence[str], options: ProxyOptions) -> None:
        """Raises:
        ConfigurationError: there is none, or one is no URL of an upstream.
        """
        listed = [urls] if isinstance(urls, str) else list(urls)
        if not listed:
            raise ConfigurationError("a proxy has no upstream; give a URL such as http://127.0.0.1:3000")
        self.targets: list[Target] = [parse_target(url) for url in listed]
        self.options = options

    def __repr__(self) -> str:
        return f"<Upstreams {', '.join(map(str, self.targets))}>"
