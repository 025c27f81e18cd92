"""Content delivery networks: what they are told with a response, and what they are told when a tag is invalidated.

Law: a CDN's module makes fields and requests out of tags, and does no I/O. What sends them is a thread of its own for
each CDN, so that no request waits for one and none waits for another: bounded in what it keeps, in how often it tries
and in how long it may take when the server ends. What could not be told is counted and logged.
"""

from stanchion.cache.purging.cdn import CDN, PurgeRequest
from stanchion.cache.purging.cloudflare import Cloudflare
from stanchion.cache.purging.cloudfront import CloudFront
from stanchion.cache.purging.fastly import Fastly
from stanchion.cache.purging.purger import Purger, fields_for_any
from stanchion.cache.purging.sigv4 import Credentials

__all__ = ["CDN", "CloudFront", "Cloudflare", "Credentials", "Fastly", "PurgeRequest", "Purger", "fields_for_any"]
