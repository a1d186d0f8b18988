"""One namespace in which a model is served, with the people who may act in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.exceptions import ApiException
from stageinstall import Installation, Served, objects, prepare_namespace, remove_namespace
from stageinstall.places import GATE_NAMESPACE, OPERATOR_NAMESPACE, OPERATOR_USER, cluster_state

from support.api import Api, Object, path
from support.audit_log import AuditLog, NoAuditLog
from support.ledger import Ledgers, Record
from support.waiting import NotInTime, wait_for

ENDED = frozenset(
    {
        "Promoted",
        "PartlyPromoted",
        "Blocked",
        "Rejected",
        "Expired",
        "RolledBack",
        "Superseded",
        "Aborted",
        "Errored",
    }
)
PIN = ("MODEL_VERSION", "MODEL_URI", "MODEL_DIGEST")
GATES_SECONDS = 150.0
"""How long gates may take on two cores that do other work as well."""
ROLLOUT_SECONDS = 120.0


@dataclass
class Cluster:
    """What every test shares: the installation, its users, bucket and audit log."""

    installation: Installation
    audit: AuditLog
    _users: dict[str, Api] = field(default_factory=dict)

    def user(self, name: str) -> Api:
        """priya, alice, bob, nadia, mallory, root-admin, or admin."""
        if name not in self._users:
            made = self.installation
            self._users[name] = Api(made.kubeconfig if name == "admin" else made.user(name))
        return self._users[name]

    @property
    def admin(self) -> Api:
        return self.user("admin")

    def controller(self, name: str) -> Api:
        """A controller of the control plane, such as generic-garbage-collector."""
        user = f"system:serviceaccount:kube-system:{name}"
        return Api(self.installation.kubeconfig, impersonate=user)

    @property
    def unguarded(self) -> Api:
        """May do what admission refuses to everybody but the operator: a first line that failed."""
        return Api(
            self.installation.kubeconfig, impersonate=OPERATOR_USER, group="system:masters"
        )

    @property
    def ledgers(self) -> Ledgers:
        made = self.installation
        uid = self.admin.read("Namespace", None, "kube-system")["metadata"]["uid"]
        return Ledgers(made.store, uid, made.public_key)

    @property
    def ctr(self) -> Path:
        """The node's container runtime, for what no API can do."""
        if isinstance(self.audit, NoAuditLog):
            pytest.skip("works on the node of e2e/cluster")
        return cluster_state() / "bin" / "ctr"

    def operator_pods(self) -> list[Object]:
        """Those that have not been told to end."""
        selector = "app.kubernetes.io/component=operator"
        pods = self.admin.list("Pod", OPERATOR_NAMESPACE, labelSelector=selector)
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def operator_log(self, lines: int = 60) -> str:
        """The end of what the operator says, of the container before as well."""
        parts = []
        for pod in self.operator_pods():
            where = path("Pod", OPERATOR_NAMESPACE, pod["metadata"]["name"], "log")
            for previous in ("true", "false"):
                answer = self.admin.send("GET", where, tailLines=lines, previous=previous)
                if answer.status == 200 and answer.data:
                    parts.append(answer.data.decode(errors="replace").rstrip())
        return "\n".join(parts)

    def gate_jobs(self, request_uid: str) -> list[Object]:
        selector = f"stagekeeper.dev/request-uid={request_uid}"
        return self.admin.list("Job", GATE_NAMESPACE, labelSelector=selector)

    def gate_pods(self, job: str) -> list[Object]:
        selector = f"batch.kubernetes.io/job-name={job}"
        return self.admin.list("Pod", GATE_NAMESPACE, labelSelector=selector)


@dataclass
class World:
    """A namespace of one test."""

    cluster: Cluster
    served: Served
    began: int
    """Mark in the audit log from which this namespace exists."""

    @property
    def ns(self) -> str:
        return self.served.namespace

    @property
    def admin(self) -> Api:
        return self.cluster.admin

    # What people do

    def request(
        self, version: str | None, stage: str, by: str = "priya", name: str = "", **spec: Any
    ) -> str:
        """Creates a PromotionRequest and returns its name."""
        wanted = {"model": self.served.model, "stage": stage, "reason": "end-to-end test", **spec}
        if version:
            wanted["version"] = version
        meta = {"name": name} if name else {"generateName": f"v{version or '0'}-{stage.lower()}-"}
        made = self.cluster.user(by).create(
            {
                "apiVersion": "stagekeeper.dev/v1alpha1",
                "kind": "PromotionRequest",
                "metadata": meta,
                "spec": wanted,
            },
            self.ns,
        )
        return str(made["metadata"]["name"])

    def approve(self, request: str, by: str, /, **changed: Any) -> str:
        """Creates an Approval from the request's own manifest, with `changed` fields of spec."""
        manifest = yaml.safe_load(self.status(request)["review"]["approvalManifest"])
        manifest["spec"].update(changed)
        made = self.cluster.user(by).create(manifest, self.ns)
        return str(made["metadata"]["name"])

    # What is

    def promotion(self, request: str) -> Object:
        return self.admin.read("PromotionRequest", self.ns, request)

    def uid(self, request: str) -> str:
        return str(self.promotion(request)["metadata"]["uid"])

    def status(self, request: str) -> Object:
        found: Object = self.promotion(request).get("status", {})
        return found

    def deployment(self, name: str = "") -> Object:
        return self.admin.read("Deployment", self.ns, name or self.served.deployment)

    def pins(self, name: str = "") -> dict[str, str]:
        """The pinned variables that the Deployment's template carries."""
        containers = self.deployment(name)["spec"]["template"]["spec"]["containers"]
        return {
            each["name"]: each.get("value", "")
            for container in containers
            for each in container.get("env", [])
            if each["name"] in PIN
        }

    def pin_of(self, version: str) -> dict[str, str]:
        """The variables with which the Deployment serves a version."""
        artifact = self.admin.read("ModelVersion", self.ns, f"{self.served.model}-{version}")[
            "spec"
        ]["artifact"]
        return dict(zip(PIN, (version, artifact["uri"], artifact["digest"]), strict=True))

    def serving(self) -> str:
        """The version that the Service answers with, or "" while nothing does."""
        where = path("Service", self.ns, f"{self.served.service}:80", "proxy/ping")
        answer = self.admin.send("GET", where)
        return str(answer.headers.get("X-Model-Version", "")) if answer.status == 200 else ""

    def clones(self) -> list[str]:
        found = self.admin.list("Deployment", self.ns, labelSelector="stagekeeper.dev/clone")
        return [each["metadata"]["name"] for each in found]

    def target_view(self, request: str, name: str = "") -> Object:
        """The row of a target in a request's status."""
        wanted = name or self.served.target
        targets = self.status(request).get("targets", [])
        return next(target for target in targets if target["name"] == wanted)

    def gate(self, request: str, name: str) -> Object:
        """The row of a gate in a request's status."""
        gates = self.status(request).get("gates", [])
        return next(gate for gate in gates if gate["name"] == name)

    def target_records(self, request: str = "") -> list[Record]:
        """Records of the ServingTarget's ledger, of one request or of all."""
        found = self.cluster.ledgers.records(self.ns, "target", self.served.target)
        uid = self.uid(request) if request else ""
        return [each for each in found if not uid or each.request_uid == uid]

    def model_records(self, request: str = "") -> list[Record]:
        found = self.cluster.ledgers.records(self.ns, "model", self.served.model)
        uid = self.uid(request) if request else ""
        return [each for each in found if not uid or each.request_uid == uid]

    def decided(self, request: str) -> Record:
        """What was decided, by whom, and for which targets."""
        (record,) = [each for each in self.model_records(request) if each.kind == "Decided"]
        return record

    def concluded(self, request: str) -> Record:
        """How a request ended."""
        (record,) = [each for each in self.model_records(request) if each.kind == "Concluded"]
        return record

    def pin_changes(self, since: int | None = None) -> list[Any]:
        mark = self.began if since is None else since
        return self.cluster.audit.pin_changes(self.ns, self.served.deployment, mark)

    def operator_changes(self, since: int) -> list[Any]:
        """What the operator changed since a mark, other namespaces of tests left out."""
        ours = {self.ns, GATE_NAMESPACE, OPERATOR_NAMESPACE, ""}
        changes = self.cluster.audit.changes_by(OPERATOR_USER, since)
        return [call for call in changes if call.namespace in ours]

    # Waiting

    def wait_phase(self, request: str, *phases: str, seconds: float = GATES_SECONDS) -> Object:
        """The status once the phase is one of `phases`; any other end of the request fails."""

        def reached() -> Object | None:
            status = self.status(request)
            phase = status.get("phase")
            if phase in phases:
                return status
            if phase in ENDED:
                raise AssertionError(
                    f"{request} ended {summary(status)}, not {' or '.join(phases)}"
                )
            return None

        def seen() -> str:
            return summary(self.status(request))

        return wait_for(f"{request} {' or '.join(phases)}", reached, seconds, seen=seen) or {}

    def wait_reason(self, request: str, reason: str, seconds: float = GATES_SECONDS) -> Object:
        """The status once its reason is this one."""

        def reached() -> Object | None:
            status = self.status(request)
            return status if status.get("reason") == reason else None

        def seen() -> str:
            return summary(self.status(request))

        return wait_for(f"{request} with reason {reason}", reached, seconds, seen=seen) or {}

    def wait_approval(self, approval: str, *, counted: bool, seconds: float = 30) -> Object:
        """What the operator says of an Approval: its condition Counted, with the role it fills."""
        wanted = str(counted)

        def judged() -> Object:
            found: Object = self.admin.read("Approval", self.ns, approval).get("status", {})
            said = judgement(found)
            return {**said, "role": found.get("role", "")} if said else {}

        # A seat may be counted a moment later, when its request is looked at again.
        return wait_for(
            f"approval {approval} counted={wanted}",
            lambda: judged() if judged().get("status") == wanted else {},
            seconds,
            seen=judged,
        )

    def wait_serving(self, version: str, seconds: float = ROLLOUT_SECONDS) -> None:
        wait_for(
            f"the Service answers with version {version}",
            lambda: self.serving() == version,
            seconds,
            seen=self.serving,
        )

    # Ways

    def stage(self, version: str) -> str:
        """Brings a version to Staging; returns the request."""
        name = self.request(version, "Staging")
        status = self.wait_phase(name, "Promoted", "AwaitingApproval")
        if status["phase"] == "AwaitingApproval":
            self.approve(name, "alice")
            self.wait_phase(name, "Promoted", seconds=30)
        return name

    def await_approval(self, version: str) -> str:
        """Asks for Production and waits until people are asked; returns the request."""
        name = self.request(version, "Production")
        self.wait_phase(name, "AwaitingApproval")
        return name

    def promote(self, version: str) -> str:
        """Brings a version through Staging to Production; returns the second request."""
        self.stage(version)
        name = self.await_approval(version)
        self.approve(name, "alice")
        self.approve(name, "bob")
        self.wait_phase(name, "Promoted", seconds=ROLLOUT_SECONDS)
        return name

    # On failure

    def dump(self) -> str:
        """All that a person needs to find out why a test failed."""
        parts = []
        for kind in ("PromotionRequest", "Approval", "ServingTarget"):
            for found in self._list(kind):
                shown = {"spec": found.get("spec"), "status": found.get("status")}
                text = yaml.safe_dump(shown, sort_keys=False, width=160)
                parts.append(f"--- {kind} {found['metadata']['name']}\n{text}")
        for found in self._list("Deployment"):
            parts.append(f"--- Deployment {_short_deployment(found)}")
        for pod in self._list("Pod"):
            parts.append(f"--- Pod {_short_pod(pod)}")
        requests = {each["metadata"]["uid"] for each in self._list("PromotionRequest")}
        for uid in requests:
            for job in self.cluster.gate_jobs(uid):
                for pod in self.cluster.gate_pods(job["metadata"]["name"]):
                    parts.append(f"--- gate {_short_pod(pod)}")
        for event in self._list("Event")[-30:]:
            about = event.get("regarding", {})
            parts.append(
                f"--- Event {about.get('kind')}/{about.get('name')} {event.get('reason')}: "
                f"{event.get('note', '')}"
            )
        for kind, name in (("target", self.served.target), ("model", self.served.model)):
            try:
                records = self.cluster.ledgers.records(self.ns, kind, name)
                parts.append(f"--- ledger {kind}: " + "; ".join(map(str, records)))
            except Exception as error:  # the store may be what is broken
                parts.append(f"--- ledger {kind}: {error}")
        parts.append("--- operator\n" + self.cluster.operator_log())
        return "\n".join(parts)

    def _list(self, kind: str) -> list[Object]:
        try:
            return self.admin.list(kind, self.ns)
        except ApiException as error:
            return [{"metadata": {"name": f"(not listed: {error.status})", "uid": ""}}]


def make_world(
    cluster: Cluster,
    name: str,
    *,
    versions: list[str] | None = None,
    edit: Callable[[Object], None] | None = None,
) -> World:
    """Prepares a namespace for a test, with rights that only tests need."""
    began = cluster.audit.mark()
    served = prepare_namespace(cluster.installation, name, versions=versions, edit=edit)
    cluster.installation.target.apply(_more_rights(name))
    world = World(cluster, served, began)
    wait_for("the operator has looked at the target", lambda: _looked_at(world), 30)
    return world


def remove_world(world: World) -> None:
    remove_namespace(world.cluster.installation.target, world.ns, wait=False)


def _more_rights(ns: str) -> list[Object]:
    """mallory may create Approvals as far as RBAC goes, and reviews of Staging have reviewers."""
    people = [objects.user("alice"), objects.user("bob")]
    mallory = [objects.user("mallory")]
    return [
        objects.role_binding("stranger", ns, "ClusterRole/stagekeeper-approver", mallory),
        objects.stage_role("stages-approve-staging", ns, {"approve": ["staging"]}),
        objects.role_binding("stages-approve-staging", ns, "Role/stages-approve-staging", people),
    ]


def _looked_at(world: World) -> bool:
    """The Deployment is claimed, or the target says that it only observes."""
    target = world.admin.read("ServingTarget", world.ns, world.served.target)
    if target["spec"]["enforcement"] == "Observe":
        conditions = target.get("status", {}).get("conditions", [])
        return any(each["reason"] == "Observing" for each in conditions)
    labels = world.deployment()["metadata"].get("labels", {})
    return bool(labels.get("stagekeeper.dev/target") == world.served.target)


def job_name(request_uid: str, gate: str, attempt: int) -> str:
    """The name that an attempt of a gate must have."""
    text = f"{request_uid}/{gate}/{attempt}".encode()
    return "g-" + hashlib.sha256(text).hexdigest()[:40]


def judgement(status: Object) -> Object:
    """The condition Counted in an Approval's status, or nothing while it was not judged."""
    conditions = status.get("conditions", [])
    found: Object = next((each for each in conditions if each["type"] == "Counted"), {})
    return found


def summary(status: Object) -> str:
    """A status in one line."""
    gates = [f"{g['name']}={g['verdict']}" for g in status.get("gates", [])]
    return (
        f"{status.get('phase')} {status.get('reason')}: {status.get('message')} "
        f"[{', '.join(gates)}] {json.dumps(status.get('summary', {}))}"
    )


def _short_deployment(found: Object) -> str:
    status = found.get("status", {})
    pins = [
        f"{each['name']}={each.get('value')}"
        for container in found["spec"]["template"]["spec"]["containers"]
        for each in container.get("env", [])
        if each["name"] in PIN
    ]
    counts = {k: v for k, v in status.items() if k.endswith("eplicas") or k == "observedGeneration"}
    return f"{found['metadata']['name']} {pins} {counts}"


def _short_pod(found: Object) -> str:
    status = found.get("status", {})
    states = [
        (each["name"], each.get("state"))
        for each in status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
    ]
    return f"{found['metadata']['name']} {status.get('phase')} {json.dumps(states)[:1500]}"


__all__ = ["Cluster", "NotInTime", "World", "job_name", "make_world", "remove_world", "summary"]
