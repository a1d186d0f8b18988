"""What the cluster changes on the machine itself, and how that is undone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from .config import BRIDGE, BRIDGE_ADDRESS, SERVICE_CIDR, ClusterError, Config
from .console import run

_PACKAGES = {
    "buildah": "buildah",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "ctr": "containerd",
    "go": "golang",
    "ip": "iproute2",
    "nft": "nftables",
    "openssl": "openssl",
    "runc": "runc",
    "ss": "iproute2",
}
CNI_PLUGINS = Path("/usr/lib/cni")

# What the kubelet and pod networking need or change, so that `down` can put it back.
_SYSCTLS = (
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)


def require_tools() -> None:
    """Raises ClusterError naming the Debian packages this machine lacks."""
    if os.geteuid() != 0:
        raise ClusterError("the cluster needs root: it makes namespaces, mounts and a bridge")
    missing = {package for tool, package in _PACKAGES.items() if shutil.which(tool) is None}
    if not (CNI_PLUGINS / "bridge").exists():
        missing.add("containernetworking-plugins")
    if missing:
        raise ClusterError(f"missing Debian packages: {' '.join(sorted(missing))}")


def require_free_ports(ports: dict[int, str]) -> None:
    """Raises ClusterError naming the process on each port a part is about to take."""
    taken = []
    for line in run(["ss", "-Hltnp"]).splitlines():
        local, process = line.split()[3], line.partition("users:")[2]
        port = int(local.rpartition(":")[2])
        if port in ports:
            holder = process or "a process this user cannot see"
            taken.append(f"port {port}, which {ports[port]} needs, is held by {holder}")
    if taken:
        raise ClusterError("\n".join(sorted(set(taken))))


def prepare(config: Config) -> None:
    """Makes the bridge with its address, and lets the machine forward between pods."""
    before = {name: _sysctl(name).read_text().strip() for name in _SYSCTLS}
    (config.state / "sysctls.json").write_text(json.dumps(before))
    _sysctl("net/ipv4/ip_forward").write_text("1")

    run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    run(["ip", "address", "add", f"{BRIDGE_ADDRESS}/16", "dev", BRIDGE])
    run(["ip", "link", "set", BRIDGE, "up"])
    # Lets the machine itself use service addresses where it has no default route.
    run(["ip", "route", "add", SERVICE_CIDR, "dev", BRIDGE])


def restore(config: Config) -> None:
    """Undoes `prepare` and what kube-proxy and the CNI plugins left; harmless if none did."""
    for link in _links_of_bridge():
        _attempt(["ip", "link", "delete", link])
    _attempt(["ip", "link", "delete", BRIDGE])
    for family in ("ip", "ip6"):
        _attempt(["nft", "delete", "table", family, "kube-proxy"])
    saved = config.state / "sysctls.json"
    if saved.exists():
        for name, value in json.loads(saved.read_text()).items():
            _sysctl(name).write_text(value)


def unmount_below(folder: Path) -> None:
    """Unmounts whatever is mounted below a folder, innermost first.

    Raises ClusterError when something stays mounted.
    """
    for _ in range(50):
        mounts = mounts_below(folder)
        if not mounts:
            return
        for mount in reversed(mounts):
            _attempt(["umount", mount])
        time.sleep(0.1)
    raise ClusterError(f"still mounted: {' '.join(mounts_below(folder))}")


def mounts_below(folder: Path) -> list[str]:
    """Mount points below a folder, in the order they were mounted."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    decoded = [point.encode().decode("unicode_escape") for point in points]
    return [point for point in decoded if point.startswith(f"{folder}/")]


def remove_pod_cgroups() -> None:
    """Removes the kubelet's cgroups; those with a process in them refuse and stay."""
    for root in Path("/sys/fs/cgroup").glob("**/kubepods"):
        for folder, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _links_of_bridge() -> list[str]:
    shown = subprocess.run(
        ["ip", "-json", "link", "show", "master", BRIDGE],
        capture_output=True,
        text=True,
        check=False,
    )
    if shown.returncode != 0 or not shown.stdout.strip():
        return []
    return [link["ifname"] for link in json.loads(shown.stdout) if "ifname" in link]


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name


def _attempt(argv: list[str]) -> None:
    """Runs a clean-up step that has nothing to do when there is nothing left."""
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
