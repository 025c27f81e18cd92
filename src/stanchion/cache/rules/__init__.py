"""What HTTP says of caching, for a shared cache: RFC 9111, RFC 9213 (CDN-Cache-Control), RFC 5861 (stale answers) and
RFC 9211 (Cache-Status).

Law: plain functions of fields and times; no I/O, no clock, no keys and no tiers. What a client or an origin sends is
never an error here: what cannot be read counts as the reading that caches least. Where the RFCs leave a choice, the
function's docstring says which was taken; docs/reference/caching-conformance.md lists every requirement with its tests.

Names of fields are in lower case. `asked` is what a request's fields are in `Request.fields`: lines of the same name
joined with a comma.
"""
