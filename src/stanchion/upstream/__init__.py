"""An HTTP/1.1 client for upstreams: pooled connections, streams both ways, every wait bounded.

Law: it knows neither routes nor policies. What an upstream sends is checked as strictly as what a client sends, and a
connection whose state is in doubt is closed, never reused.
"""
