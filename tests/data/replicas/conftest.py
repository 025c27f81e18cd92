"""Servers whose roles stay as they are, for a module's tests; each leaves them up and replaying."""

from collections.abc import Iterator

import pytest

from tests.data.replicas.replica_servers import Servers


@pytest.fixture(scope="package")
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.close()
