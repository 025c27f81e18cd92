"""What every measure needs, and the one way to put a server under load: warmed, and with its processor time taken."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import processes
from benchmarks.cases import Case
from benchmarks.load import Generator, Load
from benchmarks.progress import Progress
from benchmarks.server import Launcher, Server


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """Servers, load, and how long and how wide."""

    launcher: Launcher
    generator: Generator
    progress: Progress
    rounds: int
    seconds: int
    connections: int

    def warm_up(self, case: Case, server: Server) -> None:
        """Load, a second at a time, until the server answers no more for its processor time than before.

        A fixed time is unfair to Node, whose compilers share the server's one core: Fastify was seen to double
        its rate between the second and the tenth second. Requests a second were tried as the measure, and end
        the warm-up too early whenever another program takes the core. At most twice the measure's own length.
        """
        rates: list[float] = []
        while len(rates) < 2 * self.seconds and not settled(rates):
            load, used = self.load(case, server, 1)
            rates.append(load.requests / used if used else 0.0)

    def load(self, case: Case, server: Server, seconds: int) -> tuple[Load, float]:
        """One measure, and the processor time in seconds that the server's processes spent on it."""
        before = processes.cpu_seconds(server.process.pid)
        found = self.generator.run(case, server.port, seconds=seconds, connections=self.connections)
        return found, processes.cpu_seconds(server.process.pid) - before


def settled(rates: Sequence[float]) -> bool:
    """Whether the last two rates brought nothing (5 % at most) over the best of those before them."""
    return len(rates) > 2 and max(rates[-2:]) <= 1.05 * max(rates[:-2])
