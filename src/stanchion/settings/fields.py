"""The settings themselves. A field's type holds its unit and range; its docstring says what it does and why
one would change it; its default is what serves an API behind a load balancer well.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from stanchion.settings.setting import settings_of
from stanchion.settings.sizes import GiB, KiB, MiB, TiB

Size = Annotated[int, Meta(extra={"unit": "bytes"})]
Duration = Annotated[float, Meta(extra={"unit": "seconds"})]
Secret = Annotated[str, Meta(min_length=16, max_length=4096)]
Path = Annotated[str, Meta(min_length=1, max_length=107)]  # sockaddr_un holds 108 bytes with the final NUL

HOUR = 3600.0


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting of the server; an instance is always valid.

    Raises:
        SettingsError: a value is of another type or out of its range.
    """

    host: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    """The address or name to listen on. Use `0.0.0.0` (or `::` for IPv6 too) in a container, where the
    network decides who may connect."""

    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    """The TCP port to listen on; 0 takes any free one and prints it."""

    unix_socket: Path | None = None
    """Listen on a Unix socket at this path instead of host and port. Worth it behind a proxy on the same
    machine."""

    trusted_proxies: Annotated[int, Meta(ge=0, le=16)] | Annotated[str, Meta(min_length=1, max_length=4096)] = 0
    """Who is believed about a client's address: how many proxies there are in front, or their addresses and networks
    (`10.0.0.0/8, 192.0.2.7, unix`; `unix` is whoever connects by the Unix socket). Rate limits, the access log and
    `request.client_ip` follow it; with none it is the other end of the connection."""

    forwarded_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    """The field in which the trusted proxies tell the client's address. The other one is not looked at: proxies pass
    it on as the client wrote it."""

    proxy_protocol: bool = False
    """Expect the PROXY protocol, version 1 or 2, at the start of each connection, as a balancer of TCP connections
    sends it; one that starts otherwise is dropped. What it says is believed: turn it on only where nobody else
    connects."""

    workers: Annotated[int, Meta(ge=1, le=1024)] | Literal["auto"] = 1
    """Worker processes; `auto` is one for each CPU the process may use, container quota included."""

    instances: Annotated[int, Meta(ge=1, le=100_000)] = 1
    """How many of these servers the deployment runs, each with its workers: what is declared for all of them together,
    such as a database's connections, is divided by it. The most that an autoscaler may start."""

    secret: Annotated[Secret | None, Meta(extra={"unit": "secret"})] = None
    """What is signed with that clients only bring back, such as cursors of pages: the same for all instances, and best
    32 random bytes or more in the environment or the file, for flags can be seen by others. Not set, each server makes
    one at its start: what another one has signed, or this one before, is then refused."""

    admin_host: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    """The address of the admin port, which answers probes and metrics. It has no authentication: use `0.0.0.0` only
    where the network lets nobody but the platform reach it, as in a pod."""

    admin_port: Annotated[int, Meta(ge=0, le=65535)] | Literal["off"] = 9000
    """The TCP port of /livez, /readyz, /metrics and /status.json, answered by the supervisor; 0 takes any free one and
    prints it, `off` opens none."""

    admin_socket: Path | None = None
    """Answer the admin routes on a Unix socket at this path instead of host and port."""

    control_socket: Path | None = None
    """Where `stanchion ps`, `reload`, `scale` and `stop` reach the supervisor: a Unix socket for its owner alone. Not
    set, it is named after the process, in $XDG_RUNTIME_DIR or in a folder of the user's under the temporary one."""

    backlog: Annotated[int, Meta(ge=1, le=65535)] = 2048
    """Connections the kernel keeps waiting to be accepted. The kernel caps it at net.core.somaxconn; raise
    both when bursts of new connections are refused."""

    reload: bool = False
    """Start again when a source file changes. For development only; needs the `reload` extra."""

    max_request_line: Annotated[Size, Meta(ge=256, le=MiB)] = 8 * KiB
    """The longest request target; a longer one is answered 414. Raise it for clients with very long
    queries."""

    max_header_bytes: Annotated[Size, Meta(ge=256, le=MiB)] = 32 * KiB
    """All header fields of a request together; more is answered 431. Raise it for large cookies or tokens."""

    max_headers: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Header fields of a request; more is answered 431."""

    max_body: Annotated[Size, Meta(ge=0, le=TiB)] = MiB
    """The largest request body; a larger one is answered 413 before it is read. A route that takes uploads
    declares its own limit; raise this one only if most of them do."""

    max_websocket_message: Annotated[Size, Meta(ge=1, le=GiB)] = MiB
    """The largest message a WebSocket takes; a larger one ends the connection with code 1009. It is memory for each
    connection."""

    body_buffer: Annotated[Size, Meta(ge=KiB, le=GiB)] = 64 * KiB
    """Bytes of a body nobody consumes before reading from the socket pauses. More helps one fast upload on a
    long link; it is memory for each connection."""

    write_buffer: Annotated[Size, Meta(ge=KiB, le=GiB)] = 64 * KiB
    """Bytes of a response the client has not taken before the handler that streams it has to wait. It is
    memory for each slow client."""

    header_timeout: Annotated[Duration, Meta(ge=0.01, le=HOUR)] = 10.0
    """How long a request's head may take from its first byte; then 408 and close. Guards against clients that
    send a byte at a time; raise it for clients on very bad links."""

    body_min_rate: Annotated[Size, Meta(ge=0, le=GiB)] = 240
    """Bytes a second a body has to arrive with, once body_grace is over; slower is answered 408. 0 takes any
    rate, and with it a client that holds a connection for ever."""

    body_grace: Annotated[Duration, Meta(ge=0.01, le=HOUR)] = 10.0
    """How long a body may take before body_min_rate holds."""

    keep_alive_timeout: Annotated[Duration, Meta(ge=0.01, le=24 * HOUR)] = 75.0
    """How long an idle connection is kept for its next request. It must be longer than the idle time of the
    balancer in front (60s for most): otherwise the balancer sends a request into a closing connection and
    answers 502."""

    write_timeout: Annotated[Duration, Meta(ge=0.01, le=HOUR)] = 30.0
    """How long a client may read nothing of a response that waits for it; then it is cut off."""

    max_requests_per_connection: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 100_000
    """Requests a connection serves before it is closed, so that long-lived clients spread over new workers; 0
    is no limit."""

    max_connections: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000
    """Connections a worker holds open; those beyond are answered 503 and closed. Keep it below the limit of
    open files (`ulimit -n`)."""

    max_pipelined: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Requests of one connection taken before the first is answered; then reading pauses."""

    max_query_params: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Parameters of a query string; more is answered 400. Each costs the server far more than it costs the
    client."""

    max_json_keys: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    """Object keys of a JSON body, nested ones included; more is answered 413. Raise it for bulk imports."""

    max_form_parts: Annotated[int, Meta(ge=1, le=100_000)] = 128
    """Fields and files of a form; more is answered 413."""

    max_field_bytes: Annotated[Size, Meta(ge=1, le=GiB)] = 64 * KiB
    """The largest form field that is not a file; a larger one is answered 413."""

    upload_memory: Annotated[Size, Meta(ge=0, le=GiB)] = 256 * KiB
    """Bytes of a form's files together kept in memory; what is over goes to a temporary file. It is memory for each
    upload."""

    admission: bool = True
    """Bound the work under way and turn away, with 503, what would be answered too late. Off, a server beyond its
    capacity answers everybody late."""

    max_in_flight: Annotated[int, Meta(ge=1, le=1_000_000)] = 4096
    """The most requests a worker has in flight, however quick they are. Below it the limit follows latency and the
    event loop's lag by itself; a stream counts until its head is out."""

    max_queued: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    """Requests of a worker that may wait to be admitted; beyond that the oldest of the lowest priority is turned away.
    It is memory for each of them."""

    max_queue_wait: Annotated[Duration, Meta(ge=0.001, le=HOUR)] = 0.5
    """How long a request may wait to be admitted in a burst; under lasting pressure a twenty-fifth of it, or eight
    services. Take what your clients are willing to wait, less the time an answer takes."""

    threads: Annotated[int, Meta(ge=1, le=1024)] = 32
    """Threads of a worker for plain `def` handlers. Each one busy holds a request; more of them than the
    database has connections only moves the queue."""

    processes: Annotated[int, Meta(ge=1, le=1024)] = 2
    """Processes of a worker for `run="process"` and `app.cpu`, each started when it is first needed. Workers and their
    processes share the machine's cores."""

    max_pool_waiting: Annotated[int, Meta(ge=0, le=1_000_000)] = 256
    """Calls that may wait for a thread, and as many for a process; those beyond are answered 503."""

    blocked_after: Annotated[Duration, Meta(ge=0, le=HOUR)] = 0.1
    """How long one call may hold the event loop before its route and stack are logged, at most once in ten seconds; 0
    does not watch."""

    start_timeout: Annotated[Duration, Meta(ge=0.1, le=HOUR)] = 60.0
    """How long a new worker may take until it is ready, lifespans included; then it is killed, and a reload keeps the
    old one."""

    check_interval: Annotated[Duration, Meta(ge=0.05, le=HOUR)] = 5.0
    """How often a worker runs the app's readiness checks; /readyz answers with the last outcome, and never waits for
    one."""

    check_timeout: Annotated[Duration, Meta(ge=0.01, le=HOUR)] = 2.0
    """How long a readiness check may take before it counts as failed."""

    heartbeat_timeout: Annotated[Duration, Meta(ge=1, le=HOUR)] = 30.0
    """How long a worker may show no sign of life; then its stacks are logged and it is replaced. The sign comes from a
    thread of its own, so a busy loop does not count: only a process that is stopped, or code that never lets go of
    the interpreter's lock."""

    recycle_requests: Annotated[int, Meta(ge=0, le=10**12)] = 0
    """Requests after which a worker is replaced by a new one, plus up to a fifth so that workers never go together; 0
    is never. Against leaks that cannot be mended."""

    recycle_age: Annotated[Duration, Meta(ge=0, le=8784 * HOUR)] = 0.0
    """Age at which a worker is replaced, plus up to a fifth; 0 is never."""

    recycle_rss: Annotated[Size, Meta(ge=0, le=TiB)] = 0
    """Resident memory over which a worker is replaced; 0 is never. Set it well below the container's limit divided by
    the workers, for the new one runs beside the old."""

    recycle_loop_lag: Annotated[Duration, Meta(ge=0, le=HOUR)] = 0.0
    """Lag of the event loop over which, if it lasts ten seconds, a worker is replaced; 0 is never. Where the load is
    what makes the loop late a new worker is no faster."""

    drain_delay: Annotated[Duration, Meta(ge=0, le=HOUR)] = 0.0
    """How long to go on serving after SIGTERM, with /readyz already failing, so that balancers notice before a
    connection is refused. 5 to 10 seconds in Kubernetes."""

    drain_timeout: Annotated[Duration, Meta(ge=0, le=HOUR)] = 30.0
    """How long running requests may take to finish once a worker drains. Keep it, with drain_delay, below the time the
    platform waits before it kills (30s in Kubernetes unless terminationGracePeriodSeconds says otherwise)."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is logged."""

    log_format: Literal["console", "json"] = "console"
    """The form of log lines: for people, or one JSON object a line for a collector."""

    access_log: bool = False
    """Log a line for each request: method, path, status, bytes, duration, client, request id and trace id; neither
    query nor header fields, which may hold secrets."""

    access_log_sample: Annotated[float, Meta(ge=0, le=1, extra={"unit": "ratio"})] = 1.0
    """The share of requests that access_log logs, from 0 to 1; those answered with a 5xx are always logged."""

    request_ids: bool = False
    """Send X-Request-Id with every response, the caller's own if it sent a sane one; a 5xx has it in any case,
    but for the one that admission answers."""

    traces: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    """The URL of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`: spans of requests, of their
    statements and of the calls they make are sent to its `/v1/traces`. Needs the `tracing` extra."""

    traces_sampled: Annotated[float, Meta(ge=0, le=1, extra={"unit": "ratio"})] = 0.05
    """The share of traces beginning here that are recorded, from 0 to 1. Of one that a caller has begun, whether it is
    recorded is the caller's word. It is some 50 µs for each that is, and 1 for each that is not."""

    max_series: Annotated[int, Meta(ge=16, le=65_536)] = 512
    """Routes that metrics tell apart, each with its method; those beyond are counted as one. It is 0.7 KiB of memory a
    worker for each route in use."""

    limit_clients: Annotated[int, Meta(ge=8, le=100_000_000)] = 65_536
    """Clients that rate limits on the board remember at one time, all limits together; beyond that the one whose quota
    is back first is forgotten, and begins anew. It is 32 bytes of memory for each in use."""

    limit_store_timeout: Annotated[Duration, Meta(ge=0.001, le=60)] = 0.05
    """How long a rate limit waits for its store; then the limit's `fail` holds. Raise it for one that is far away."""

    cache_memory: Annotated[Size, Meta(ge=0, le=TiB)] = 64 * MiB
    """Memory of a worker for what is cached; it is taken as it is used. What is asked for most stays."""

    cache_machine: Annotated[Size, Meta(ge=MiB, le=TiB)] = 256 * MiB
    """Memory, or disk, that all workers of the machine share for what is cached."""

    cache_directory: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    """Where the machine's cache is. Not set, it is in shared memory (/dev/shm) where that has room, else in the
    temporary directory, and ends with the server."""

    cache_store_timeout: Annotated[Duration, Meta(ge=0.001, le=60)] = 0.05
    """How long a call to `cache_store` may take; later, it counts as a miss."""

    cache_max_entry: Annotated[Size, Meta(ge=0, le=GiB)] = MiB
    """The largest body that a cache keeps; a larger one is passed on as it comes."""

    cache_store: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    """The URL of a Redis, Valkey or Memcached in which machines share what they cache: `redis://cache:6379/0`. By Redis
    and Valkey invalidations reach all machines as well."""

    repeated_statements: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    """Times that one request may ask a database the same, one after the other, before that is counted as N+1; with
    `reload`, which is for development, the first of each route is logged as well."""

    docs: bool = True
    """Serve the API's reference at /docs and its description at /openapi.json. Turn it off for a private
    API."""

    def __post_init__(self) -> None:
        for name, setting in SETTINGS.items():
            setting.check(getattr(self, name))


SETTINGS = settings_of(Settings)
"""What is declared above, by name, in that order."""
