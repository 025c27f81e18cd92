"""What a pool's process runs: it has to be importable there."""

import os
import signal
import time

from stanchion import deadline


def square(number: int) -> int:
    return number * number


def pid() -> int:
    return os.getpid()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def left() -> float | None:
    return deadline.remaining()


def fail() -> None:
    raise ValueError("as asked")
