"""How a prefix is proxied, each option declared once."""

from typing import Annotated

from msgspec import Meta, Struct

from stanchion.errors import RouteError
from stanchion.ranges import check_ranges
from stanchion.upstream.limits import Limits

Seconds = Annotated[float, Meta(gt=0, le=3600)]


class ProxyOptions(Struct, frozen=True, kw_only=True):
    """The options of `app.proxy` besides the policies.

    Raises:
        RouteError: a value is out of its range.
    """

    host: str = "upstream"
    """What the upstream reads in Host: `upstream` for its own name, `client` for what the client wrote, or a name.
    The client's is in X-Forwarded-Host and Forwarded either way. `client` keeps right the links made of it."""
    strip_prefix: bool = False
    """Take the prefix off the paths; X-Forwarded-Prefix has it. Off, since links an upstream makes would lack it."""
    retries: Annotated[int, Meta(ge=0, le=10)] = 1
    """Further attempts of requests that may be sent twice, before anything of an answer has come, while the budget
    lasts."""
    budget: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """Those attempts as a share of requests."""
    health: str | None = None
    """A path that each upstream is asked for; one that does not answer it below 400 twice in a row gets no requests.
    None asks for nothing: three failed requests in a row take an upstream out, for a second at first."""
    health_interval: Seconds = 5.0
    """Seconds between two such questions, of each worker."""
    connect_timeout: Seconds = 2.0
    """Seconds until a connection is there; also how long a request waits where all connections are in use."""
    answer_timeout: Seconds = 30.0
    """Seconds from the end of the request to the head of the answer; then 504. A `timeout=` below it bounds all of it,
    waiting for admission included."""
    body_timeout: Seconds = 30.0
    """Seconds without a byte of the answer's body, after which it is broken off."""
    keep: Annotated[float, Meta(ge=0, le=3600)] = 4.0
    """Seconds that an idle connection is kept. Shorter than what the upstream keeps it (5 s of Node and uvicorn), so
    that a request rarely meets one that is closing."""
    connections: Annotated[int, Meta(ge=1, le=65535)] = 256
    """Connections to one upstream of each worker."""

    def __post_init__(self) -> None:
        check_ranges(self, "proxy option {name}={value!r}", RouteError)
        if not self.host or not self.host.isascii() or any(c <= " " for c in self.host):
            raise RouteError(f"proxy option host={self.host!r}: expected 'upstream', 'client' or a host name")
        if self.health is not None and not self.health.startswith("/"):
            raise RouteError(f"proxy option health={self.health!r}: expected a path such as '/healthz'")

    @property
    def limits(self) -> Limits:
        """Those of an upstream's pool."""
        return Limits(
            connect_timeout=self.connect_timeout,
            answer_timeout=self.answer_timeout,
            body_timeout=self.body_timeout,
            keep=self.keep,
            connections=self.connections,
        )
