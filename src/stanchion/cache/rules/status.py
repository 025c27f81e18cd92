"""Cache-Status: what the cache did, for whoever looks into a browser's network panel (RFC 9211)."""

from typing import Literal

from msgspec import Struct

NAME = "stanchion"

Forwarded = Literal["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"]
"""Why a request went to the origin (§2.2)."""


class Handling(Struct, frozen=True, kw_only=True):
    """How one request was handled; give what applies."""

    hit: bool = False
    fwd: Forwarded | None = None
    fwd_status: int | None = None
    """The origin's status, where it is not the answer's (§2.3)."""
    ttl: float | None = None
    """Seconds that the answer is still fresh for; negative where it is stale (§2.4)."""
    stored: bool = False
    collapsed: bool = False
    """It waited for another request's answer (§2.6)."""
    key: str | None = None
    detail: str | None = None
    """A token of ours, such as the tier that had it."""


def cache_status(handling: Handling) -> str:
    """The field's member for this cache: `stanchion; hit; ttl=30`."""
    parts = [NAME]
    if handling.hit:
        parts.append("hit")
    elif handling.fwd is not None:
        parts.append(f"fwd={handling.fwd}")
    if handling.fwd_status is not None:
        parts.append(f"fwd-status={handling.fwd_status}")
    if handling.ttl is not None:
        parts.append(f"ttl={int(handling.ttl // 1)}")
    parts += ["stored"] * handling.stored + ["collapsed"] * handling.collapsed
    if handling.key is not None:
        parts.append(f"key={_string(handling.key)}")
    if handling.detail is not None:
        parts.append(f"detail={handling.detail}")
    return "; ".join(parts)


def _string(text: str) -> str:
    """A string of RFC 9651 §3.3.3, which is ASCII; what is not becomes a question mark."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
