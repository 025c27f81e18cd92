"""What clients and APIs that try again make of an outage of a dependency, and whether it is over when it is over.

Run it with `python -m benchmarks.retry_storm`; it installs its peers as the main benchmark does.
"""
