"""Which series is which: method and route to an index that is the same in every process.

A table made at start would be simpler, but a reload brings new routes, and the routes of a mounted ASGI app are known
only once they are asked for. So names are appended as they come, under a lock, and never change. A name is written
before the count that makes it one is raised: whoever is killed in between leaves bytes that nobody reads and the next
one overwrites.
"""

from collections.abc import Iterable

from stanchion.board.layout import NAME, NAMED, OTHER, RESERVED
from stanchion.board.locks import RecordLocks

_METHOD = 15
_ROUTE = NAME - 2 - _METHOD
_ELLIPSIS = "…".encode()


class SeriesRegistry:
    """The names of a board's series, each known by its index; a second one has those of its tallies, kind and name.

    An unknown name costs 3.7 µs, a known one 0.7: keep the index. A method longer than 15 bytes or a route longer
    than 239 is cut and ends in an ellipsis; routes that are equal up to there share a series.
    """

    def __init__(self, header: memoryview, names: memoryview, locks: RecordLocks, named: int = NAMED) -> None:
        """`header` are the board's first cells, `names` the bytes of the names' section, `named` the cell of the header
        that counts them."""
        self._named = named
        self._header = header
        self._bytes = names
        self._locks = locks
        self._capacity = len(names) // NAME
        self._known: dict[bytes, int] = {}
        self._names: list[tuple[str, str]] = []

    def __len__(self) -> int:
        """Names there are, the reserved ones among them."""
        return self._header[self._named]

    def __repr__(self) -> str:
        return f"<SeriesRegistry {len(self)} of {self._capacity}>"

    def reserve(self, names: Iterable[str] = RESERVED) -> None:
        """Name what is reserved, first of all that with the index OTHER; for the process that makes the board."""
        for route in names:
            self.intern("", route)

    def intern(self, method: str, route: str) -> int:
        """The index of a name, appended if it is new; that of "(other)" once the board is full."""
        packed = _packed(method, route)
        index = self._known.get(packed)
        if index is not None:
            return index
        if len(self._names) == self._capacity:  # all names are known, and there will be no other
            return OTHER
        self._locks.acquire(self._named)
        try:
            return self._appended(packed)
        finally:
            self._locks.release()

    def names(self) -> list[tuple[str, str]]:
        """Method and route of every series, by index."""
        self._locks.acquire(self._named)  # orders this process's reads after the writer's stores
        try:
            self._catch_up()
            return self._names.copy()
        finally:
            self._locks.release()

    def _appended(self, packed: bytes) -> int:
        self._catch_up()
        index = self._known.get(packed)
        if index is not None:
            return index
        index = len(self._names)
        if index == self._capacity:
            return OTHER
        self._bytes[index * NAME : (index + 1) * NAME] = packed
        self._header[self._named] = index + 1
        self._catch_up()
        return index

    def _catch_up(self) -> None:
        for index in range(len(self._names), self._header[self._named]):
            packed = bytes(self._bytes[index * NAME : (index + 1) * NAME])
            self._names.append(_unpacked(packed))
            self._known[packed] = index


def _packed(method: str, route: str) -> bytes:
    name = _prefixed(method, _METHOD).ljust(1 + _METHOD, b"\0") + _prefixed(route, _ROUTE)
    return name.ljust(NAME, b"\0")


def _unpacked(packed: bytes) -> tuple[str, str]:
    method, route = packed[: 1 + _METHOD], packed[1 + _METHOD :]
    return method[1 : 1 + method[0]].decode(), route[1 : 1 + route[0]].decode()


def _prefixed(text: str, most: int) -> bytes:
    raw = text.encode("utf-8", "backslashreplace")
    if len(raw) > most:
        whole = raw[: most - len(_ELLIPSIS)].decode("utf-8", "ignore")  # no half character
        raw = whole.encode() + _ELLIPSIS
    return bytes((len(raw),)) + raw
