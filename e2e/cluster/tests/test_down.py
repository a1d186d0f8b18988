"""The cluster may be cut off at any moment, and leaves nothing when it goes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import CLUSTER, PROBE_NAME

from stagecluster import host, lifecycle, parts, processes
from stagecluster.config import BRIDGE, Config

pytestmark = pytest.mark.down


@pytest.fixture()
def running_pod(places: Config, command: Callable[..., str], probe_archive: Path) -> None:
    """A pod that would outlive its cluster if nobody ended it."""
    # Loaded for each test, because each has a new cluster.
    image = command("load-image", PROBE_NAME, probe_archive).strip()
    pod = ["run", "lasting", f"--image={image}", "--image-pull-policy=Never"]
    lifecycle.kubectl(places, *pod, "--command", "--", "/usr/bin/probe", "sleep")
    lifecycle.kubectl(places, "wait", "pod/lasting", "--for=condition=Ready", "--timeout=30s")


def _assert_nothing_is_left(places: Config) -> None:
    assert processes.marked(places) == []
    assert host.mounts_below(places.state) == []
    assert not places.state.exists()
    links = json.loads(subprocess.check_output(["ip", "-json", "link"]))
    assert not [link for link in links if link["ifname"] == BRIDGE or "veth" in link["ifname"]]
    assert "kube-proxy" not in subprocess.check_output(["nft", "list", "tables"], text=True)
    assert not list(Path("/sys/fs/cgroup").glob("**/kubepods"))
    assert not Path("/var/lib/kubelet/device-plugins/kubelet.sock").exists()
    assert not list(Path("/run/containerd").glob("s/*"))
    asleep = subprocess.run(["pgrep", "--full", "^/usr/bin/probe sleep"], check=False)
    assert asleep.returncode == 1


@pytest.mark.usefixtures("running_pod")
def test_down_leaves_nothing(places: Config, command: Callable[..., str]) -> None:
    command("down")
    try:
        _assert_nothing_is_left(places)
    finally:
        command("up")


@pytest.mark.usefixtures("running_pod")
def test_down_leaves_nothing_when_containerd_and_kubelet_were_killed(
    places: Config, command: Callable[..., str]
) -> None:
    for name in ("containerd", "kubelet"):
        process = processes.recorded(places, name)
        assert process is not None
        process.send(9)
    command("down")
    try:
        _assert_nothing_is_left(places)
    finally:
        command("up")


@pytest.mark.parametrize("seconds", [0.3, 1, 2, 4, 6, 8])
def test_up_recovers_from_an_up_that_was_killed(
    places: Config, command: Callable[..., str], seconds: float
) -> None:
    command("down")
    interrupted = subprocess.Popen([CLUSTER / "up"], stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    interrupted.kill()
    interrupted.wait()
    command("up")
    command("status")
    running = {process.pid for process in processes.marked(places)}
    recorded = [processes.recorded(places, part.name) for part in parts.every(places)]
    assert running == {process.pid for process in recorded if process is not None}
