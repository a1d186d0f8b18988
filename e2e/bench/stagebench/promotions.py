"""Promotions: how soon the pin follows the last Approval, and what a promotion writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kubernetes import client, config, watch
from stageinstall.namespaces import manifest
from support.api import Object
from support.policies import ACCURACY, both, deployment, one_gate, stages
from support.waiting import wait_for
from support.world import PIN, ROLLOUT_SECONDS, World

from stagebench.calls import store_seconds
from stagebench.figures import Samples
from stagebench.writes import Writes, of_request, wait_quiet

Say = Callable[[str], None]

# Short rounds: a person lets a version into Staging, one gate runs, one replica serves. Without
# minImprovement a version may follow another that is as good.
ROUNDS_POLICY = both(
    stages([], [one_gate(ACCURACY, accuracy={"minAbsolute": "0.82", "minImprovement": "0"})]),
    deployment(replicas=1),
)
_WATCH_SECONDS = 90


@dataclass
class PinLatency:
    """From the Approval that completes a review to the pin on the Deployment."""

    seen: Samples = field(default_factory=lambda: Samples("ms"))
    """Approval received by the API server -> pin in a client's watch."""
    audited: Samples = field(default_factory=lambda: Samples("ms"))
    """Audit log: Approval written -> PATCH of the Deployment received."""

    def as_json(self) -> dict[str, Any]:
        return {"clientWatch": self.seen.as_json(), "auditLog": self.audited.as_json()}


@dataclass
class Counted:
    """Writes of one promotion."""

    title: str
    writes: Writes
    seconds: float
    """From the request to its last phase, people included."""

    def as_json(self) -> dict[str, Any]:
        return {"promotion": self.title, "seconds": self.seconds, **self.writes.as_json()}


class _PinWatch(threading.Thread):
    """Notes when a client's watch first shows a Deployment pinned to a version."""

    def __init__(self, it: World, version: str) -> None:
        super().__init__(daemon=True)
        self._version = version
        self._ns = it.ns
        self._from = it.deployment()["metadata"]["resourceVersion"]
        self._field = f"metadata.name={it.served.deployment}"
        connect: Any = config.new_client_from_config
        made = connect(config_file=str(it.cluster.installation.kubeconfig))
        self._apps = client.AppsV1Api(made)
        self.at: datetime | None = None

    def run(self) -> None:
        watching: Any = watch.Watch
        events = watching().stream(
            self._apps.list_namespaced_deployment,
            self._ns,
            field_selector=self._field,
            resource_version=self._from,
            timeout_seconds=_WATCH_SECONDS,
        )
        for event in events:
            arrived = datetime.now(UTC)
            if self._pinned(event["raw_object"]) == self._version:
                self.at = arrived
                return

    def _pinned(self, found: Object) -> str:
        containers = found["spec"]["template"]["spec"]["containers"]
        env = [each for container in containers for each in container.get("env", [])]
        return next((each.get("value", "") for each in env if each["name"] == PIN[0]), "")


def latency_rounds(
    it: World, versions: list[str], budget_seconds: float, store_ms: Samples, say: Say
) -> tuple[PinLatency, list[str]]:
    """Promotes versions one after the other until they or the budget are used up.

    Returns the latencies and the finished requests to Production; adds the audit store's share of
    each to `store_ms`.
    """
    latency = PinLatency()
    finished: list[str] = []
    until = time.monotonic() + budget_seconds
    for version in versions:
        if time.monotonic() > until:
            say(f"the time for rounds is used up after {len(finished)}")
            break
        it.stage(version)
        request = it.await_approval(version)
        it.approve(request, "alice")
        before = store_seconds(it)
        _approve_and_watch(it, request, version, latency)
        it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
        store_ms.add((store_seconds(it) - before) * 1000)
        finished.append(request)
        say(f"round {len(finished)}: pin {latency.audited.values[-1]:.0f} ms after the approval")
    return latency, finished


def _approve_and_watch(it: World, request: str, version: str, latency: PinLatency) -> None:
    """Gives the approval that was missing, and adds what the watch and the audit log saw."""
    waiting = _PinWatch(it, version)
    waiting.start()
    # The watch is open and the first approval is counted; nothing else is on its way.
    wait_quiet(it)
    mark = it.cluster.audit.mark()
    it.approve(request, "bob")
    waiting.join(_WATCH_SECONDS)
    approval = next(
        call
        for call in it.cluster.audit.since(mark, it.ns)
        if call.changes and (call.verb, call.resource) == ("create", "approvals")
    )
    # The API server writes its log after it has answered, and the watch may be faster.
    patch = wait_for("the pin in the audit log", lambda: it.pin_changes(mark), 10)[0]
    latency.audited.add((patch.received - approval.finished).total_seconds() * 1000)
    if waiting.at:
        latency.seen.add((waiting.at - approval.received).total_seconds() * 1000)


def demand_all_gates(it: World) -> None:
    """Puts the demo's policy in place: three gates to Staging, and again to Production."""
    made = manifest(it.cluster.installation, "promotionpolicy", it.ns)
    wanted = {"spec": {"stages": made["spec"]["stages"]}}
    it.admin.merge("PromotionPolicy", it.ns, made["metadata"]["name"], wanted)
    it.admin.create(it.cluster.installation.models.model_version("2", it.ns), it.ns)
    wait_quiet(it)


def counted_staging(it: World, version: str) -> Counted:
    """Brings a version to Staging and counts what that wrote."""
    began, mark = time.monotonic(), it.cluster.audit.mark()
    request = it.stage(version)
    took = time.monotonic() - began
    wait_quiet(it)
    return Counted("Staging, 3 gates", of_request(it, request, mark), took)


def counted_production(it: World, version: str) -> Counted:
    """Brings a version to Production with two approvals and counts what that wrote."""
    began, mark = time.monotonic(), it.cluster.audit.mark()
    request = it.await_approval(version)
    it.approve(request, "alice")
    it.approve(request, "bob")
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
    took = time.monotonic() - began
    wait_quiet(it)
    return Counted("Production, 3 gates", of_request(it, request, mark), took)
