"""A response, and what it becomes for a client that takes a coding.

Nothing here changes the response it is given: a handler may keep one for good.
"""

from collections.abc import Collection, Mapping
from copy import copy

from stanchion.http.coding import CODINGS, MIN_SIZE, Encoder, accepted, compresses, encode, vary
from stanchion.http.codings.streams import OFF_LOOP, CodedBody, CodedStream
from stanchion.http.codings.tags import coded_tag, plain_tags
from stanchion.http.files import File
from stanchion.http.hit import Hit
from stanchion.http.request import Request
from stanchion.http.response import ANSWERED, Response, Stream
from stanchion.http.sendable import body_bytes

_AS_THEY_ARE = frozenset((101, 204, 205, 206))
"""Statuses without content, and the one whose content is a part."""
_FIXED = frozenset(
    ("content-digest", "content-encoding", "content-md5", "content-range", "digest", "repr-digest", "transfer-encoding")
)
"""With one of these fields the body's bytes are settled."""
_ACCEPTED = b"accept-encoding"


class Coder:
    """Puts responses into codings."""

    def __init__(
        self, min_size: int = MIN_SIZE, types: Collection[str] = (), levels: Mapping[str, int] | None = None
    ) -> None:
        """`types` are further media types that compress; `levels` those of codings that differ from `LIVE`."""
        self._min_size = min_size
        self._types = frozenset(types)
        self._levels = dict(levels or {})

    def __repr__(self) -> str:
        return f"<Coder {', '.join(CODINGS)} from {self._min_size} bytes>"

    def ask(self, request: Request) -> bytes:
        """Have the request's conditions name the tags that the handler knows; returns its own If-None-Match.

        An If-Match is about what is changed, which has one state in whatever coding it was read. An If-None-Match is
        about what would be sent, so a tag in another coding than that matches nothing.
        """
        fields = request.fields
        known = fields.get(b"if-none-match", b"")
        changed = {}
        if known and (coding := accepted(fields.get(_ACCEPTED))) is not None:
            changed[b"if-none-match"] = plain_tags(known, (coding,))
        if b"if-match" in fields:
            changed[b"if-match"] = plain_tags(fields[b"if-match"], CODINGS)
        if changed:
            request.fields = {**fields, **changed}
        return known

    def answer(self, request: Request, response: Response, known: bytes = b"") -> Response:
        """The response for this client; `known` is what `ask` returned."""
        if response.status in _AS_THEY_ARE or isinstance(response, (Hit, File)) or response is ANSWERED:
            return response
        if response.status == 304:
            return _unchanged(request, response, known)
        if type(response.body) is str:
            response = copy(response)
            response.body = body_bytes(response)
        if not self._compresses(response.media_type) or _size(request, response) < self._min_size:
            return response
        told = _told(response)
        if not _FIXED.isdisjoint(told) or "no-transform" in told.get("cache-control", "").lower():
            return response
        varying = vary(told.get("vary"))
        coding = None if b"no-transform" in request.fields.get(b"cache-control", b"") else _accepted(request)
        coded = None if coding is None else self._coded(request, response, coding)
        if coded is None or coding is None:
            return _with(response, {"Vary": varying})
        changes = {"Content-Encoding": coding, "Vary": varying, "Accept-Ranges": None, "Content-Length": None}
        if "etag" in told:
            changes["ETag"] = coded_tag(told["etag"], coding)
        return _with(coded, changes)

    def _compresses(self, media_type: str | None) -> bool:
        if compresses(media_type):
            return True
        return bool(self._types) and (media_type or "").partition(";")[0].strip().lower() in self._types

    def _coded(self, request: Request, response: Response, coding: str) -> Response | None:
        """A copy with its body in the coding; None where that would be no smaller."""
        level = self._levels.get(coding)
        if isinstance(response, Stream):
            coded: Response = CodedStream(response.body, encoder=Encoder(coding, level), source=response)
        elif len(response.body) >= OFF_LOOP:
            coded = CodedBody(bytes(response.body), encoder=Encoder(coding, level))
        else:
            coded = copy(response)
            if not _head_of_elsewhere(request, response):
                coded.body = encode(coding, bytes(response.body), level)
                return coded if len(coded.body) < len(response.body) else None
            return coded
        for name in ("status", "media_type", "headers", "more_headers", "fields", "date"):
            setattr(coded, name, getattr(response, name))
        return coded


def _accepted(request: Request) -> str | None:
    return accepted(request.fields.get(_ACCEPTED))


def _unchanged(request: Request, response: Response, known: bytes) -> Response:
    """A 304 with the tag that the client has, and with Vary if that one is in a coding."""
    coding = _accepted(request)
    told = _told(response)
    if coding is None or "etag" not in told:
        return response
    tag = coded_tag(told["etag"], coding)
    if tag == told["etag"] or tag.encode("latin-1") not in known:
        return response
    return _with(response, {"ETag": tag, "Vary": vary(told.get("vary"))})


def _size(request: Request, response: Response) -> float:
    """Bytes of the content of a GET; infinite where they are yet to be made."""
    if isinstance(response, Stream):
        return float("inf") if response.length is None else response.length
    if _head_of_elsewhere(request, response):
        length = _told(response).get("content-length", "")
        return int(length) if length.isdecimal() else float("inf")
    return len(response.body)


def _head_of_elsewhere(request: Request, response: Response) -> bool:
    """Whether it is an upstream's answer to a HEAD, which has the fields of a GET's and no content."""
    return request.method == "HEAD" and response.fields is not None and not response.body


def _told(response: Response) -> dict[str, str]:
    """The response's fields by lower-case name; those that repeat joined."""
    if response.headers is None and response.more_headers is None and response.fields is None:
        return {}
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.fields or ()]
    pairs += [*(response.headers or {}).items(), *(response.more_headers or ())]
    told: dict[str, str] = {}
    for name, value in pairs:
        lower = name.lower()
        told[lower] = f"{told[lower]}, {value}" if lower in told else value
    return told


def _with(response: Response, changes: Mapping[str, str | None]) -> Response:
    """A copy in which these fields have these values, and no others; None leaves one out."""
    names = {name.lower() for name in changes}
    raw = {name.encode() for name in names}
    changed = copy(response)
    kept = {name: value for name, value in (response.headers or {}).items() if name.lower() not in names}
    changed.headers = {**kept, **{name: value for name, value in changes.items() if value is not None}}
    if response.more_headers is not None:
        changed.more_headers = [field for field in response.more_headers if field[0].lower() not in names]
    if response.fields is not None:
        changed.fields = [field for field in response.fields if field[0].lower() not in raw]
    return changed
