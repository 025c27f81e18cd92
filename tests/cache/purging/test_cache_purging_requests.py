"""What CDNs are sent: fields within their limits, requests as their documentation has them, and AWS's signatures."""

from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.cache.purging import CDN, Cloudflare, CloudFront, Credentials, Fastly
from stanchion.cache.purging.cdn import coded
from stanchion.cache.purging.exchange import delay
from stanchion.cache.purging.sigv4 import Scope, signed
from stanchion.errors import ConfigurationError

CLOUDFLARE = Cloudflare(zone="023e105f4ecef8ad9ca31a8372d0c353", token="secret-token")
FASTLY = Fastly(service="SU1Z0isxPaozGVKXdv0eY", token="secret-token")
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
CLOUDFRONT = CloudFront(distribution="EDFDVBD6EXAMPLE", credentials=KEYS)
NOON = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
SUITE = KEYS, Scope("us-east-1", "service")
CDNS = st.sampled_from([CLOUDFLARE, FASTLY, CLOUDFRONT])


def test_cloudflare_is_asked_to_purge_tags() -> None:
    request = CLOUDFLARE.request(["airport:JFK", "airports"], NOON, "once")
    assert (request.method, request.url) == (
        "POST",
        "https://api.cloudflare.com/client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/purge_cache",
    )
    assert request.fields == {"Authorization": "Bearer secret-token", "Content-Type": "application/json"}
    assert request.body == b'{"tags":["airport:JFK","airports"]}'
    assert CLOUDFLARE.fields(["airports", "airport:JFK"]) == [(b"cache-tag", b"airport:JFK,airports")]


@pytest.mark.parametrize("soft", [False, True])
def test_fastly_is_asked_to_purge_keys(soft: bool) -> None:
    fastly = Fastly(service="SU1Z0isxPaozGVKXdv0eY", token="secret-token", soft=soft)
    request = fastly.request(["airport:JFK", "airports"], NOON, "once")
    assert (request.method, request.url) == ("POST", "https://api.fastly.com/service/SU1Z0isxPaozGVKXdv0eY/purge")
    assert request.fields == {
        "Fastly-Key": "secret-token",
        "Accept": "application/json",
        "Content-Type": "application/json",
    } | ({"Fastly-Soft-Purge": "1"} if soft else {})
    assert request.body == b'{"surrogate_keys":["airport:JFK","airports"]}'
    assert fastly.fields(["airports", "airport:JFK"]) == [(b"surrogate-key", b"airport:JFK airports")]


def test_cloudfront_is_asked_to_invalidate_tags() -> None:
    request = CLOUDFRONT.request(["a<b&c", "airports"], NOON, "once")
    assert (request.method, request.url) == (
        "POST",
        "https://cloudfront.amazonaws.com/2020-05-31/distribution/EDFDVBD6EXAMPLE/invalidation",
    )
    space = "{http://cloudfront.amazonaws.com/doc/2020-05-31/}"
    root = ElementTree.fromstring(request.body)
    assert root.tag == f"{space}InvalidationBatch"
    assert root.findtext(f"{space}CallerReference") == "once"
    assert root.findtext(f"{space}Paths/{space}Quantity") == "2"
    assert [path.text for path in root.iter(f"{space}Path")] == ["#a<b&c", "#airports"]
    assert request.fields["X-Amz-Date"] == "20150830T123600Z"
    assert request.fields["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/cloudfront/aws4_request,"
        " SignedHeaders=content-type;host;x-amz-date, Signature="
    )
    assert CLOUDFRONT.fields(["airports", "airport:JFK"]) == [(b"cache-tag", b"airport:JFK,airports")]


def test_credentials_that_change_are_asked_for_each_time() -> None:
    keys = iter([Credentials("FIRST", "secret", "token"), Credentials("SECOND", "secret")])
    cloudfront = CloudFront(distribution="E1", credentials=lambda: next(keys), field="X-Tags")
    first, second = (cloudfront.request(["a"], NOON, "once") for _ in range(2))
    assert first.fields["X-Amz-Security-Token"] == "token"
    assert "Credential=FIRST/" in first.fields["Authorization"]
    assert "x-amz-security-token" in first.fields["Authorization"]
    assert "Credential=SECOND/" in second.fields["Authorization"]
    assert cloudfront.fields(["a"]) == [(b"x-tags", b"a")]


@pytest.mark.parametrize(
    ("method", "fields", "body", "names", "signature"),
    [
        ("GET", {}, b"", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", {}, b"", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            {"My-Header1": "value2,value2,value1"},
            b"",
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "POST",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["get-vanilla", "post-vanilla", "get-header-key-duplicate", "post-x-www-form-urlencoded"],
)
def test_signatures_are_those_of_the_test_suite_of_aws(
    method: str, fields: dict[str, str], body: bytes, names: str, signature: str
) -> None:
    """The names are the suite's; a repeated field comes joined here, as its canonical form is."""
    sent = signed(method, "https://example.amazonaws.com/", fields, body, SUITE, NOON)
    assert sent["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        f" SignedHeaders={names}, Signature={signature}"
    )


def test_a_path_that_is_not_ascii_is_signed_as_the_test_suite_has_it() -> None:
    sent = signed("GET", "https://example.amazonaws.com/ሴ", {}, b"", SUITE, NOON)
    assert sent["Authorization"].endswith("8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85")


@given(st.lists(st.text(max_size=40)), CDNS)
def test_tags_arrive_as_they_are_purged(tags: list[str], cdn: CDN) -> None:
    fields = cdn.fields(tags)
    written = coded(tags, 255)
    if not any(tags):
        assert fields == []
        return
    ((name, value),) = fields
    if name == b"cache-control":
        assert len(written) > 50
        return
    separator = b" " if name == b"surrogate-key" else b","
    assert value.decode().split(separator.decode()) == written
    assert {unquote_to_bytes(tag) for tag in written} == {tag.encode() for tag in tags if tag}
    assert all(33 <= byte <= 126 for byte in value.replace(b" ", b""))
    body = cdn.request(tags, NOON, "once").body
    if name != b"cache-tag" or body.startswith(b"{"):
        assert next(iter(msgspec.json.decode(body).values())) == written


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=2000), max_size=100), CDNS)
def test_a_field_is_within_the_limits_or_keeps_the_response_out(tags: list[str], cdn: CDN) -> None:
    for name, value in cdn.fields(tags):
        longest = 1024 if cdn is not CLOUDFRONT else 255
        if name in (b"cache-tag", b"surrogate-key"):
            assert len(value) <= 16_384
            assert all(len(tag) <= longest for tag in value.replace(b" ", b",").split(b","))


@pytest.mark.parametrize(
    ("cdn", "instead"),
    [
        (CLOUDFLARE, (b"cloudflare-cdn-cache-control", b"no-store")),
        (FASTLY, (b"surrogate-control", b"max-age=0")),
        (CLOUDFRONT, (b"cache-control", b"private")),
    ],
)
def test_what_could_not_be_purged_is_not_to_be_kept(cdn: CDN, instead: tuple[bytes, bytes]) -> None:
    many = [f"tag:{number}" for number in range(4000)]
    assert cdn.fields(many) == [instead]


def test_a_tag_that_is_too_long_is_a_hash_in_fields_and_requests() -> None:
    ((_, value),) = FASTLY.fields(["x" * 2000])
    assert len(value) == 32
    assert value in FASTLY.request(["x" * 2000], NOON, "once").body


@pytest.mark.parametrize(
    ("cdn", "shown"),
    [
        (CLOUDFLARE, "Cloudflare(zone='023e105f4ecef8ad9ca31a8372d0c353')"),
        (FASTLY, "Fastly(service='SU1Z0isxPaozGVKXdv0eY', soft=False)"),
        (CLOUDFRONT, "CloudFront(distribution='EDFDVBD6EXAMPLE')"),
        (KEYS, "Credentials(access_key='AKIDEXAMPLE')"),
    ],
)
def test_secrets_are_not_shown(cdn: object, shown: str) -> None:
    assert repr(cdn) == shown


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Injected: 1", "schlüssel"])
def test_a_token_that_is_none_is_noticed_at_the_start_and_not_repeated(token: str) -> None:
    with pytest.raises(ConfigurationError, match=r"token=…\): expected printable ASCII without spaces; is it set\?"):
        Fastly(service="x", token=token)
    with pytest.raises(ConfigurationError, match="Cloudflare"):
        Cloudflare(zone="x", token=token)
    with pytest.raises(ConfigurationError, match="secret_key"):
        CloudFront(distribution="x", credentials=Credentials("x", token))


@pytest.mark.parametrize("url", ["", "api.fastly.com", "ftp://x", "https://x/", "https://x?y=1", "https:///x"])
def test_a_url_that_is_none_is_noticed_at_the_start(url: str) -> None:
    with pytest.raises(ConfigurationError, match="give a URL such as"):
        Fastly(service="x", token="y", url=url)


@pytest.mark.parametrize(
    ("cdn", "status", "body", "passes"),
    [
        (FASTLY, 429, b"", True),
        (FASTLY, 503, b"", True),
        (FASTLY, 403, b"", False),
        (CLOUDFLARE, 400, b"<Code>Throttling</Code>", False),
        (CLOUDFRONT, 400, b"<Error><Code>TooManyInvalidationsInProgress</Code></Error>", True),
        (CLOUDFRONT, 400, b"<Error><Code>ThrottlingException</Code></Error>", True),
        (CLOUDFRONT, 400, b"<Error><Code>InvalidArgument</Code></Error>", False),
        (CLOUDFRONT, 500, b"", True),
    ],
)
def test_which_refusals_pass(cdn: CDN, status: int, body: bytes, passes: bool) -> None:
    assert cdn.passing(status, body) is passes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("5", 5.0),
        ("0", 0.0),
        ("Sun, 30 Aug 2015 12:36:30 GMT", 30.0),
        ("Sun, 30 Aug 2015 12:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert delay(text, NOON) == seconds
