"""Driving an app in tests: in process, through the real wire layer, without a port.

Law: nothing here imitates the server. A request is bytes to the real parser; only the socket is replaced.
"""

from stanchion.testing.client import Client, Result

__all__ = ["Client", "Result"]
