"""A request that notes what is read of it: what an answer was made from, its key has to hold.

A header that a handler reflects and that is not part of the key poisons the cache: whoever misses first decides what
all others get. Lists of dangerous headers are never complete, so nothing is listed here. The handler gets a request
that notes each field it looks at, present or not, and the answer varies by these. What says who is asking (credentials,
the address, what a policy found out about the caller) is nothing to vary by: an answer made from it is not shared.
"""

from collections.abc import Iterable, Iterator
from time import monotonic_ns
from typing import Any

from msgspec import field

from stanchion.http.conditional import CONDITIONS
from stanchion.http.request import Request

CREDENTIALS = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"x-api-key"))
"""Fields that say who is asking."""
ADDRESS = b"(address)"
"""Noted for the client's address."""
STATE = b"(state)"
"""Noted for what policies have left in `request.state`."""
EVERYTHING = b"*"
"""Noted when the fields were gone through, as for a copy."""
_CALLER = CREDENTIALS | {ADDRESS, STATE, EVERYTHING}

_HIDDEN = CONDITIONS | {b"cache-control", b"pragma", b"range", b"x-request-id"}
"""Of one client's copy or of one request, not of the answer: a handler does not see them."""
_KEYED = frozenset((b"host", b"grpc-timeout", b"x-request-timeout", b"traceparent", b"tracestate"))
"""Part of every key, or without a say in what is answered."""


class WatchedFields(dict[bytes, bytes]):
    """A request's fields."""

    __slots__ = ("_read",)

    def __init__(self, fields: Iterable[tuple[bytes, bytes]], read: set[bytes]) -> None:
        super().__init__(fields)
        self._read = read

    def __getitem__(self, name: bytes) -> bytes:
        self._read.add(name)
        return super().__getitem__(name)

    def get(self, name: bytes, default: Any = None) -> Any:
        self._read.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        if isinstance(name, bytes):
            self._read.add(name)
        return super().__contains__(name)

    def __iter__(self) -> Iterator[bytes]:
        self._read.add(EVERYTHING)
        return super().__iter__()

    def keys(self) -> Any:
        self._read.add(EVERYTHING)
        return super().keys()

    def values(self) -> Any:
        self._read.add(EVERYTHING)
        return super().values()

    def items(self) -> Any:
        self._read.add(EVERYTHING)
        return super().items()

    def copy(self) -> dict[bytes, bytes]:
        self._read.add(EVERYTHING)
        return super().copy()


class WatchedState(dict[str, Any]):
    """What policies outside the cache have left for the handler; what is put in from here on may be read freely."""

    __slots__ = ("_own", "_read")

    def __init__(self, state: dict[str, Any], read: set[bytes]) -> None:
        super().__init__(state)
        self._read = read
        self._own: set[str] = set()

    def _note(self, name: object) -> None:
        if name not in self._own:
            self._read.add(STATE)

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._read.add(STATE)
        return super().__iter__()

    def __setitem__(self, name: str, value: Any) -> None:
        self._own.add(name)
        super().__setitem__(name, value)


class WatchedRequest(Request):
    """A request for an answer that many may get: always a GET, as a new client would send it."""

    read: set[bytes] = field(default_factory=set)
    """What was looked at: names of fields, `ADDRESS`, `STATE`, `EVERYTHING`."""

    @property
    def client(self) -> tuple[str, int] | None:
        """See `Request`."""
        self.read.add(ADDRESS)
        return self.peer.client

    @property
    def client_ip(self) -> str | None:
        """See `Request`."""
        self.read.add(ADDRESS)
        return Request.client_ip.fget(self)  # type: ignore[attr-defined,no-any-return]


def watched(request: Request) -> WatchedRequest:
    """The request as the handler gets it. Its time begins now: it may be made behind an answer that is out already."""
    read: set[bytes] = set()
    fields = ((name, value) for name, value in request.fields.items() if name not in _HIDDEN)
    memo: dict[str, Any] = {"state": WatchedState(request.state, read)}
    request.pass_trace(memo)
    if b"x-request-id" not in request.fields:  # a caller's own must not get into what others are answered
        memo["id"] = request.id
    return WatchedRequest(
        "GET",
        request.path,
        request.query_string,
        WatchedFields(fields, read),
        request.peer,
        request.path_args,
        request.path_names,
        request.app,
        None,
        monotonic_ns(),
        None,
        memo,
        read,
    )


def selecting(request: WatchedRequest, declared: frozenset[bytes], *, by_user: bool) -> frozenset[bytes] | None:
    """The fields that the answer to this request varies by, besides those `declared`; None where nobody else may get
    it. With `by_user` the authenticated caller is part of the key."""
    read = request.read - _KEYED - declared
    if by_user:
        read -= CREDENTIALS | {STATE}
    return None if read & _CALLER else frozenset(read)
