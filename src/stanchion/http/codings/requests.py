"""Request bodies in a coding, which nothing here decodes: a kilobyte may hold a megabyte (RFC 9110 §15.5.16, RFC 7694).

A handler that takes the body as bytes or as a stream gets it as it was sent, and Content-Encoding with it.
"""

from stanchion.errors import UnsupportedMediaType
from stanchion.http.request import Request


def check_coding(request: Request) -> None:
    """Take a body without a coding; called for one that names some.

    Raises:
        UnsupportedMediaType: it has one (code `content-coding-not-supported`).
    """
    coding = request.fields.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType(
            f"the body is in the content coding {coding[:80]}; send it without one",
            code="content-coding-not-supported",
            headers={"Accept-Encoding": "identity"},
        )
