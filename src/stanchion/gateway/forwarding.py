"""Who asked, as an upstream is told: X-Forwarded-For, -Proto, -Host, and Forwarded (RFC 7239).

What a client claims about itself is not passed on. Behind trusted proxies the field that they write is continued; the
other one is written anew, with the client that the rule of `http/client.py` finds. So an upstream that believes the
left-most entry, as most do, gets no address that a client has made up unless a trusted proxy has let it through.
"""

import re
from ipaddress import ip_address

from stanchion.http.client import Proxies, canonical
from stanchion.http.request import Request

FORWARDING = frozenset(
    (
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-server",
        b"x-real-ip",
    )
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def forwarding_lines(request: Request, host: bytes) -> list[bytes]:
    """The lines to send, each with its line end; `host` is what the client wrote in Host."""
    fields, proxies = request.fields, request.peer.proxies
    end = request.peer.client
    peer = None if end is None else canonical(end[0])
    client, scheme = request.client_ip, request.scheme
    trusted = trusts(peer, proxies)
    chain, element = client, _element(client, host, scheme)
    if trusted and proxies.field in fields:
        if proxies.field == b"forwarded":
            element = f"{fields[b'forwarded'].decode('latin-1')}, {_element(peer, host, scheme)}"
        else:
            chain = f"{fields[b'x-forwarded-for'].decode('latin-1')}, {peer or 'unknown'}"
    if trusted:
        host = fields.get(b"x-forwarded-host", host)
    lines = [] if chain is None else [b"x-forwarded-for: %b\r\n" % chain.encode("latin-1")]
    return [
        *lines,
        b"x-forwarded-proto: %b\r\n" % scheme.encode(),
        b"x-forwarded-host: %b\r\n" % host,
        b"forwarded: %b\r\n" % element.encode("latin-1"),
    ]


def trusts(peer: str | None, proxies: Proxies) -> bool:
    """Whether the other end of the connection is one of the trusted proxies."""
    if proxies.hops:
        return True
    if peer is None:
        return proxies.unix
    return bool(proxies.networks) and any(ip_address(peer) in network for network in proxies.networks)


def _element(client: str | None, host: bytes, scheme: str) -> str:
    """One element of Forwarded; an IPv6 address stands in brackets and quotes (RFC 7239 §6)."""
    name = "unknown" if client is None else f'"[{client}]"' if ":" in client else client
    text = host.decode("latin-1")
    quoted = text if _TOKEN.fullmatch(text) else '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f"for={name};host={quoted};proto={scheme}"
