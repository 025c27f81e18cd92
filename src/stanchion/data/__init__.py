"""The database behind one small interface: what a route reads and writes, how many connections that takes, and when.

Law: a driver knows one database and no table; what is above it knows tables and no driver. Every wait ends with the
request's deadline, every connection comes back, and every failure has an HTTP outcome (`failures`). SQL is written by
the caller with `$1` parameters, or made here from declared names; values never become part of it. `resource` has the
same limits for the clients of other stores, and knows none of them.
"""
