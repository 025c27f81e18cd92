"""What a database has been asked: counts of its statements, and of those that a request repeats.

Law: whoever runs a statement tells the recorder; what comes of it (metrics, status, advice) is made by others from the
counts. Values of parameters are never kept.
"""
