"""Asking workers: each question goes with a socket, on which the worker answers and closes.

So answers have no bound of a packet and need no numbers, and a worker that ends answers by the end of its socket.
"""

import asyncio
import socket
from typing import Any

import msgspec

from stanchion.cluster.channel import Answered, Question
from stanchion.cluster.fleet import Fleet
from stanchion.cluster.process import Process
from stanchion.errors import ConfigurationError

_PATIENCE = 2.0
"""Seconds for a worker's answer: one whose loop is blocked is done without."""


async def ask(process: Process, question: Question) -> Any | None:
    """The worker's answer, as plain values; None from one that is gone or does not answer in time.

    Raises:
        ConfigurationError: what was asked cannot be answered.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        sent = process.send(question, [theirs])
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        async with asyncio.timeout(_PATIENCE):
            said = await reader.read(-1) if sent else b""
        answered = msgspec.json.decode(said, type=Answered)
    except (OSError, TimeoutError, msgspec.DecodeError):
        return None
    finally:
        writer.close()
    if answered.why is not None:
        raise ConfigurationError(answered.why)
    return answered.answer


async def ask_all(fleet: Fleet, question: Question) -> dict[int, Any]:
    """The answers of all workers that serve, by slot; without those that give none."""
    workers = fleet.serving
    answers = await asyncio.gather(*(ask(process, question) for process in workers))
    found = zip((process.slot for process in workers), answers, strict=True)
    return {slot: answer for slot, answer in found if answer is not None}


async def ask_one(fleet: Fleet, question: Question) -> Any | None:
    """The answer of the first worker that gives one; None where none does."""
    for process in fleet.serving:
        answer = await ask(process, question)
        if answer is not None:
            return answer
    return None
