"""Brings the peers into benchmarks/.env, on demand; what cannot be had is named, and not fatal.

Names and exact versions stand in peers/*.txt and peers/package.json; where packages come from is the
machine's own matter. Robyn has a venv to itself because it asks for an older uvloop than the others run on.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import Peer
from benchmarks.server import APPS, NODE_MODULES, environment

NODE = NODE_MODULES.parent
ENVIRONMENT = NODE.parent
LIMIT = 900.0

_VERSIONS = """
import importlib.metadata, json, sys
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


class InstallFailed(Exception):
    """Something could not be had; the text is the reason a reader sees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """What is there: programs by template name, versions by peer, and the peers left out with the reason."""

    programs: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]
    left_out: Mapping[str, str]


def prepare(peers: Iterable[Peer], say: Callable[[str], None]) -> Ready:
    """Installs what `peers` need and asks each environment for its versions."""
    programs: dict[str, str] = {}
    versions: dict[str, Mapping[str, str]] = {}
    left_out: dict[str, str] = {}
    homes: dict[str, str | None] = {}
    for peer in peers:
        if peer.home not in homes:
            homes[peer.home] = _install(peer.home, programs, say)
        reason = homes[peer.home]
        if reason is None:
            try:
                versions[peer.name] = _versions(peer, programs)
                continue
            except InstallFailed as error:
                reason = str(error)
        left_out[peer.name] = reason
    return Ready(programs=programs, versions=versions, left_out=left_out)


def system_program(name: str, say: Callable[[str], None]) -> str:
    """A Debian program's path (its package has the same name); installed by apt-get when root and missing."""
    found = shutil.which(name)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing {name} by apt-get")
        # RUNLEVEL=1 keeps Debian's scripts from starting a service of the package's own.
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        _run(["apt-get", "update", "-qq"], variables=quiet)
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", name], variables=quiet)
        found = shutil.which(name)
    if found is None:
        raise InstallFailed(f"{name} is not installed; as root: apt-get install {name}")
    return found


def _install(home: str, programs: dict[str, str], say: Callable[[str], None]) -> str | None:
    """Makes one environment ready and notes its program; the reason when that fails."""
    try:
        match home:
            case "project":
                programs["project"] = sys.executable
            case "apt":
                programs["nginx"] = system_program("nginx", say)
            case "node":
                programs["node"] = _node(say)
            case _:
                programs[home] = _venv(home, say)
    except InstallFailed as error:
        return str(error)
    return None


def _venv(home: str, say: Callable[[str], None]) -> str:
    """The interpreter of benchmarks/.env/HOME, made anew when its requirements have changed."""
    name = "requirements.txt" if home == "python" else f"requirements-{home}.txt"
    wanted = (APPS / name).read_text()
    folder = ENVIRONMENT / home
    interpreter, stamp = folder / "bin" / "python", folder / "installed.txt"
    if interpreter.exists() and stamp.exists() and stamp.read_text() == wanted:
        return str(interpreter)
    say(f"installing the Python peers of {name}")
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        _run([*pip, "-r", str(APPS / name)])
    except InstallFailed:
        _one_by_one(pip, wanted, say)
    stamp.write_text(wanted)
    return str(interpreter)


def _one_by_one(pip: list[str], wanted: str, say: Callable[[str], None]) -> None:
    """Each line alone, so that one missing package does not cost all peers; it is missed by name later."""
    for line in wanted.split():
        try:
            _run([*pip, line])
        except InstallFailed as error:
            say(f"could not install {line}: {error}")


def _node(say: Callable[[str], None]) -> str:
    """Node's path, once the packages of package.json are in benchmarks/.env/node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise InstallFailed("node and npm are not installed")
    wanted = (APPS / "package.json").read_text()
    stamp = NODE / "installed.txt"
    if not (stamp.exists() and stamp.read_text() == wanted):
        say("installing the Node peers of package.json")
        NODE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", ".npmrc"):
            shutil.copy(APPS / name, NODE / name)
        _run([npm, "install", "--prefix", str(NODE), "--no-audit", "--no-fund", "--silent"])
        stamp.write_text(wanted)
    return node


def _versions(peer: Peer, programs: Mapping[str, str]) -> Mapping[str, str]:
    """The versions of what a peer is made of; raises `InstallFailed` when one is missing."""
    match peer.home:
        case "apt":
            return {"nginx": _run([programs["nginx"], "-v"]).partition("/")[2].split()[0]}
        case "node":
            found = {name: _node_version(name, programs["node"]) for name in peer.packages}
        case home:
            variables = environment(home)
            own = {"stanchion": _stanchion_version(programs[home], variables)} if home == "project" else {}
            names = [name for name in peer.packages if name not in own]
            found = own | json.loads(_run([programs[home], "-c", _VERSIONS, *names], variables=variables))
    missing = [name for name, version in found.items() if version is None]
    if missing:
        raise InstallFailed(f"{', '.join(missing)} could not be installed")
    return {name: str(version) for name, version in found.items()}


def _stanchion_version(python: str, variables: dict[str, str]) -> str:
    """From the package itself: in a checkout it is on the path without being installed."""
    code = "import stanchion; print(getattr(stanchion, '__version__', 'of this checkout'))"
    try:
        return _run([python, "-c", code], variables=variables).strip()
    except InstallFailed as error:
        raise InstallFailed(f"this Python cannot import stanchion: {error}") from None


def _node_version(name: str, node: str) -> str | None:
    if name == "node":
        return _run([node, "--version"]).strip().removeprefix("v")
    try:
        return str(json.loads((NODE_MODULES / name / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return None


def _run(command: list[str], *, variables: Mapping[str, str] | None = None) -> str:
    """A command's whole output; raises `InstallFailed` with its last line when it fails."""
    try:
        done = subprocess.run(
            command,
            env=variables,
            timeout=LIMIT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallFailed(f"{Path(command[0]).name} did not finish: {error}") from error
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        raise InstallFailed(lines[-1].strip() if lines else f"{Path(command[0]).name} ended with {done.returncode}")
    return done.stdout
