"""What an upstream is told of a request: nothing that a client has made up."""

import pytest
from msgspec import Struct

from stanchion.gateway.passing import Passing
from stanchion.http.client import Proxies, parse_proxies
from stanchion.http.request import Request
from stanchion.upstream.target import parse_target

TARGET = parse_target("http://upstream.example:3000")


class Peer(Struct):
    """The end of a connection that a test makes up."""

    client: tuple[str, int] | None = ("192.0.2.7", 5000)
    scheme: str = "http"
    max_query_params: int = 100
    proxies: Proxies = Proxies()


def sent(peer: Peer, target: str = "/x", *, prefix: str = "", host: str = "upstream", **fields: str) -> dict[str, str]:
    """The fields of the request that goes on, with its first line as `line`."""
    raw = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in fields.items()}
    path, _, query = target.partition("?")
    request = Request("GET", path, query, {b"host": b"shop.example", **raw}, peer)
    passing = Passing(prefix, host=host, strip_prefix=bool(prefix))
    head = passing.outgoing(request, TARGET).head.decode("latin-1")
    assert passing.outgoing(request, TARGET).head.decode("latin-1") == head  # the head that is known
    line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    fields = dict(text.split(": ", 1) for text in lines)
    assert len(fields) == len(lines)
    return {"line": line, **fields}


def test_a_client_that_nobody_trusts() -> None:
    got = sent(
        Peer(),
        x_forwarded_for="6.6.6.6",
        forwarded="for=6.6.6.6;proto=https",
        x_forwarded_proto="https",
        x_forwarded_host="evil.example",
        x_real_ip="6.6.6.6",
        x_forwarded_port="1",
    )
    assert got["x-forwarded-for"] == "192.0.2.7"
    assert got["forwarded"] == "for=192.0.2.7;host=shop.example;proto=http"
    assert (got["x-forwarded-proto"], got["x-forwarded-host"]) == ("http", "shop.example")
    assert not {"x-real-ip", "x-forwarded-port"} & got.keys()
    assert "6.6.6.6" not in repr(got)


def test_behind_trusted_proxies_their_field_goes_on() -> None:
    proxies = parse_proxies("192.0.2.0/24", "x-forwarded-for")
    got = sent(Peer(proxies=proxies), x_forwarded_for="203.0.113.9", x_forwarded_proto="https", forwarded="for=6.6.6.6")
    assert got["x-forwarded-for"] == "203.0.113.9, 192.0.2.7"
    assert got["forwarded"] == "for=203.0.113.9;host=shop.example;proto=https"
    assert got["x-forwarded-proto"] == "https"


def test_behind_proxies_that_write_forwarded() -> None:
    proxies = parse_proxies(1, "forwarded")
    got = sent(Peer(proxies=proxies), forwarded="for=203.0.113.9;proto=https", x_forwarded_for="6.6.6.6")
    assert got["forwarded"].startswith("for=203.0.113.9;proto=https, for=192.0.2.7")
    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("203.0.113.9", "https")


def test_a_proxy_that_is_not_among_the_trusted() -> None:
    proxies = parse_proxies("10.0.0.0/8", "x-forwarded-for")
    assert sent(Peer(proxies=proxies), x_forwarded_for="6.6.6.6")["x-forwarded-for"] == "192.0.2.7"


@pytest.mark.parametrize(
    ("client", "chain", "element"),
    [(("2001:db8::1", 1), "2001:db8::1", 'for="[2001:db8::1]"'), (None, None, "for=unknown")],
)
def test_other_ends(client: tuple[str, int] | None, chain: str | None, element: str) -> None:
    got = sent(Peer(client=client))
    assert got.get("x-forwarded-for") == chain
    assert got["forwarded"].split(";")[0] == element


def test_fields_of_one_hop_stay_here() -> None:
    got = sent(
        Peer(),
        connection="keep-alive, X-Secret, te",
        x_secret="1",
        keep_alive="timeout=5",
        proxy_authorization="Basic x",
        te="trailers, deflate",
        upgrade="h2c",
        http2_settings="AAMAAABk",
        accept="a/b",
        via="1.0 other",
    )
    assert got["accept"] == "a/b"
    assert (got["te"], got["connection"], got["via"]) == ("trailers", "te", "1.0 other, 1.1 stanchion")
    assert not {"x-secret", "keep-alive", "proxy-authorization", "upgrade", "http2-settings"} & got.keys()


@pytest.mark.parametrize("name", ["x_forwarded_for", "content_length", "transfer_encoding", "x_real_ip"])
def test_a_field_that_cgi_would_take_for_another_is_dropped(name: str) -> None:
    request = Request("GET", "/", "", {b"host": b"a", name.encode(): b"6"}, Peer())
    head = Passing("", host="upstream", strip_prefix=False).outgoing(request, TARGET).head
    assert name.encode() not in head


@pytest.mark.parametrize(
    ("target", "prefix", "line"),
    [
        ("/a%2Fb//c/../d?q=%zz&r", "", "GET /a%2Fb//c/../d?q=%zz&r HTTP/1.1"),
        ("/v1/items?x", "/v1", "GET /items?x HTTP/1.1"),
        ("/v1", "/v1", "GET / HTTP/1.1"),
    ],
)
def test_paths_go_on_as_they_are(target: str, prefix: str, line: str) -> None:
    assert sent(Peer(), target, prefix=prefix)["line"] == line


def test_the_host_is_what_was_chosen() -> None:
    assert sent(Peer())["host"] == "upstream.example:3000"
    assert sent(Peer(), host="client")["host"] == "shop.example"
    assert sent(Peer(), host="api.example")["host"] == "api.example"


def test_heads_are_remembered_by_the_fields_they_were_made_of() -> None:
    passing = Passing("", host="upstream", strip_prefix=False)
    for number in range(2000):
        fields = {b"host": b"a", b"x-number": b"%d" % number}
        head = passing.outgoing(Request("GET", "/", "", fields, Peer()), TARGET).head
        assert b"x-number: %d\r\n" % number in head
    assert repr(passing).split()[1].isdigit()
    assert int(repr(passing).split()[1]) <= 512
