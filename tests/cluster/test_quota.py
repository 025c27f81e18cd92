"""What cgroups allow, read from trees as kernels and containers lay them out."""

import os
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stanchion.cluster.quota import cpu_quota, memory_limit, usable_cpus

GiB = 1 << 30
V2 = "31 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1_CPU = "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct"
V1_MEMORY = "35 31 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory"
OTHERS = [
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
    "23 22 0:21 / /proc rw,nosuid - proc proc rw",
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd",
]

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """`tree([cgroup lines], [mount lines], {file under /sys/fs/cgroup: text})`: the root of a system with these."""

    def build(cgroup: list[str], mounts: list[str], files: Mapping[str, str]) -> Path:
        proc = {"proc/self/cgroup": "\n".join([*cgroup, ""]), "proc/self/mountinfo": "\n".join([*OTHERS, *mounts, ""])}
        groups = {f"sys/fs/cgroup/{name}": f"{text}\n" for name, text in files.items()}
        for name, text in (proc | groups).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return build


def test_version_2_in_a_container_with_a_namespace_of_its_own(tree: Tree) -> None:
    root = tree(["0::/"], [V2], {"cpu.max": "150000 100000", "memory.max": str(GiB)})
    assert (cpu_quota(root), memory_limit(root)) == (1.5, GiB)


def test_version_2_on_the_host_the_narrowest_group_holds(tree: Tree) -> None:
    files = {
        "system.slice/cpu.max": "200000 100000",
        "system.slice/memory.max": str(4 * GiB),
        "system.slice/shop.service/cpu.max": "max 100000",
        "system.slice/shop.service/memory.max": str(8 * GiB),
        "user.slice/cpu.max": "1000 100000",  # not above this process
        "user.slice/memory.max": "1000",
    }
    root = tree(["0::/system.slice/shop.service"], [V2], files)
    assert (cpu_quota(root), memory_limit(root)) == (2.0, 4 * GiB)


def test_max_is_no_limit(tree: Tree) -> None:
    root = tree(["0::/a"], [V2], {"a/cpu.max": "max 100000", "a/memory.max": "max"})
    assert (cpu_quota(root), memory_limit(root)) == (None, None)


def test_version_1_each_controller_has_a_hierarchy(tree: Tree) -> None:
    files = {
        "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "50000",
        "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "20000",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "memory/docker/xyz/memory.limit_in_bytes": str(2 * GiB),
        "memory/memory.limit_in_bytes": "9223372036854771712",
    }
    root = tree(["4:memory:/docker/xyz", "3:cpu,cpuacct:/docker/abc", "1:name=systemd:/"], [V1_CPU, V1_MEMORY], files)
    assert (cpu_quota(root), memory_limit(root)) == (2.5, 2 * GiB)


def test_version_1_has_no_word_for_no_limit(tree: Tree) -> None:
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "memory/memory.limit_in_bytes": "9223372036854771712",
    }
    root = tree(["4:memory:/", "3:cpu,cpuacct:/"], [V1_CPU, V1_MEMORY], files)
    assert (cpu_quota(root), memory_limit(root)) == (None, None)


def test_version_1_in_a_container_that_sees_its_hosts_paths(tree: Tree) -> None:
    mounts = [V1_CPU.replace(" / ", " /docker/abc ", 1), V1_MEMORY.replace(" / ", " /docker/abc ", 1)]
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "300000",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "memory/memory.limit_in_bytes": str(GiB),
    }
    root = tree(["4:memory:/docker/abc", "3:cpu,cpuacct:/docker/abc"], mounts, files)
    assert (cpu_quota(root), memory_limit(root)) == (3.0, GiB)


def test_both_versions_at_once(tree: Tree) -> None:
    unified = V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    files = {
        "cpu,cpuacct/a/cpu.cfs_quota_us": "100000",
        "cpu,cpuacct/a/cpu.cfs_period_us": "100000",
        "unified/a/memory.max": str(GiB),
    }
    root = tree(["3:cpu,cpuacct:/a", "0::/a"], [V1_CPU, unified], files)
    assert (cpu_quota(root), memory_limit(root)) == (1.0, GiB)


@pytest.mark.parametrize(
    ("mounted", "path", "holds"),
    [
        ("/../..", "/../..", "cpu.max"),  # the namespace's root is below what is mounted
        ("/../..", "/../../a/b", "a/b/cpu.max"),
        ("/../..", "/", "cpu.max"),  # where below is not to be known: what is mounted holds at any rate
        ("/", "/../other", "cpu.max"),  # moved out of the namespace
        ("/docker/abc", "/docker/abcdef", "cpu.max"),
        ("/docker/abc", "/docker/abc/init", "init/cpu.max"),
    ],
)
def test_groups_above_and_beside_the_namespace(tree: Tree, mounted: str, path: str, holds: str) -> None:
    root = tree([f"0::{path}"], [V2.replace(" / ", f" {mounted} ", 1)], {holds: "70000 100000"})
    assert cpu_quota(root) == 0.7


def test_of_several_mounts_the_one_that_shows_the_group_is_read(tree: Tree) -> None:
    mounts = [V2.replace(" / /sys/fs/cgroup", " /docker/other /sys/fs/cgroup/other"), V2]
    files = {"other/cpu.max": "10000 100000", "docker/mine/cpu.max": "400000 100000"}
    assert cpu_quota(tree(["0::/docker/mine"], mounts, files)) == 4.0


def test_a_mount_point_with_a_blank_and_a_path_with_a_colon(tree: Tree) -> None:
    mount = V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/my\\040groups")
    assert cpu_quota(tree(["0::/a:b"], [mount], {"my groups/a:b/cpu.max": "250000 100000"})) == 2.5


@pytest.mark.parametrize(
    "text", ["", "max", "1", "a b", "100000", "-1 100000", "100000 0", "0 100000", "1 2 3", "²  3"]
)
def test_a_quota_that_is_malformed_is_none(tree: Tree, text: str) -> None:
    assert cpu_quota(tree(["0::/"], [V2], {"cpu.max": text})) is None


@pytest.mark.parametrize("text", ["", "lots", "-1", "1.5", "9" * 5000])
def test_a_memory_limit_that_is_malformed_is_none(tree: Tree, text: str) -> None:
    assert memory_limit(tree(["0::/"], [V2], {"memory.max": text})) is None


def test_a_quota_without_its_period_is_none(tree: Tree) -> None:
    assert cpu_quota(tree(["3:cpu:/"], [V1_CPU], {"cpu,cpuacct/cpu.cfs_quota_us": "100000"})) is None


def test_a_system_without_cgroups_has_no_limits(tmp_path: Path) -> None:
    assert (cpu_quota(tmp_path), memory_limit(tmp_path)) == (None, None)
    assert usable_cpus(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("line", ["", "0", "0:", "::::", "0::", "x:cpu:/", "31 23 - cgroup2"])
def test_lines_that_are_malformed_are_passed_over(tree: Tree, line: str) -> None:
    root = tree([line, "0::/a"], [line, V2], {"a/cpu.max": "300000 100000"})
    assert cpu_quota(root) == 3.0


@pytest.mark.parametrize("quota", [1_000, 99_999, 100_000, 100_001, 150_000, 10_000_000])
def test_workers_are_the_quota_rounded_up_within_what_the_scheduler_allows(tree: Tree, quota: int) -> None:
    allowed = len(os.sched_getaffinity(0))
    root = tree(["0::/"], [V2], {"cpu.max": f"{quota} 100000"})
    assert usable_cpus(root) == min(allowed, ceil(quota / 100_000))


def test_affinity_holds_where_it_is_narrower(tree: Tree) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cpus(tree(["0::/"], [V2], {"cpu.max": "800000 100000"})) == 1
    finally:
        os.sched_setaffinity(0, before)


def test_this_machine_can_be_read() -> None:
    assert 1 <= usable_cpus() <= len(os.sched_getaffinity(0))
    limit = memory_limit()
    assert limit is None or limit > 0


NAMES = st.lists(st.sampled_from(["a", "b", "..", "docker"]), max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(NAMES, NAMES, st.lists(st.one_of(st.none(), st.integers(1, 10**7)), min_size=5, max_size=5))
@settings(deadline=None)
def test_no_group_on_the_way_up_is_passed_over(
    tmp_path_factory: pytest.TempPathFactory, mounted: str, below: str, quotas: list[int | None]
) -> None:
    assume(".." not in below)
    root = tmp_path_factory.mktemp("system")
    (root / "proc/self").mkdir(parents=True)
    path = (mounted.rstrip("/") + below).rstrip("/") or "/"
    (root / "proc/self/cgroup").write_text(f"0::{path}\n")
    (root / "proc/self/mountinfo").write_text(V2.replace(" / ", f" {mounted} ", 1) + "\n")
    group = root / "sys/fs/cgroup"
    group.mkdir(parents=True)
    set_here = []
    for part, quota in zip(["", *below.strip("/").split("/")], quotas, strict=False):
        group = group / part
        group.mkdir(exist_ok=True)
        if quota is not None:
            (group / "cpu.max").write_text(f"{quota} 100000\n")
            set_here.append(quota)
        if group == root / "sys/fs/cgroup" and below == "/":
            break
    assert cpu_quota(root) == (min(set_here) / 100_000 if set_here else None)
