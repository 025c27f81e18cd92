"""ASGI both ways: foreign apps behind Stanchion's policies, and a Stanchion app under other servers.

Law: nothing here knows sockets. A foreign app is an endpoint like any other: its call returns a `Response`, so that
policies, metrics and the wire layer need not know what made it. Events are those of ASGI 3.0 with spec 2.4 of HTTP and
WebSocket (https://asgi.readthedocs.io/en/latest/specs/www.html).
"""
