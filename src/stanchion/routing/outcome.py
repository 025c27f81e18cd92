"""What a request may be answered besides what its handler returns, as far as a policy knows: for OpenAPI."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct


class Field(Struct, frozen=True):
    """A header field: what it tells, and the JSON type of its value."""

    description: str
    type: Literal["string", "integer"] = "string"


class Outcome(Struct, frozen=True, kw_only=True):
    """One answer, or the fields that a policy adds to the success."""

    status: int | None
    """None for the success, whatever its status."""
    description: str = ""
    fields: Mapping[str, Field] = {}


RETRY_AFTER = {"Retry-After": Field("Seconds until it is worth asking again.", "integer")}
OVERLOADED = Outcome(status=503, description="More to do than can be done in time", fields=RETRY_AFTER)
"""Of every route, where admission is on."""


def merged(outcomes: Iterable[Outcome]) -> dict[int | None, Outcome]:
    """One outcome a status, which says what each of them says."""
    found: dict[int | None, Outcome] = {}
    for outcome in outcomes:
        before = found.get(outcome.status, Outcome(status=outcome.status))
        texts = dict.fromkeys(text for text in (before.description, outcome.description) if text)
        found[outcome.status] = Outcome(
            status=outcome.status,
            description="; ".join(texts),
            fields={**before.fields, **outcome.fields},
        )
    return found
