"""What a handler sees of HTTP: requests, bodies, responses, problem documents.

Law: no sockets, no routing and no policies here. A request is built by the wire layer with raw fields and
works the rest out only when asked; a response is a value, encoded once.
"""
