"""The cache that a server's workers share is in a directory for it alone, which ends with it."""

import signal
from pathlib import Path

from tests.cluster.conftest import Serve


def test_it_is_private_and_removed_at_the_end(serve: Serve, tmp_path: Path) -> None:
    base = tmp_path / "caches"
    server = serve("--workers", "2", "--cache-directory", str(base))
    (made,) = base.iterdir()
    assert made.name.startswith(f"stanchion-cache-{server.process.pid}-")
    assert made.stat().st_mode & 0o777 == 0o700
    server.reload()
    assert list(base.iterdir()) == [made]
    server.kill(server.process.pid, signal.SIGTERM)
    assert server.ended() == 0
    assert list(base.iterdir()) == []
