"""Asking an origin whether a stored response still holds, and what its answer changes (RFC 9111 §4.3)."""

from msgspec.structs import replace

from stanchion.cache.entry import Field, Stored
from stanchion.cache.rules import storing, variants
from stanchion.cache.rules.storing import Fields
from stanchion.cache.rules.terms import of_received, terms

_OF_THE_BODY = (b"content-encoding", b"content-range")
"""What the stored body is in: a validation without a body cannot change it (§3.2)."""


def conditional(stored: Stored) -> dict[bytes, bytes]:
    """The fields that make a request conditional on the stored validators (§4.3.1), as they were received.

    Empty where there are none. They replace the client's If-None-Match, If-Modified-Since, Range and If-Range.
    """
    own = terms(stored)
    fields: dict[bytes, bytes] = {}
    if own.etag is not None:
        fields[b"if-none-match"] = own.etag
    if own.modified is not None and own.last_modified is not None:
        fields[b"if-modified-since"] = own.last_modified
    return fields


def confirms(stored: Stored, fields: Fields) -> bool:
    """Whether a 304 with `fields` is for the stored response (§4.3.4): validators that it has are the stored ones, and
    Vary names no field whose value was not kept. Where it is not, the stored response has to be fetched anew."""
    fresh = dict(fields)
    vary = variants.names(fields)
    known = {name for name, _ in stored.selecting}
    return vary is not None and known.issuperset(vary) and _matches(stored, fresh)


def refreshed(stored: Stored, fields: Fields, *, requested: float, received: float) -> Stored:
    """The stored response after a 304 that `confirms` it (§3.2, §4.3.4): the fields of the 304 replace those of the
    same name, but for those of the connection, Set-Cookie, Content-Length, and what the body is in; its age is new.

    Whether it may stay stored is asked anew (`storing.may_store`).
    """
    own = of_received(fields, received)
    kept = storing.storable(fields, own, received)
    fresh = {name for name, _ in kept} - {*_OF_THE_BODY}
    merged: list[Field] = [field for field in stored.fields if field[0] not in fresh]
    merged += [field for field in kept if field[0] in fresh]
    return replace(
        stored,
        fields=storing.storable(merged, of_received(merged, received), received),
        requested=storing.born(fields, own, requested),
        received=received,
    )


def head_update(stored: Stored, fields: Fields, *, requested: float, received: float) -> Stored | None:
    """The stored response after a 200 to a HEAD (§4.3.5): refreshed where validators and Content-Length are the same;
    None where they are not, which makes the stored one invalid."""
    fresh = dict(fields)
    length = fresh.get(b"content-length")
    if length is not None and length != b"%d" % len(stored.body):
        return None
    if not confirms(stored, fields):
        return None
    return refreshed(stored, fields, requested=requested, received=received)


def _matches(stored: Stored, fresh: dict[bytes, bytes]) -> bool:
    own = terms(stored)
    etag, modified = fresh.get(b"etag"), fresh.get(b"last-modified")
    if etag is not None:  # the tag decides; weak comparison, as a 304 may carry W/ for what was strong
        return own.etag is not None and etag.removeprefix(b"W/") == own.etag.removeprefix(b"W/")
    return modified is None or own.last_modified is None or modified == own.last_modified
