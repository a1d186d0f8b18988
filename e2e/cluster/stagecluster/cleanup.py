"""Taking away whatever a cluster left: running, interrupted or half gone.

Every step works from files and the kernel's own lists, never from what a part would
answer, because after an interruption none may be there to ask.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

from . import host, parts, processes
from .config import ClusterError, Config

_MARKER = ".stagekeeper-e2e"
_CNI_RESULTS = Path("/var/lib/cni/results")
_CONTAINER_LOG_LINKS = Path("/var/log/containers")
_DEVICE_PLUGIN_SOCKET = Path("/var/lib/kubelet/device-plugins/kubelet.sock")
# Everything these parts keep is about to be deleted, so there is little to wait for.
_GRACE_SECONDS = 2.0


def claim(config: Config) -> None:
    """Makes the state folder, marked as one that `everything` may delete."""
    require_owned(config)
    for folder in (config.state, config.run, config.logs, config.data, config.conf):
        folder.mkdir(parents=True, exist_ok=True)
        (config.state / _MARKER).touch()


def require_owned(config: Config) -> None:
    """Raises ClusterError when the state folder is somebody's, or another cluster runs."""
    state = config.state
    if state.exists() and any(state.iterdir()) and not (state / _MARKER).exists():
        raise ClusterError(f"{state} is not empty and was not made by this command; not touched")
    others = processes.other_states(config)
    if others:
        raise ClusterError(
            "one cluster fits on a machine, and one runs with "
            f"STAGEKEEPER_STATE={others[0]}; take that down first"
        )


def everything(config: Config) -> None:
    """Removes processes, containers, mounts, networking and the state folder.

    Guarantees: touches only what carries this state folder, its bridge and its tables.
    Errors: ClusterError when a mount or a process refuses to go.
    """
    require_owned(config)
    _stop_parts(config)
    _delete_containers(config)
    sockets = _shim_sockets(config)
    processes.stop(processes.marked(config), _GRACE_SECONDS)
    left = processes.marked(config)
    if left:
        raise ClusterError(f"processes refuse to end: {' '.join(str(each.pid) for each in left)}")
    for socket in sockets:
        socket.unlink(missing_ok=True)
    host.unmount_below(config.state)
    host.restore(config)
    host.remove_pod_cgroups()
    _remove_traces(config)
    if config.state.exists():
        shutil.rmtree(config.state)


def _stop_parts(config: Config) -> None:
    """Ends all but containerd; without the kubelet nothing starts containers again."""
    names = [part.name for part in parts.every(config) if part.name != "containerd"]
    recorded = [processes.recorded(config, name) for name in names]
    processes.stop([process for process in recorded if process is not None], _GRACE_SECONDS)


def _delete_containers(config: Config) -> None:
    """Kills every container and removes its cgroup, whether or not containerd runs."""
    for folder in config.runc_root.glob("*/*"):
        subprocess.run(
            ["runc", "--root", str(folder.parent), "delete", "--force", folder.name],
            capture_output=True,
            check=False,
        )


def _shim_sockets(config: Config) -> list[Path]:
    """Sockets of our shims, which containerd keeps in one folder for all containerds."""
    addresses = config.run.glob("containerd/io.containerd.runtime.v2.task/*/*/address")
    return [Path(file.read_text().removeprefix("unix://")) for file in addresses]


def _remove_traces(config: Config) -> None:
    """Removes files that libraries insist on keeping outside the state folder."""
    for result in _CNI_RESULTS.glob("stagekeeper-e2e-*"):
        result.unlink(missing_ok=True)
    for link in _CONTAINER_LOG_LINKS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(config.state):
            link.unlink(missing_ok=True)
    _DEVICE_PLUGIN_SOCKET.unlink(missing_ok=True)
    for folder in (
        _CNI_RESULTS,
        _CNI_RESULTS.parent,
        _CONTAINER_LOG_LINKS,
        _DEVICE_PLUGIN_SOCKET.parent,
        _DEVICE_PLUGIN_SOCKET.parent.parent,
    ):
        with contextlib.suppress(OSError):
            folder.rmdir()  # Fails, as it should, when somebody else uses it.
