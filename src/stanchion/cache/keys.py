"""What tells one answer from another: the key of a request, and the tags that every answer has besides its own.

The default key is host, path and query, as they were sent: whatever a client changes in them makes another entry, never
another's. Keys of users begin with the user, so that no path or query can name another's.
"""

from collections.abc import Callable
from hashlib import blake2b

from stanchion.http.request import Request

IDENTITY = "identity"
"""The key of `request.state` under which whoever has authenticated a request leaves the caller's name."""
EVERYTHING = "*"
"""The tag of every entry."""

Key = Callable[[Request], str | None]


def key_of(template: str, own: Callable[[Request], str] | None, *, by_user: bool) -> Key:
    """The function that gives a request's key; None, by user, for one that nobody has authenticated.

    `own` stands in for path and query, within the route of this template.
    """
    base = _target if own is None else _own(template, own)
    return _by_user(base) if by_user else base


def _host(request: Request) -> str:
    return request.fields.get(b"host", b"").decode("latin-1").lower()


def _target(request: Request) -> str:
    query = request.query_string
    path = f"{request.path}?{query}" if query else request.path
    return f"{_host(request)}\n{path}"  # a line end, which neither of them can hold


def _own(template: str, own: Callable[[Request], str]) -> Callable[[Request], str]:
    return lambda request: f"{_host(request)}\n{template}\n{own(request)}"


def _by_user(base: Callable[[Request], str]) -> Key:
    def key(request: Request) -> str | None:
        identity = request.state.get(IDENTITY)
        if identity is None:
            return None
        who = str(identity)
        return f"{len(who)} {who}\n{base(request)}"  # the length first: no name can run into what follows

    return key


def tag_of_url(url: str) -> str:
    """The tag of all that is kept of a URL, whoever it is for: `host/path?query`, without a scheme."""
    return f"url {url.partition('://')[2] or url}"


def tag_of(request: Request) -> str:
    """The same of a request."""
    query = request.query_string
    return f"url {_host(request)}{request.path}{'?' if query else ''}{query}"


def is_ours(tag: str) -> bool:
    """Whether a tag is made here, of a URL, of a call or for everything, and not one that was declared."""
    return tag == EVERYTHING or tag.startswith("url ") or (tag.startswith("call ") and "\n" in tag)


def stored_key(key: str, variant: bytes) -> bytes:
    """The key of a tier that others share: 24 bytes, so that neither users nor URLs can be read there."""
    return blake2b(b"%b\n%b" % (key.encode("utf-8", "surrogateescape"), variant), digest_size=24).digest()
