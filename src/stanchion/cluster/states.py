"""What a worker is doing, as its row on the board says."""

from typing import Final

FREE: Final = 0
"""Nobody's row."""
STARTING: Final = 1
SERVING: Final = 2
DRAINING: Final = 3

NAMES: Final = ("free", "starting", "serving", "draining")
