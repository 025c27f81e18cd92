"""One router an area. A handler turns a request into calls of the stores and their answer into a Struct."""
