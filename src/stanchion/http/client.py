"""Who sent a request, and by which scheme: one rule for rate limits, the access log, handlers and mounted apps.

Without trusted proxies it is the other end of the connection. With them, addresses are believed from the right of the
forwarding field, one for each proxy: what a proxy has appended is true, what stands to the left of it is whatever the
client wrote. The left-most address of X-Forwarded-For is therefore never taken for its being left-most.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct

from stanchion.errors import ConfigurationError

_Network = IPv4Network | IPv6Network
_MOST_HOPS = 16
_PREFIX = 64
"""Bits of an IPv6 address that tell clients apart: a subscriber has the rest to choose from (RFC 6177)."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = rf'{_TOKEN}=(?:{_TOKEN}|"(?:[^"\\]|\\.)*")'
_ELEMENT = re.compile(rf"[ \t]*{_PAIR}(?:[ \t]*;(?:[ \t]*{_PAIR})?)*[ \t]*")
"""One element of Forwarded (RFC 7239 §4), in which no character has two places: it never tries back."""
_NAMED = re.compile(rf'({_TOKEN})=({_TOKEN}|"(?:[^"\\]|\\.)*")')
"""A pair's name and value. Looked for one after another, none is found within a quoted string, which a client may have
written: some proxies pass the Host field on as `host=`."""
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_LONGEST = 64  # characters of an address with its zone: what is looked up is kept for a while
_MOST_COMMAS = 4  # within the quoted strings of one element


class Proxies(Struct, frozen=True, kw_only=True):
    """Which proxies are believed: so many `hops`, or those in `networks`."""

    hops: int = 0
    networks: tuple[_Network, ...] = ()
    unix: bool = False
    """Whoever connects by a Unix socket is one of them."""
    field: bytes = b"x-forwarded-for"
    """The one field that they write. Any other a client may have sent, and they pass it on."""

    @property
    def believed(self) -> bool:
        """There are any."""
        return bool(self.hops or self.networks or self.unix)


@lru_cache(maxsize=16)
def parse_proxies(text: int | str, field: str) -> Proxies:
    """The rule from the settings `trusted_proxies` and `forwarded_header`.

    Raises:
        ConfigurationError: neither a number of hops nor networks.
    """
    words = str(text).replace(",", " ").split()
    name = field.encode()
    if len(words) == 1 and words[0].isdecimal() and int(words[0]) <= _MOST_HOPS:
        return Proxies(hops=int(words[0]), field=name)
    try:
        networks = tuple(ip_network(word) for word in words if word != "unix")
    except ValueError as error:
        raise ConfigurationError(
            f"trusted_proxies={text!r}: {error}; expected a number of hops up to {_MOST_HOPS}, or addresses and"
            " networks such as '10.0.0.0/8, 192.0.2.7, unix'"
        ) from None
    return Proxies(networks=networks, unix="unix" in words, field=name)


def client_of(peer: str | None, fields: dict[bytes, bytes], proxies: Proxies) -> str | None:
    """The client's address in its canonical form; None where nothing but a Unix socket is known.

    `peer` is the other end of the connection, None on a Unix socket. An entry that is no address (`unknown`, a
    pseudonym, anything malformed) ends the walk: the client is then the last proxy that is known.
    """
    client = None if peer is None else canonical(peer)
    return _walk(client, fields, proxies)[0] if proxies.believed else client


def scheme_of(peer: str | None, scheme: str, fields: dict[bytes, bytes], proxies: Proxies) -> str:
    """`http` or `https`, as the client spoke to the first proxy that is believed; `scheme` if none tells it.

    `proto` of the `Forwarded` element the client's address is from. Else of `X-Forwarded-Proto`, which most proxies
    overwrite and some append to: counted from the right as addresses are, the left-most where there are fewer.
    """
    client = None if peer is None else canonical(peer)
    if not proxies.believed or not (proxies.hops or _trusts(proxies, client)):
        return scheme
    _, steps, element = _walk(client, fields, proxies)
    if proxies.field == b"forwarded":
        told = _value(element, "proto")
    else:
        entries = fields.get(b"x-forwarded-proto", b"").decode("latin-1").split(",")
        told = entries[-min(max(steps, 1), len(entries))].strip()
    return _SCHEMES.get(told.lower(), scheme)


def _walk(client: str | None, fields: dict[bytes, bytes], proxies: Proxies) -> tuple[str | None, int, str]:
    """The client by what proxies have written, how many were believed, and what the last of them wrote."""
    forwarded = proxies.field == b"forwarded"
    rest = fields.get(proxies.field, b"").decode("latin-1")
    steps, believed = 0, ""
    for _ in range(proxies.hops or _MOST_HOPS):
        if not rest or (not proxies.hops and not _trusts(proxies, client)):
            break
        rest, entry = _last_forwarded(rest) if forwarded else _last_entry(rest)
        address = _address(_value(entry, "for") if forwarded else entry)
        if address is None:
            break
        client, steps, believed = address, steps + 1, entry
    return client, steps, believed


def _trusts(proxies: Proxies, client: str | None) -> bool:
    if client is None:
        return proxies.unix
    address = ip_address(client)
    return any(address in network for network in proxies.networks)


def _last_entry(rest: str) -> tuple[str, str]:
    """What is left of X-Forwarded-For, and its right-most entry."""
    left, _, entry = rest.rpartition(",")
    return left, entry.strip()


def _last_forwarded(rest: str) -> tuple[str, str]:
    """What is left of Forwarded, and its right-most element; empty if it is malformed.

    Read from the right, so that a quote which a client left open cannot hide what the proxies have added. The shortest
    well-formed end is the element: an element of a proxy cannot end in another one within a quoted string.
    """
    end = len(rest)
    cut = end
    for _ in range(_MOST_COMMAS + 1):
        cut = rest.rfind(",", 0, cut)
        if _ELEMENT.fullmatch(rest, cut + 1, end):
            return rest[: max(cut, 0)], rest[cut + 1 :]
        if cut < 0:
            break
    return "", ""


def _value(element: str, name: str) -> str:
    """The value of that name in an element of Forwarded; empty where there is none."""
    return next((value.strip('"') for found, value in _NAMED.findall(element) if found.lower() == name), "")


def _address(entry: str) -> str | None:
    """The address of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    return canonical(entry) if len(entry) <= _LONGEST and _is_address(entry) else None


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def canonical(address: str) -> str:
    """An address as one always writes it: an IPv4 one that came over an IPv6 socket as IPv4, without a zone."""
    return _canonical(address) if ":" in address else address


@lru_cache(maxsize=4096)
def _canonical(address: str) -> str:
    parsed = IPv6Address(address.partition("%")[0])
    return str(parsed.ipv4_mapped or parsed)


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, the /64 of an IPv6 one."""
    return _network_of(address) if ":" in address else address


@lru_cache(maxsize=4096)
def _network_of(address: str) -> str:
    return str(IPv6Network((address, _PREFIX), strict=False))
