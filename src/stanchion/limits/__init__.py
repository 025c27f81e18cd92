"""Algorithms that decide how much is taken on: how many at once, who waits, who is turned away, what is tried again.

Law: plain Python with the clock passed in; no I/O, no HTTP, no task. What they decide is carried out elsewhere.
"""
