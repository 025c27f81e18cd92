"""The answer to a request that admission turns away, made beforehand: at ten times the capacity it is most answers.

It is a problem document, less what differs from request to request: neither `instance` nor a request id, which would
double its cost. Nothing failed that somebody would look up by id.
"""

from stanchion.errors import ServiceUnavailable
from stanchion.http.problem import problem
from stanchion.wire.http1.encode import extra_fields, prefix_of

OVERLOADED = problem(
    ServiceUnavailable(
        "the server has more to do than it can answer in time", code="overloaded", headers={"Retry-After": "1"}
    ),
    None,
)
OVERLOADED_BODY: bytes = OVERLOADED.body
OVERLOADED_HEAD = b"%b\r\ncontent-length: %d%b" % (
    prefix_of(OVERLOADED.status, OVERLOADED.media_type),
    len(OVERLOADED_BODY),
    extra_fields(OVERLOADED),
)
"""All but what `tail` gives."""
