"""From an entry to the response for one request."""

from collections.abc import Mapping
from copy import copy
from time import time

from stanchion.cache.kept import Form, Kept, split
from stanchion.cache.rules import serving
from stanchion.cache.rules.status import Handling, cache_status
from stanchion.cache.rules.terms import terms
from stanchion.http.hit import Hit
from stanchion.http.response import ANSWERED, Response
from stanchion.http.sendable import body_bytes

HIT = cache_status(Handling(hit=True))


def answer(method: str, asked: Mapping[bytes, bytes], kept: Kept, status: str) -> Response:
    """The answer by an entry: whole, a part, or not modified; `status` is the value of Cache-Status.

    What has content is a `Hit`, for this one alone: it is in the coding it is to be in.
    """
    form = _form(asked, kept)
    made = serving.answer(method, asked, form.stored, time())
    media_type, date, fields = split(made.fields)
    kind = Response if made.status == 304 else Hit
    return kind(made.body, made.status, media_type, {"Cache-Status": status}, None, fields=fields, date=date)


def _form(asked: Mapping[bytes, bytes], kept: Kept) -> Form:
    """The form for this client, or the one without a coding where that is what it has and asks about."""
    form = kept.form(asked.get(b"accept-encoding"))
    known = asked.get(b"if-none-match")
    plain = kept.form(None)
    if known is not None and form is not plain:
        tag = terms(plain.stored).etag
        if tag is not None and tag in known:
            return plain
    return form


def body_of(response: Response) -> bytes:
    """The body as bytes; fills in the media type."""
    return response.body if type(response.body) is bytes else body_bytes(response)


def marked(response: Response, status: str, cache_control: str | None = None) -> Response:
    """A response that is passed on, with what the cache did; the handler may keep its own for good."""
    if response is ANSWERED or response.status < 200:
        return response
    passed = copy(response)
    passed.headers = {**(response.headers or {}), "Cache-Status": status}
    if cache_control is not None:
        passed.set_header("Cache-Control", cache_control)
    return passed
