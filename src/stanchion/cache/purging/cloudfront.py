"""CloudFront: a field with cache tags, and invalidations of a distribution by tags.

A distribution reads tags from the field that its `CacheTagConfig` names. Limits are those of
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/invalidation-specifying-tags.html: 50 tags a
response, 256 visible ASCII characters a tag, no commas, and case does not count. 3,000 invalidations may be in progress
at a time.
"""

from collections.abc import Callable, Iterable, Sequence
from xml.sax.saxutils import escape

from msgspec import Struct

from stanchion.cache.entry import Field
from stanchion.cache.purging.cdn import MOST_IN_FIELD, PurgeRequest, checked, coded, passing
from stanchion.cache.purging.sigv4 import Credentials, Scope, signed

_LONGEST = 255
"""One less than its limit, should the leading `#` count."""
_MOST_TAGS = 50
_API = "2020-05-31"
_SCOPE = Scope("us-east-1", "cloudfront")
_PASSING = (b"<Code>TooManyInvalidationsInProgress</Code>", b"<Code>Throttling")
"""Refusals with status 400 that pass."""


class CloudFront(Struct, frozen=True, kw_only=True):
    """A distribution.

    Raises:
        ConfigurationError: a value is missing or malformed.
    """

    distribution: str
    """Its identifier."""
    credentials: Credentials | Callable[[], Credentials]
    """Of one who may `cloudfront:CreateInvalidation`. A function is called for each request, in a thread of its own:
    for credentials that change, as those of a role do."""
    field: str = "cache-tag"
    """The response field that the distribution's `CacheTagConfig` names."""
    url: str = "https://cloudfront.amazonaws.com"

    def __post_init__(self) -> None:
        checked("CloudFront", self.url, distribution=self.distribution, field=self.field)
        if isinstance(self.credentials, Credentials):
            checked(
                "CloudFront",
                self.url,
                access_key=self.credentials.access_key,
                secret_key=self.credentials.secret_key,
            )

    def __repr__(self) -> str:
        return f"CloudFront(distribution={self.distribution!r})"

    @property
    def name(self) -> str:
        return f"cloudfront:{self.distribution}"

    @property
    def most(self) -> int:
        return 100

    def fields(self, tags: Iterable[str]) -> list[Field]:
        """The distribution's field, separated by commas. CloudFront knows no field for CDNs alone, so that a response
        with more tags than it takes is private."""
        written = coded(tags, _LONGEST)
        value = ",".join(written)
        if len(written) > _MOST_TAGS or len(value) > MOST_IN_FIELD:
            return [(b"cache-control", b"private")]
        return [(self.field.lower().encode(), value.encode())] if value else []

    def request(self, tags: Sequence[str], at: float, reference: str) -> PurgeRequest:
        """`POST /2020-05-31/distribution/{distribution}/invalidation`, signed."""
        url = f"{self.url}/{_API}/distribution/{self.distribution}/invalidation"
        items = [f"<Path>#{escape(tag)}</Path>" for tag in coded(tags, _LONGEST)]
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/{_API}/">'
            f"<Paths><Quantity>{len(items)}</Quantity><Items>{''.join(items)}</Items></Paths>"
            f"<CallerReference>{escape(reference)}</CallerReference></InvalidationBatch>"
        ).encode()
        credentials = self.credentials if isinstance(self.credentials, Credentials) else self.credentials()
        fields = signed("POST", url, {"Content-Type": "text/xml"}, body, (credentials, _SCOPE), at)
        return PurgeRequest(method="POST", url=url, fields=fields, body=body)

    def passing(self, status: int, body: bytes) -> bool:
        return passing(status) or (status == 400 and any(code in body for code in _PASSING))
