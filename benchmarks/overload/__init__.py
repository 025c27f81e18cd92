"""What a server answers in time while more is asked of it than it can do: an open loop, from half its capacity to ten
times of it.

Run it with `python -m benchmarks.overload`; it installs its peers as the main benchmark does.
"""
