"""What a server tells of itself: metrics, the access log, traces.

Law: the request path adds to cells and appends to buffers, nothing else; whatever is formatted, summed or sent is so
elsewhere, from what they hold. The clock is passed in. Nothing here opens a port or knows who asks.
"""
