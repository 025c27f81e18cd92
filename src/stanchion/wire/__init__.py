"""Bytes to requests and responses to bytes: the only layer that knows sockets.

Law: one `try` for everything a handler may raise, one `transport.write` for a response that is not a stream, every
limit checked before memory is spent on it. Nothing here knows of policies or routes beyond calling an Endpoint.
"""
