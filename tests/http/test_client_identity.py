"""Who the client is: what proxies have written is believed, what the client wrote never is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.errors import ConfigurationError
from stanchion.http.client import Proxies, client_of, network_of, parse_proxies, scheme_of

XFF, FORWARDED = "x-forwarded-for", "forwarded"


def found(peer: str | None, value: str | None, trusted: int | str, field: str = XFF) -> str | None:
    fields = {} if value is None else {field.encode(): value.encode("latin-1")}
    return client_of(peer, fields, parse_proxies(trusted, field))


def test_without_proxies_nothing_is_believed() -> None:
    assert found("192.0.2.9", "198.51.100.1", 0) == "192.0.2.9"
    assert found(None, "198.51.100.1", 0) is None


@pytest.mark.parametrize(
    ("hops", "value", "client"),
    [
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
        (3, None, "192.0.2.9"),
        (1, "198.51.100.1, nonsense", "192.0.2.9"),
        (2, "nonsense, 10.0.0.2", "10.0.0.2"),
        (1, "6.6.6.6,", "192.0.2.9"),
        (1, "198.51.100.1:4711", "198.51.100.1"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "::ffff:198.51.100.1", "198.51.100.1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "unknown", "192.0.2.9"),
        (1, "1" * 70, "192.0.2.9"),
    ],
)
def test_hops_are_counted_from_the_right(hops: int, value: str | None, client: str) -> None:
    assert found("192.0.2.9", value, hops) == client


@pytest.mark.parametrize(
    ("peer", "value", "client"),
    [
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.1.1.1", "198.51.100.1"),
        ("10.0.0.1", "10.9.9.9, 10.1.1.1", "10.9.9.9"),
        ("192.0.2.9", "198.51.100.1", "192.0.2.9"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::5", "198.51.100.1", "198.51.100.1"),
        (None, "198.51.100.1", None),
    ],
)
def test_networks_are_walked_to_the_first_stranger(peer: str | None, value: str, client: str | None) -> None:
    assert found(peer, value, "10.0.0.0/8, 2001:db8::/32") == client


def test_a_unix_socket_may_be_a_proxy() -> None:
    assert found(None, "6.6.6.6, 198.51.100.1", "unix") == "198.51.100.1"
    assert found(None, "198.51.100.1, 10.0.0.1", "unix 10.0.0.0/8") == "198.51.100.1"
    assert found(None, "198.51.100.1", 1) == "198.51.100.1"


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ("For=6.6.6.6, for=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
        ('proto=http; For="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ('for="198.51.100.1:80";host="a,for=6.6.6.6"', "198.51.100.1"),
        (r'for=198.51.100.1;host="a\",for=6.6.6.6;x=\""', "198.51.100.1"),
        ('for="6.6.6.6, for=198.51.100.1', "198.51.100.1"),
        ('", for=198.51.100.1', "198.51.100.1"),
        ('host="a;for=6.6.6.6;b";for=198.51.100.1', "198.51.100.1"),
        (r'host="\";for=6.6.6.6;";for=198.51.100.1', "198.51.100.1"),
        ("for=_hidden", "192.0.2.9"),
        ("for=unknown", "192.0.2.9"),
        ("proto=https", "192.0.2.9"),
        ("for=6.6.6.6, ", "192.0.2.9"),
        ("for=6.6.6.6, nonsense", "192.0.2.9"),
        ("xfor=6.6.6.6", "192.0.2.9"),
    ],
)
def test_forwarded_is_read_from_the_right(value: str, client: str) -> None:
    assert found("192.0.2.9", value, 1, FORWARDED) == client


def test_the_field_that_the_proxies_do_not_write_is_not_looked_at() -> None:
    fields = {b"forwarded": b"for=6.6.6.6", b"x-forwarded-for": b"198.51.100.1"}
    assert client_of("192.0.2.9", fields, parse_proxies(1, XFF)) == "198.51.100.1"
    assert client_of("192.0.2.9", fields, parse_proxies(1, FORWARDED)) == "6.6.6.6"


@pytest.mark.parametrize(
    ("trusted", "addresses", "protocols", "scheme"),
    [
        (1, "198.51.100.1", "https", "https"),
        (1, "6.6.6.6, 198.51.100.1", "http, HTTPS", "https"),
        (1, None, "wss", "https"),
        (2, "198.51.100.1, 10.0.0.2", "https", "https"),
        (2, "198.51.100.1, 10.0.0.2", "gopher, https, http", "https"),
        (1, "198.51.100.1", "gopher", "http"),
        (1, "198.51.100.1", None, "http"),
        (0, "198.51.100.1", "https", "http"),
        ("10.0.0.0/8", "198.51.100.1", "https", "http"),
        ("192.0.2.0/24", "198.51.100.1", "https", "https"),
        ("unix", "198.51.100.1", "https", "http"),
    ],
)
def test_the_scheme_is_the_first_trusted_proxy_s(
    trusted: int | str, addresses: str | None, protocols: str | None, scheme: str
) -> None:
    told = {b"x-forwarded-for": addresses, b"x-forwarded-proto": protocols, b"forwarded": "for=192.0.2.1;proto=https"}
    fields = {name: value.encode() for name, value in told.items() if value is not None}
    assert scheme_of("192.0.2.9", "http", fields, parse_proxies(trusted, XFF)) == scheme


@pytest.mark.parametrize(
    ("hops", "value", "scheme"),
    [
        (1, "for=6.6.6.6;proto=https, for=198.51.100.1", "http"),
        (1, 'for=6.6.6.6, for=198.51.100.1;Proto="https"', "https"),
        (2, "for=198.51.100.1;proto=https, for=10.0.0.2;proto=http", "https"),
        (1, "for=_hidden;proto=https", "http"),
        (1, 'for=198.51.100.1;host="a;proto=https"', "http"),
    ],
)
def test_forwarded_tells_the_scheme_beside_the_address(hops: int, value: str, scheme: str) -> None:
    fields = {b"forwarded": value.encode(), b"x-forwarded-proto": b"https"}
    assert scheme_of("192.0.2.9", "http", fields, parse_proxies(hops, FORWARDED)) == scheme


text = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40)
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@settings(deadline=None)
@given(text, st.lists(addresses, min_size=1, max_size=4))
def test_whatever_a_client_writes_it_cannot_choose_its_address(written: str, proxies: list[str]) -> None:
    """Each proxy appends the end it sees; the client's own text stands to the left."""
    for prefix in (written, f"{written}, 6.6.6.6"):
        value = ", ".join([prefix, *proxies])
        honest = client_of("192.0.2.9", {b"x-forwarded-for": proxies[0].encode()}, Proxies(hops=1))
        assert found("192.0.2.9", value, len(proxies)) == honest
        elements = [f'for="[{one}]"' if ":" in one else f"for={one}" for one in proxies]
        assert found("192.0.2.9", ", ".join([prefix, *elements]), len(proxies), FORWARDED) == honest


@settings(deadline=None)
@given(text, st.integers(0, 3), st.sampled_from([XFF, FORWARDED]))
def test_no_text_is_an_error(written: str, hops: int, field: str) -> None:
    assert found("192.0.2.9", written, hops, field)
    assert found("10.0.0.1", written, "10.0.0.0/8", field)


def test_a_hostile_element_takes_no_time() -> None:
    for value in ("a=b" + "; " * 15_000 + "x", 'a="' + "\\a" * 15_000, "a=b" + " \t" * 15_000 + ","):
        assert found("192.0.2.9", value, 1, FORWARDED) == "192.0.2.9"


def test_an_ipv6_client_is_its_64() -> None:
    assert network_of("2001:db8::ffff") == network_of("2001:db8::1") == "2001:db8::/64"
    assert network_of("192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize("wrong", ["17", "10.0.0.1/8", "proxy.example", "10.0.0.0/33", "1 2"])
def test_what_is_no_proxy_is_told(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"trusted_proxies=.*expected a number of hops up to 16, or"):
        parse_proxies(wrong, XFF)
