"""What `make check` asks of the source that no off-the-shelf tool does."""
