"""The operator as a process: its restart, its memory, its rounds."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stageinstall.places import OPERATOR_NAMESPACE
from support.api import Object, path
from support.waiting import wait_for
from support.world import Cluster

_PROGRAM = b"/usr/bin/stagekeeper\0"
_START_SECONDS = 90
_SETTLE_SECONDS = 3.0


@dataclass(frozen=True)
class Start:
    """One start of the operator."""

    synced_ms: float
    """From "leading" to "working" in its log: lists, decoding, and the first probe of the store."""
    takeover_ms: float
    """From the deletion of its predecessor to "working"."""
    rss_mib: float
    """Some seconds later."""
    peak_mib: float
    model_versions: int
    """How many it holds."""

    def as_json(self) -> dict[str, Any]:
        return {
            "startToSyncedMs": self.synced_ms,
            "takeoverMs": self.takeover_ms,
            "rssMiB": self.rss_mib,
            "peakRssMiB": self.peak_mib,
            "modelVersions": self.model_versions,
        }


def restart(cluster: Cluster) -> Start:
    """Deletes the operator's pod and measures its successor."""
    before = {pod["metadata"]["uid"] for pod in cluster.operator_pods()}
    deleted = datetime.now(UTC)
    for pod in cluster.operator_pods():
        cluster.admin.delete("Pod", OPERATOR_NAMESPACE, pod["metadata"]["name"])

    def started() -> tuple[Object, dict[str, datetime]] | None:
        for pod in cluster.operator_pods():
            times = _milestones(cluster, pod)
            if pod["metadata"]["uid"] not in before and "working" in times:
                return pod, times
        return None

    pod, times = wait_for("the new operator works", started, _START_SECONDS)
    time.sleep(_SETTLE_SECONDS)
    memory = _memory(pod)
    return Start(
        synced_ms=_ms(times["leading"], times["working"]),
        takeover_ms=_ms(deleted, times["working"]),
        rss_mib=memory["VmRSS"],
        peak_mib=memory["VmHWM"],
        model_versions=int(metric(cluster, 'store_objects{kind="ModelVersion"}')),
    )


def rss_mib(cluster: Cluster) -> float:
    """Resident memory of the operator that leads."""
    return _memory(_leader(cluster))["VmRSS"]


def metric(cluster: Cluster, series: str) -> float:
    """The sum of the operator's series whose text begins so."""
    name = _leader(cluster)["metadata"]["name"]
    where = path("Pod", OPERATOR_NAMESPACE, f"{name}:8080", "proxy/metrics")
    lines = cluster.admin.send("GET", where).data.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))


def _leader(cluster: Cluster) -> Object:
    def found() -> Object | None:
        working = [pod for pod in cluster.operator_pods() if "working" in _milestones(cluster, pod)]
        return working[0] if working else None

    return wait_for("an operator works", found, _START_SECONDS)


def _milestones(cluster: Cluster, pod: Object) -> dict[str, datetime]:
    """When its log says that it leads and that it works."""
    where = path("Pod", OPERATOR_NAMESPACE, pod["metadata"]["name"], "log")
    answer = cluster.admin.send("GET", where, limitBytes=20_000)
    times: dict[str, datetime] = {}
    for line in answer.data.decode(errors="replace").splitlines() if answer.status == 200 else []:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if said.get("event") in ("leading", "working"):
            times[said["event"]] = datetime.fromisoformat(said["time"].replace("Z", "+00:00"))
    return times


def _memory(pod: Object) -> dict[str, float]:
    """VmRSS and VmHWM in MiB: the node of e2e/cluster is this machine."""
    uid = pod["metadata"]["uid"]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if not (process / "cmdline").read_bytes().startswith(_PROGRAM):
                continue
            group = (process / "cgroup").read_text()
            status = (process / "status").read_text()
        except OSError:  # it has just ended
            continue
        if uid in group or uid.replace("-", "_") in group:
            lines = re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", status, re.MULTILINE)
            return {name: int(kib) / 1024 for name, kib in lines}
    raise RuntimeError(f"no process of pod {pod['metadata']['name']} on this machine")


def _ms(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds() * 1000
