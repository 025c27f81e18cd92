"""Measures Stanchion beside its peers, in one run, on one machine.

The law here: a figure counts only beside its peers' figures of the same run, and only after the same server
has answered a real request correctly. One core serves, another makes the load, the rounds are interleaved,
medians are compared. Everything is declared once (peers, cases, floors); the runner needs the standard
library alone, and speaks to the loopback interface alone. `README.md` says how to run it and how to read it.
"""
