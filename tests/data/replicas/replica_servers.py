"""A PostgreSQL primary with two streaming replicas, of which any can be killed, frozen, held back or promoted."""

import subprocess
from contextlib import ExitStack

from tests.data.postgres_server import BINARIES, PostgresServer


class Server(PostgresServer):
    """One of them: the primary, or a replica of `source`."""

    def __init__(self, *options: str, source: "Server | None" = None) -> None:
        self._source = source
        super().__init__(*options)

    def make(self) -> None:
        """See `PostgresServer`."""
        if self._source is None:
            super().make()
        else:
            connection = ("-d", self._source.conninfo, "-D", str(self.data), "-R", "-X", "stream", "-c", "fast")
            self.run("pg_basebackup", *connection)

    @property
    def conninfo(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres"

    def sql(self, statement: str) -> str:
        """The one value of a statement's result, as text."""
        assert BINARIES is not None
        command = [str(BINARIES / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def pause(self) -> None:
        """Receive, but replay nothing from now on."""
        self.sql("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Replay what has gathered."""
        self.sql("SELECT pg_wal_replay_resume()")

    def promote(self) -> None:
        """Be a primary."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def follow(self, source: "Server") -> None:
        """Be a replica of another from now on."""
        self.set("primary_conninfo", source.conninfo)

    def set(self, name: str, value: str) -> None:
        """Change a setting for good."""
        self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")

    def shut_down(self) -> None:
        """End in order, once the replicas have all there is."""
        self.run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")

    def return_to(self, source: "Server") -> None:
        """Start again, as a replica of another, which has all that this one had."""
        (self.data / "standby.signal").touch()
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = '{source.conninfo}'\n")
        self.start()

    def received(self) -> int:
        """Up to where the log has come, in bytes."""
        return int(self.sql("SELECT pg_last_wal_receive_lsn() - '0/0'"))


class Servers:
    """The primary and two replicas; `options` are for all three."""

    def __init__(self, *options: str) -> None:
        self.all: list[Server] = []
        try:
            self.primary = self._added(*options)
            self.one = self._added(*options, source=self.primary)
            self.other = self._added(*options, source=self.primary)
        except BaseException:
            self.close()
            raise

    def _added(self, *options: str, source: Server | None = None) -> Server:
        server = Server(*options, source=source)
        self.all.append(server)
        return server

    @property
    def replica_urls(self) -> list[str]:
        return [self.one.url, self.other.url]

    def close(self) -> None:
        """Leave nothing."""
        with ExitStack() as stack:
            for server in self.all:
                stack.callback(server.close)
