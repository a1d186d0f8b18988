"""Bringing the cluster up, as a whole and in order, and saying how it is."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import (
    binaries,
    cleanup,
    health,
    host,
    identities,
    images,
    manifests,
    objectstore,
    parts,
    pki,
    python_environment,
)
from .config import DNS_SERVICE_ADDRESS, NODE_NAME, ClusterError, Config
from .console import run, say, wait_until

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def exclusively(config: Config) -> Iterator[None]:
    """Holds the lock that lets one command change the cluster or its binaries at a time."""
    config.cache.mkdir(parents=True, exist_ok=True)
    with open(config.cache / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another command that works on the cluster")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(config: Config) -> None:
    """Builds the binaries and the Python environment that are not there yet."""
    binaries.build(config)
    python_environment.build(config)


def up(config: Config) -> None:
    """Makes the cluster run, whatever it was before.

    Expected flow: a healthy cluster is left alone; one that came up completely since
    the machine booted gets its stopped parts back and keeps its data; anything else
    is the rest of an interrupted run: removed, and a new cluster made.
    Errors: ClusterError naming the part and the end of its log.
    """
    host.require_tools()
    cleanup.require_owned(config)
    if _came_up(config):
        _complete(config)
    else:
        if config.state.exists():
            say("removing what an earlier run left")
        cleanup.everything(config)
        build(config)
        _create(config)


def is_healthy(config: Config) -> bool:
    """Whether every part answers, the node is ready and names resolve."""
    return (
        all(parts.is_healthy(config, part) for part in parts.every(config))
        and node_is_ready(config)
        and names_resolve()
    )


def kubectl(config: Config, *arguments: str) -> str:
    """Runs kubectl as cluster admin. Raises ClusterError when it fails."""
    return run([config.bin / "kubectl", f"--kubeconfig={config.kubeconfig}", *arguments])


def node_is_ready(config: Config) -> bool:
    """Whether the node takes pods, and their namespace has its service account."""
    condition = '{.status.conditions[?(@.type=="Ready")].status}'
    try:
        ready = kubectl(config, "get", "node", NODE_NAME, f"-o=jsonpath={condition}")
        kubectl(config, "get", "serviceaccount", "default")
    except ClusterError:
        return False
    return ready == "True"


def names_resolve() -> bool:
    """Whether cluster DNS answers at the address that pods use."""
    return health.resolves("kubernetes.default.svc.cluster.local", DNS_SERVICE_ADDRESS)


def _came_up(config: Config) -> bool:
    """Whether an `up` reached its end since the machine booted."""
    stamp = _stamp(config)
    return stamp.exists() and stamp.read_text() == _BOOT_ID.read_text()


def _stamp(config: Config) -> Path:
    return config.state / "came-up"


def _complete(config: Config) -> None:
    """Starts the parts that stand still; data and credentials stay as they are."""
    for part in parts.every(config):
        if not parts.is_running(config, part):
            say(f"starting {part.name} again")
            parts.start(config, part)
        parts.wait_healthy(config, part)
    _wait_usable(config)


def _create(config: Config) -> None:
    every = {part.name: part for part in parts.every(config)}
    host.require_free_ports({port: part.name for part in every.values() for port in part.ports})
    say("writing certificates and configuration")
    cleanup.claim(config)
    pki.create(config)
    identities.create(config)
    manifests.write(config)
    objectstore.prepare(config)
    _link_binaries(config)
    host.prepare(config)

    # Again, because the command line of a part may follow from what was just written.
    every = {part.name: part for part in parts.every(config)}
    say("starting etcd, the API server, containerd and the bucket")
    for name in ("etcd", "containerd", "s3"):
        parts.start(config, every[name])
    parts.wait_healthy(config, every["etcd"])
    parts.start(config, every["kube-apiserver"])
    parts.wait_healthy(config, every["containerd"])
    images.load_tagged(config, binaries.pause_archive(config))
    parts.wait_healthy(config, every["kube-apiserver"])

    say("starting controllers, node and DNS; filling the bucket")
    for part in every.values():
        parts.start(config, part)
    parts.wait_healthy(config, every["s3"])
    objectstore.furnish(config)
    kubectl(config, "apply", f"--filename={config.conf}/cluster.yaml")
    for part in every.values():
        parts.wait_healthy(config, part)
    _wait_usable(config)
    _stamp(config).write_text(_BOOT_ID.read_text())


def _wait_usable(config: Config) -> None:
    wait_until("the node is ready", lambda: node_is_ready(config), 60)
    wait_until("cluster DNS answers", names_resolve, 30)


def _host_ctr(config: Config) -> str:
    """The machine's own ctr: a caller may have our folder, and so the wrapper, first in PATH."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    others = os.pathsep.join(each for each in folders if Path(each) != config.bin)
    return shutil.which("ctr", path=others) or "/usr/bin/ctr"


def _link_binaries(config: Config) -> None:
    """Links what is in use below the state folder, where callers look for it."""
    config.bin.mkdir(parents=True, exist_ok=True)
    for module in binaries.modules(config):
        for name in module.binaries:
            (config.bin / name).symlink_to(binaries.binary(config, name))
    ctr = config.bin / "ctr"
    ctr.write_text(
        f'#!/bin/sh\nexec {_host_ctr(config)} --address {config.containerd_socket} '
        '--namespace k8s.io "$@"\n'
    )
    ctr.chmod(0o755)
