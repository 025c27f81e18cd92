"""Upstreams behind Stanchion's policies: which one gets a request, what of it is passed on, what comes back.

Law: nothing here knows sockets. A proxied prefix is an endpoint like any other: its call returns a `Response`, so that
policies, cache, metrics and the wire layer need not know what made it (RFC 9110 §7.6, RFC 9112).
"""
