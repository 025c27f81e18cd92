"""Asking the origin, and making an entry of what it answers."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial
from time import time

from msgspec import Struct
from msgspec.structs import replace

from stanchion import deadline
from stanchion.cache.answering import body_of
from stanchion.cache.declaration import Declaration
from stanchion.cache.declaring import Declaring, Made
from stanchion.cache.entry import Field, Stored
from stanchion.cache.filling import Filling
from stanchion.cache.kept import Kept
from stanchion.cache.keys import tag_of
from stanchion.cache.rules import storing, validation, variants
from stanchion.cache.tagging import Tagging
from stanchion.cache.watched import WatchedRequest, selecting, watched
from stanchion.errors import GatewayTimeout
from stanchion.http.coding import CODINGS, STORED, compressible, encode
from stanchion.http.conditional import CONDITIONS
from stanchion.http.files import File
from stanchion.http.request import Request
from stanchion.http.response import ANSWERED, Response, Stream
from stanchion.http.sendable import raw_fields

_log = logging.getLogger("stanchion.cache")

_FILL = 60.0
"""Seconds in which a streamed body has to be there to be kept."""
_OFF_LOOP = 16 * 1024
"""Bytes from which codings are made in a thread: all three of 16 KiB take 1 ms."""
_OF_THE_CLIENT = CONDITIONS | {b"range"}
"""About the client's copy: an upstream is asked for the whole."""


class Asked(Struct, frozen=True, eq=False):
    """A call of the origin that is about to be made."""

    key: str
    request: Request
    sent: Request
    """As the origin gets it."""
    tagging: Tagging
    requested: float


class Fetched(Struct, eq=False):
    """What came of a call of the origin: an entry for all, or a response for who asked."""

    kept: Kept | None = None
    response: Response | None = None
    shared: Callable[[], Kept] | None = None
    """Beside a response: makes the same for those who wait, where it is for them too, and kept nowhere."""
    own: Response | None = None
    """Beside an entry: what has fields that are for who asked alone, such as Set-Cookie."""
    filling: "asyncio.Task[Kept | None] | None" = None
    """Where the response is a stream that may become an entry."""
    found: bool = False
    """The entry is another's, which was there by the time it was our turn to ask."""
    confirmed: bool = False
    """The origin said that the entry is still good."""

    async def whole(self) -> Kept | None:
        """What others get: the entry, once the body is there, or what is shared; None where there is neither.

        Raises:
            GatewayTimeout: it is not there by the deadline of who waits.
        """
        if self.filling is not None:
            done, _ = await asyncio.wait({self.filling}, timeout=deadline.remaining())
            if not done:
                raise GatewayTimeout("the cached answer was not there in time")
            self.kept = None if self.filling.cancelled() else self.filling.result()
        if self.kept is None and self.shared is not None:
            self.kept = self.shared()
        return self.kept


class Origin:
    """The handler behind one declaration."""

    def __init__(self, declaration: Declaration) -> None:
        self._foreign = declaration.foreign
        self._caches = declaration.caches
        self._layers = declaration.layers
        self._options = declaration.options
        self._call = declaration.call
        self._declaring = Declaring(declaration.options) if declaration.governs else None
        self._varies = declaration.varies
        self._most = declaration.caches.settings.cache_max_entry
        self.fillings: dict[bytes, asyncio.Task[Kept | None]] = {}
        """Bodies on their way into the cache, by the entry's place."""

    def __repr__(self) -> str:
        return f"<Origin {self._call!r}, {len(self.fillings)} bodies under way>"

    async def ask(self, key: str, request: Request, kept: Kept | None = None) -> Fetched:
        """Have the origin answer, and keep what may be kept; `kept` is an entry that it may confirm."""
        if kept is not None and not self._foreign:
            kept = None  # a handler makes its answer anew, which takes it no longer than to compare
        tagging = Tagging(self._options.tags, request, self._caches.tags, self._caches.generations)
        asked = Asked(key, request, self._sent(request, kept), tagging, time())
        response = await self._call(asked.sent)
        if kept is not None and response.status == 304:
            return await self._confirmed(asked, response, kept)
        return await self._taken(asked, response, time())

    def _sent(self, request: Request, kept: Kept | None) -> Request:
        if not self._foreign:
            return watched(request)
        sent = copy(request)
        fields = {name: value for name, value in request.fields.items() if name not in _OF_THE_CLIENT}
        sent.fields = fields if kept is None else fields | validation.conditional(kept.stored)
        return sent

    async def _confirmed(self, asked: Asked, response: Response, kept: Kept) -> Fetched:
        fields, now = raw_fields(response), time()
        if not validation.confirms(kept.stored, fields):
            return await self.ask(asked.key, asked.request)
        told = self._surrogate_fields(asked, response)  # ours, not the origin's: `_put` adds them anew
        known = replace(kept.stored, fields=tuple(field for field in kept.stored.fields if field not in told))
        stored = validation.refreshed(known, fields, requested=asked.requested, received=now)
        if not storing.may_store("GET", asked.request.fields, stored.status, stored.fields):
            await self._caches.invalidate(tag_of(asked.request))
            return Fetched(kept=self._layers.kept(stored), confirmed=True)
        return Fetched(kept=self._put(asked, stored, response), confirmed=True)

    async def _taken(self, asked: Asked, response: Response, received: float) -> Fetched:
        """Keep the response if it may be kept and its body is there, or will be."""
        read = self._read(asked.sent)
        if read is None or isinstance(response, File) or response is ANSWERED or response.status < 200:
            return Fetched(response=response)
        if isinstance(response, Stream):
            return self._streamed(asked, response, read, received)
        body = body_of(response)
        made = Made(response.status, raw_fields(response), body, asked.requested, received)
        if len(body) > self._most:
            return Fetched(response=response)
        stored = self._stored(asked, made, read)
        if stored is None:
            return Fetched(response=response, shared=self._shared(asked, made, read))
        own = response if storing.for_one(made.fields) else None
        return Fetched(kept=self._put(asked, await self._with_encodings(stored), response), own=own)

    def _read(self, sent: Request) -> frozenset[bytes] | None:
        """The fields that the handler has looked at; None where its answer is for nobody else."""
        if not isinstance(sent, WatchedRequest):
            return frozenset()
        return selecting(sent, self._varies, by_user=self._options.by == "user")

    def _stored(self, asked: Asked, made: Made, read: frozenset[bytes]) -> Stored | None:
        if self._declaring is not None:
            kept = self._declaring.keeps(made.status, made.fields)
            return self._declaring.stored(asked.request, made, read) if kept else None
        fields = _varying(made.fields, read | self._varies)
        if not storing.may_store("GET", asked.request.fields, made.status, fields):
            return None
        times = {"requested": made.requested, "received": made.received}
        return storing.stored(asked.request.fields, made.status, fields, made.body, **times)

    def _shared(self, asked: Asked, made: Made, read: frozenset[bytes]) -> Callable[[], Kept] | None:
        """A function of the app that gives tags is for answers that are kept: without tags nothing is shared."""
        declaring = self._declaring
        if declaring is None or asked.tagging.fixed is None or not declaring.shares(made.fields):
            return None
        stamp = asked.tagging.fixed

        def share() -> Kept:
            return self._layers.kept(replace(declaring.passing(asked.request, made, read), generations=stamp))

        return share

    async def _with_encodings(self, stored: Stored) -> Stored:
        """The entry with its body in the codings that make it smaller."""
        said = dict(stored.fields)
        media_type = said.get(b"content-type", b"").decode("latin-1")
        if not self._options.compress or not compressible(media_type, len(stored.body)):
            return stored
        if b"content-encoding" in said or b"no-transform" in said.get(b"cache-control", b""):
            return stored
        if len(stored.body) < _OFF_LOOP:
            encodings = _encodings(stored.body)
        else:
            encodings = await asyncio.to_thread(_encodings, stored.body)
        return replace(stored, encodings=encodings)

    def _put(self, asked: Asked, stored: Stored, response: Response) -> Kept:
        stored = replace(stored, generations=asked.tagging.stamp(response))
        stored = replace(stored, fields=(*stored.fields, *self._surrogate_fields(asked, response)))
        kept = self._layers.kept(stored)
        return self._layers.put(asked.key, asked.request.fields, kept, tagged=bool(self._options.tags))

    def _surrogate_fields(self, asked: Asked, response: Response) -> list[Field]:
        return self._caches.surrogate_fields(asked.tagging.tags(response)) if self._options.surrogate_keys else []

    def _streamed(self, asked: Asked, response: Stream, read: frozenset[bytes], received: float) -> Fetched:
        """Have the body kept while it is sent, unless it is too large, or never ends."""
        made = Made(response.status, raw_fields(response), b"", asked.requested, received)
        endless = (response.media_type or "").startswith("text/event-stream")
        if endless or (response.length or 0) > self._most or self._stored(asked, made, read) is None:
            return Fetched(response=response)
        filling = Filling(response.chunks(), self._most)
        place = self._layers.place(asked.key, asked.request.fields)
        task = asyncio.get_running_loop().create_task(self._fill(filling, asked, made, read, response))
        self.fillings[place] = task
        task.add_done_callback(partial(self._filled, place))
        passed = copy(response)
        passed.body = filling
        passed.more_headers = list(response.more_headers or ())
        for name, value in self._surrogate_fields(asked, response):
            passed.add_header(name.decode(), value.decode())
        return Fetched(response=passed, filling=task)

    def _filled(self, place: bytes, task: "asyncio.Task[Kept | None]") -> None:
        if self.fillings.get(place) is task:  # and not the one of another who has asked for himself since
            del self.fillings[place]

    async def _fill(
        self, filling: Filling, asked: Asked, made: Made, read: frozenset[bytes], response: Stream
    ) -> Kept | None:
        body = await filling.whole(_FILL)
        if body is None or (response.length is not None and len(body) != response.length):
            return None
        try:
            stored = self._stored(asked, replace(made, body=body), read)
            return None if stored is None else self._put(asked, await self._with_encodings(stored), response)
        except Exception:  # such as one of the app's function for tags: the answer is out
            _log.exception("%s %s: the streamed answer is not kept", asked.request.method, asked.request.path)
            return None


def _varying(fields: list[Field], names: Iterable[bytes]) -> list[Field]:
    """The fields with a Vary that names these too."""
    told = variants.names(fields)
    more = sorted(set(names) - set(told or ()))
    if told is None or not more:
        return fields
    return [*(field for field in fields if field[0] != b"vary"), (b"vary", b", ".join([*told, *more]))]


def _encodings(body: bytes) -> dict[str, bytes]:
    made = {coding: encode(coding, body, STORED.get(coding)) for coding in CODINGS}
    return {coding: coded for coding, coded in made.items() if len(coded) < len(body)}
