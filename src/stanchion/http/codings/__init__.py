"""Content codings (RFC 9110 §8.4): the compressors, and what a response becomes in one.

Law: a representation in a coding is another representation: it has its own entity tag, and a response that could have
been in another says so with Vary. What has a coding already, or must not be transformed, is left as it is.
"""
