"""What a database has been asked: counts of its statements, of those that a request repeats, and spans in traces.

Law: whoever runs a statement tells the recorder, and the spans that it is run for; what comes of it (metrics, status,
advice) is made by others from the counts. Values of parameters are never kept.
"""
