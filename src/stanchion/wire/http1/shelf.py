"""The cache's hits at hand: whole responses by target, written before a request is even made.

A gate's hit costs a request object, a route, a context and the look-up; what many ask for in one second is the same
bytes for all of them, but for what their Accept-Encoding says. So a hit that depends on nothing else is kept here for
as long as the cache vouches for it: asked at every use whether it has become invalid, and once a second whether it is
still there, when Age and Date change too. The cache stays the judge; this is bounded, and may forget at any time.
"""

from copy import copy
from time import time

from stanchion.http.conditional import CONDITIONS
from stanchion.http.hit import Hit
from stanchion.http.request import Request
from stanchion.wire.http1.encode import extra_fields, prefix_of

Fields = dict[bytes, bytes]

_DECIDING = CONDITIONS | {b"authorization", b"cache-control", b"content-length", b"pragma", b"range", b"te"}
"""Fields with which a request is not for here: the cache has to look at them."""
_LARGEST = 16 * 1024
"""Bytes of a body: each variant is kept joined with its head, and copying more costs more than the rest."""
_VARIANTS = 8
"""Accept-Encodings of a target. Browsers, crawlers and libraries of one release send the same."""
_MOST = 1024
"""Targets; the one that came first makes room, and comes back with its next hit."""


def plain(fields: Fields) -> bool:
    """Whether a request with these fields may be answered from a shelf."""
    return fields.keys().isdisjoint(_DECIDING)


class Shelved:
    """What is kept of one target."""

    __slots__ = ("_date", "_heads", "_hit", "_host", "_made", "_taken", "base", "status")

    def __init__(self, base: int, host: bytes | None, hit: Hit) -> None:
        """`base` is where the route's metrics are."""
        self.base = base
        self.status = hit.status
        self._host = host
        self._hit = hit
        self._heads: dict[bytes | None, tuple[bytes, bytes]] = {}
        self._made: dict[bytes | None, bytes] = {}  # of this second
        self._date = b""
        self._taken = 0

    def __repr__(self) -> str:
        return f"<Shelved {self._hit!r}: {len(self._heads)} variants>"

    def answers(self, hit: Hit, host: bytes | None) -> bool:
        """Whether what is kept here is of the same response as `hit`."""
        return hit.born == self._hit.born and hit.until == self._hit.until and host == self._host

    def add(self, coding: bytes | None, hit: Hit) -> None:
        """Keep the variant for an Accept-Encoding, which is None where there was none."""
        if coding in self._heads or len(self._heads) < _VARIANTS:
            bare = copy(hit)
            bare.headers = {name: value for name, value in (hit.headers or {}).items() if name.lower() != "age"}
            bare.fields = [field for field in hit.fields or () if field[0].lower() != b"age"]
            head = b"%b\r\ncontent-length: %d%b\r\nage: " % (
                prefix_of(hit.status, hit.media_type),
                len(hit.body),
                extra_fields(bare),
            )
            self._heads[coding] = head, hit.body
            self._made.pop(coding, None)

    def find(self, fields: Fields, now: int, date: bytes) -> bytes | None:
        """The response to a request with these fields, `now` in nanoseconds; None where the cache has to be asked."""
        hit = self._hit
        if now >= hit.until or fields.get(b"host") != self._host or not hit.valid():
            return None
        if date is not self._date:
            self._made.clear()
            if not hit.touch():
                return None
            self._date = date
        coding = fields.get(b"accept-encoding")
        made = self._made.get(coding) or self._join(coding, date)
        if made is not None:
            self._taken += 1
        return made

    def _join(self, coding: bytes | None, date: bytes) -> bytes | None:
        variant = self._heads.get(coding)
        if variant is None:
            return None
        head, body = variant
        hit = self._hit
        age = b"%d" % max(0, int(time() - hit.born))
        tail = date if hit.date is None else b"\r\ndate: %b\r\n\r\n" % hit.date
        made = self._made[coding] = b"".join((head, age, tail, body))
        return made

    def tell(self) -> None:
        """Let the cache know how many requests were answered from here since the last time."""
        if self._taken:
            self._hit.count(self._taken)
            self._taken = 0


class Shelf(dict[str, Shelved]):
    """Raw targets to what is kept of them; one a worker."""

    def put(self, request: Request, base: int, hit: Hit) -> None:
        """Keep a hit if it is one to keep; `base` is where its route's metrics are."""
        if (
            base < 0
            or not hit.plain
            or request.method != "GET"
            or len(hit.body) > _LARGEST
            or not plain(request.fields)
        ):
            return
        target = f"{request.path}?{request.query_string}" if request.query_string else request.path
        host = request.fields.get(b"host")
        shelved = self.get(target)
        if shelved is None or not shelved.answers(hit, host):
            if shelved is not None:
                shelved.tell()
            elif len(self) >= _MOST:
                self.pop(next(iter(self))).tell()
            shelved = self[target] = Shelved(base, host, hit)
        shelved.add(request.fields.get(b"accept-encoding"), hit)

    def tell(self) -> None:
        """Let the cache know what was taken; once a second, and at the end."""
        for shelved in self.values():
            shelved.tell()
