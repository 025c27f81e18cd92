"""What RFC 9112 asks of a request's head beyond what llhttp checks. Pure functions.

llhttp 9 (httptools 0.7 and later) refuses by itself: bare CR and LF, obs-fold, blanks before the colon, control
characters, repeated or malformed Content-Length, Content-Length with Transfer-Encoding, chunk-size and chunk-data
errors. It lets through what is refused here: a missing or repeated Host, `Transfer-Encoding: ,chunked`,
Transfer-Encoding in HTTP/1.0, codings other than chunked, HTTP/0.9 and HTTP/2.0 request lines, fragments in the target,
and trailers that would change the message (RFC 9110 §6.5.1).
"""

import re
from functools import lru_cache

from stanchion.errors import BadRequest, HTTPError

METHODS = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "TRACE")
}
"""Methods a route can have; any other the parser knows is answered 501."""
METHOD_NAMES = frozenset(METHODS.values())

SINGLE = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"expect", b"content-range")
)
"""Fields whose repetition makes a message ambiguous: refused rather than joined."""

FORBIDDEN_TRAILERS = SINGLE | frozenset(
    b"trailer te connection keep-alive upgrade cookie cache-control proxy-authorization content-encoding".split()
)

_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]{0,5})?"  # no comma: two joined
)


def malformed(detail: str, code: str = "malformed-request") -> BadRequest:
    """A 400 for a message that cannot be understood as HTTP."""
    return BadRequest(detail, code=code)


def split_target(method: str, target: str) -> tuple[str, str, str | None]:
    """Split a request target (RFC 9112 §3.2) into path, query and, for the absolute form, authority.

    The path stays percent-encoded: it is decoded once, a segment at a time, by the routing tree.

    Raises:
        BadRequest: the target is in none of the forms a server for origins takes.
    """
    authority = None
    if target[:1] != "/":
        if target == "*" and method == "OPTIONS":
            return "*", "", None
        scheme, colon, rest = target.partition("://")
        if not colon or scheme.lower() not in ("http", "https"):
            raise malformed("the request target is neither a path nor an http URL", "malformed-target")
        end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
        authority, target = rest[:end], rest[end:]
        if target[:1] != "/":
            target = "/" + target
        check_host(authority.encode("latin-1"))
    if "#" in target:
        raise malformed("a request target has no fragment", "malformed-target")
    path, _, query = target.partition("?")
    return path, query, authority


def no_host() -> BadRequest:
    """A request without Host (RFC 9112 §3.2)."""
    return malformed("the Host field is missing", "missing-host")


def no_method() -> HTTPError:
    """A method no route can have, CONNECT among them."""
    return HTTPError("the method is not one served here", status=501, code="method-not-implemented")


@lru_cache(1024)  # connections repeat their Host: 0.05 µs where the check takes 0.3
def check_host(host: bytes) -> None:
    """Refuse a Host that could be read in two ways (RFC 9112 §3.2, RFC 3986 §3.2.2)."""
    if _HOST.fullmatch(host) is None:
        raise malformed("the Host field is not a host name with an optional port", "malformed-host")


def check_authority(authority: bytes, fields: dict[bytes, bytes]) -> None:
    """Take the absolute form's host, which a client has to repeat in Host (RFC 9112 §3.2.2).

    Two that differ are refused, not overridden: whoever routed the message here may have gone by the other one.
    """
    if fields.setdefault(b"host", authority).lower() != authority.lower():
        raise malformed("the Host field is not the request target's", "malformed-host")


def content_length(fields: dict[bytes, bytes]) -> int:
    """The length the parser has found sound; 0 where there is none. Leading zeros may be more than int() takes."""
    return int(fields.get(b"content-length", b"").lstrip(b"0") or b"0")


def check_version(version: str) -> bool:
    """True for HTTP/1.0, False for 1.1.

    Raises:
        HTTPError: 505 for any other.
    """
    if version == "1.1":
        return False
    if version == "1.0":
        return True
    raise HTTPError(f"HTTP/{version} is not served here; use HTTP/1.1", status=505, code="http-version-not-supported")


def check_transfer_encoding(coding: bytes, http10: bool) -> None:
    """Only `chunked`, alone, in HTTP/1.1 (RFC 9112 §6.1)."""
    if http10:
        raise malformed("Transfer-Encoding has no meaning in HTTP/1.0", "malformed-framing")
    if coding.lower() == b"chunked":
        return
    if all(part.strip(b" \t").isalpha() for part in coding.split(b",")):
        raise HTTPError("the only transfer coding taken is chunked", status=501, code="transfer-coding-not-supported")
    raise malformed("the Transfer-Encoding field is malformed", "malformed-framing")


def check_expect(value: bytes) -> None:
    """`100-continue` is the only expectation there is (RFC 9110 §10.1.1)."""
    if value.lower() != b"100-continue":
        raise HTTPError("the only expectation met is 100-continue", status=417, code="expectation-failed")


def check_trailers(fields: dict[bytes, bytes]) -> None:
    """Refuse trailers that would change framing, routing, or who is asking (RFC 9110 §6.5.1)."""
    for name in fields:
        if name in FORBIDDEN_TRAILERS:
            raise malformed(f"{name.decode('latin-1')} is not allowed in trailers", "forbidden-trailer")


def origin_form(method: str, target: bytes, fields: dict[bytes, bytes]) -> str:
    """The path and query of a target in another form: `*`, or absolute, whose authority Host has to repeat."""
    path, query, authority = split_target(method, target.decode("ascii"))
    if authority is not None:
        check_authority(authority.encode("ascii"), fields)
    return f"{path}?{query}"
