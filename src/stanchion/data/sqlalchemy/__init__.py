"""SQLAlchemy on a database's own connections, so that a team keeps its models.

Law: imported only where it is asked for. SQLAlchemy's public events and its pool's extension points, nothing patched.
Inside a session its errors are its own; what leaves one is among `failures`.
"""
