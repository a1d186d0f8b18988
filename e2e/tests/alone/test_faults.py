"""What may go wrong around a promotion: the store, the operator, the Deployment, its fields."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from stageinstall.places import OPERATOR_NAMESPACE, OPERATOR_USER

from support.api import Object, path, refused
from support.ledger import s3_client
from support.policies import ACCURACY, QUICK, both, deployment, server, stages
from support.serving import slow
from support.waiting import stays, wait_for
from support.world import GATES_SECONDS, ROLLOUT_SECONDS, World, job_name

# The store


def test_a_stopped_bucket_only_delays(
    world: Callable[..., World], part: Callable[[str, str], None]
) -> None:
    it = world(versions=["1"], edit=QUICK)
    it.stage("1")
    request = it.await_approval("1")
    before = it.deployment()["metadata"]["generation"]
    part("s3", "stop")
    try:
        it.approve(request, "alice")
        it.approve(request, "bob")
        status = it.wait_reason(request, "AuditStoreUnavailable", 60)
        assert status["phase"] == "AwaitingApproval", "how far it got is not forgotten"
        assert status["summary"]["waitingFor"] == "audit store"
        generation = stays("the Deployment", lambda: it.deployment()["metadata"]["generation"], 5)
        assert generation == before
        assert it.pins() == {}
        assert it.status(request)["phase"] == "AwaitingApproval"
    finally:
        part("s3", "start")
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
    it.wait_serving("1")
    intent, applied = it.target_records(request)
    assert (intent.kind, applied.kind) == ("Intent", "Applied")
    (change,) = it.pin_changes()
    assert intent.put_at < change.received
    it.cluster.ledgers.check(it.ns, "target", it.served.target)


def test_a_rollback_takes_back_what_is_open_while_the_bucket_is_stopped(
    world: Callable[..., World], part: Callable[[str, str], None]
) -> None:
    it = world(versions=["1", "2"], edit=QUICK)
    it.promote("1")
    it.stage("2")
    request = it.await_approval("2")
    slow(it, 300)
    it.approve(request, "alice")
    it.approve(request, "bob")
    wait_for("version 2 is pinned", lambda: it.pins() == it.pin_of("2"), 60)
    part("s3", "stop")
    try:
        began = time.monotonic()
        back = it.request(None, "Production", action="Rollback")
        wait_for("version 1 is pinned", lambda: it.pins() == it.pin_of("1"), 30, interval=0.05)
        print(f"put back without the bucket after {time.monotonic() - began:.1f} s")
        status = it.wait_reason(back, "AuditStoreUnavailable", 30)
        assert f"{it.served.target} is back at version 1" in status["message"], status["message"]
        slow(it, 0)
        it.wait_serving("1")
        stays("the pins", it.pins, 5)
    finally:
        part("s3", "start")
    it.wait_phase(back, "Promoted", seconds=60)
    it.wait_phase(request, "Superseded", seconds=60)
    assert it.pins() == it.pin_of("1"), "and not one step further"
    closed = [each for each in it.target_records() if each.kind == "Aborted"]
    assert [each.code for each in closed] == ["Superseded"], closed
    it.cluster.ledgers.check(it.ns, "target", it.served.target)
    it.cluster.ledgers.check(it.ns, "model", it.served.model)


def test_a_bucket_that_stops_while_gates_run_only_delays(
    world: Callable[..., World], part: Callable[[str, str], None]
) -> None:
    it = world(versions=["1"], edit=both(stages([ACCURACY], [ACCURACY]), deployment(replicas=1)))
    request = it.request("1", "Staging")
    it.wait_reason(request, "GatesRunning")
    uid = it.uid(request)
    wait_for("the accuracy gate's pod has its data", lambda: fetched(it, uid, "accuracy"), 90)
    wait_for("the clone has its artifact", lambda: available(it, "candidate"), 90)
    part("s3", "stop")
    try:
        it.wait_reason(request, "AuditStoreUnavailable", 90)
        assert [each for each in it.admin.list("ModelStage", it.ns) if stage_version(each)] == []
    finally:
        part("s3", "start")
    it.wait_phase(request, "Promoted", seconds=60)
    assert len(it.cluster.gate_jobs(uid)) <= 1, "the gate was not measured again"
    assert [each.kind for each in it.model_records(request)] == ["GateResult", "Concluded"]
    assert it.concluded(request).code == "Staged"


def available(it: World, role: str) -> bool:
    clone = it.admin.get("Deployment", it.ns, f"{it.served.deployment}-{role}") or {}
    return bool(clone.get("status", {}).get("availableReplicas"))


def fetched(it: World, uid: str, gate: str, attempt: int = 1) -> bool:
    for pod in it.cluster.gate_pods(job_name(uid, gate, attempt)):
        for each in pod.get("status", {}).get("initContainerStatuses", []):
            if "terminated" in each.get("state", {}):
                return True
    return False


def stage_version(stage: Object) -> str:
    return str(stage.get("status", {}).get("version", ""))


# The operator


def kill_operator(it: World) -> None:
    """SIGKILL to the operator's process, in the middle of whatever it does; then a new pod.

    The pod goes as well, so that no back-off of its restarts delays what is tested.
    """
    for pod in it.cluster.operator_pods():
        for container in pod.get("status", {}).get("containerStatuses", []):
            name = container.get("containerID", "").removeprefix("containerd://")
            argv = [str(it.cluster.ctr), "--namespace=k8s.io", "tasks", "kill", "--signal=SIGKILL"]
            subprocess.run([*argv, name], capture_output=True, check=False)
        it.admin.delete("Pod", OPERATOR_NAMESPACE, pod["metadata"]["name"], gracePeriodSeconds=0)


def leader(it: World) -> str:
    lease = it.admin.get("Lease", OPERATOR_NAMESPACE, "stagekeeper")
    return str((lease or {}).get("spec", {}).get("holderIdentity", ""))


class Killer(threading.Thread):
    """Kills every new leader some time after it began to lead, until it has killed `kills`."""

    def __init__(self, it: World, seed: int, kills: int) -> None:
        super().__init__(daemon=True)
        self._it, self._random, self.left = it, random.Random(seed), kills
        self.moments: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        last = ""
        while self.left and not self.stopped.is_set():
            now = leader(self._it)
            if not now or now == last:
                time.sleep(0.1)
                continue
            last = now
            delay = self._random.uniform(0.0, 3.0)
            self.stopped.wait(delay)
            kill_operator(self._it)
            self.left -= 1
            self.moments.append(f"{delay:.2f} s after {now} began to lead")


@pytest.mark.parametrize(
    ("seed", "kills"),
    [
        pytest.param(1, 2),
        pytest.param(2, 6, marks=pytest.mark.slow),
        pytest.param(3, 6, marks=pytest.mark.slow),
    ],
)
def test_an_operator_killed_at_random_finishes_once(
    world: Callable[..., World], seed: int, kills: int
) -> None:
    it = world(versions=["1"], edit=QUICK)
    it.stage("1")
    killer = Killer(it, seed, kills)
    request = it.request("1", "Production")
    uid = it.uid(request)
    killer.start()
    try:
        it.wait_phase(request, "AwaitingApproval", seconds=GATES_SECONDS + 20 * kills)
        it.approve(request, "alice")
        it.approve(request, "bob")
        it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS + 20 * kills)
    finally:
        killer.stopped.set()
        killer.join()
    print("killed:", "; ".join(killer.moments))
    assert killer.moments, "the operator was never killed"
    assert_done_once(it, request, uid, gates=["accuracy", f"smoke-{it.served.target}"])


@pytest.mark.parametrize(
    "moment", [pytest.param("GatesRunning", marks=pytest.mark.slow), "RolloutInProgress"]
)
def test_an_operator_killed_in_the_middle_finishes_once(
    world: Callable[..., World], moment: str
) -> None:
    """Not at random: while a gate runs, and between the pin and the record of its outcome."""
    it = world(versions=["1"], edit=QUICK)
    it.stage("1")
    request = it.request("1", "Production")
    uid = it.uid(request)
    if moment == "GatesRunning":
        it.wait_reason(request, moment)
        kill_operator(it)
    it.wait_phase(request, "AwaitingApproval", seconds=GATES_SECONDS + 30)
    it.approve(request, "alice")
    it.approve(request, "bob")
    if moment != "GatesRunning":
        wait_for("version 1 is pinned", it.pins, 60, interval=0.02)
        assert [each.kind for each in it.target_records(request)] == ["Intent"]
        kill_operator(it)
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS + 30)
    assert_done_once(it, request, uid, gates=["accuracy", f"smoke-{it.served.target}"])


def assert_done_once(it: World, request: str, uid: str, gates: list[str]) -> None:
    """One Job for each gate, one Intent with its end, one pin change, whatever happened between."""
    records = it.target_records(request)
    assert [each.kind for each in records] == ["Intent", "Applied"], list(map(str, records))
    assert len(it.pin_changes()) == 1, list(map(str, it.pin_changes()))
    revisions = [
        each
        for each in it.admin.list("ReplicaSet", it.ns)
        if each["metadata"]["ownerReferences"][0]["name"] == it.served.deployment
    ]
    assert len(revisions) == 2, "the unpinned one and version 1"
    created = [
        call.name
        for call in it.cluster.audit.changes_by(OPERATOR_USER, it.began, "jobs")
        if call.verb == "create" and call.resource == "jobs"
    ]
    ours = {job_name(uid, gate, attempt) for gate in gates for attempt in range(1, 6)}
    wanted = sorted(job_name(uid, gate, 1) for gate in gates)
    assert sorted(name for name in created if name in ours) == wanted
    evidence = [each for each in it.model_records(request) if each.kind == "GateResult"]
    assert len(evidence) == 1
    it.cluster.ledgers.check(it.ns, "target", it.served.target)
    it.cluster.ledgers.check(it.ns, "model", it.served.model)


# The Deployment


def delete_deployment(it: World) -> Object:
    """As the namespace controller may; everybody else is refused. Returns what it was."""
    kept = it.deployment()
    controller = it.cluster.controller("namespace-controller")
    controller.delete("Deployment", it.ns, it.served.deployment, propagationPolicy="Background")
    wait_for(
        "the Deployment is gone",
        lambda: it.admin.get("Deployment", it.ns, it.served.deployment) is None,
        30,
    )
    return kept


def deliver_again(it: World, kept: Object) -> None:
    """As whoever delivers it would: without a pin, and without what the operator wrote."""
    container = kept["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [each for each in container["env"] if not each["name"].startswith("MODEL_")]
    made = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": it.served.deployment, "namespace": it.ns},
        "spec": kept["spec"],
    }
    it.admin.create(made, it.ns)


def test_a_deployment_deleted_before_the_decision_is_waited_for(
    world: Callable[..., World],
) -> None:
    it = world(versions=["1"], edit=QUICK)
    it.stage("1")
    request = it.await_approval("1")
    digest = it.status(request)["review"]["decisionDigest"]
    early = it.approve(request, "alice")
    it.wait_approval(early, counted=True)
    kept = delete_deployment(it)
    status = it.wait_reason(request, "DeploymentMissing", 90)
    assert status["phase"] == "Pending", status
    assert it.served.deployment in status["message"]
    deliver_again(it, kept)
    it.wait_phase(request, "AwaitingApproval")
    wait_for(
        "another decision is asked for",
        lambda: it.status(request)["review"]["decisionDigest"] != digest,
        60,
    )
    # Another Deployment is another decision: what was approved was about the one that is gone.
    assert it.wait_approval(early, counted=False)["reason"] == "DigestChanged"
    it.approve(request, "alice")
    it.approve(request, "bob")
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
    it.wait_serving("1")


def test_a_deployment_deleted_after_the_decision_aborts(world: Callable[..., World]) -> None:
    # A rollout that lasts: pods count as available after five minutes only.
    slow = deployment(replicas=1, minReadySeconds=300, progressDeadlineSeconds=600)
    it = world(versions=["1"], edit=both(stages([], [ACCURACY]), slow))
    it.stage("1")
    request = it.await_approval("1")
    it.approve(request, "alice")
    it.approve(request, "bob")
    it.wait_phase(request, "RollingOut", seconds=60)
    wait_for("version 1 is pinned", it.pins, 30)
    kept = delete_deployment(it)
    status = it.wait_phase(request, "Aborted", seconds=90)
    assert status["reason"] == "DeploymentGone", status
    assert "create it again" in status["message"], status["message"]
    assert [each.kind for each in it.target_records(request)] == ["Intent", "Aborted"]
    # It stays ended, and a new Deployment is not touched for it.
    deliver_again(it, kept)
    stays("the pins of the new Deployment", it.pins, 5)
    assert it.pins() == {}
    assert it.status(request)["phase"] == "Aborted"


# What the artifact is


# A server that loads whatever lies there: most do.
CREDULOUS = """
import os, sys
from model_server import artifact
class Believed:
    def __init__(self, content): pass
    def hexdigest(self): return os.environ["MODEL_DIGEST"].removeprefix("sha256:")
artifact.hashlib = type("Hashes", (), {"sha256": Believed})
from model_server.server import main
sys.exit(main())
"""


def test_a_wrong_artifact_digest_is_found_by_the_gate(world: Callable[..., World]) -> None:
    plain = both(stages([ACCURACY], [ACCURACY]), deployment(replicas=1))
    it = world(versions=["1"], edit=both(plain, server(CREDULOUS)))
    wrong = it.cluster.installation.models.model_version("2", it.ns)
    wrong["spec"]["artifact"]["digest"] = "sha256:" + "ab" * 32
    it.admin.create(wrong, it.ns)
    request = it.request("2", "Staging")
    status = it.wait_phase(request, "Blocked")
    gate = it.gate(request, "accuracy")
    assert gate["verdict"] == "Errored", gate
    assert gate["reason"] == "ArtifactDigestMismatch", gate
    assert status["message"] == "Promotion blocked. Failed gates: accuracy"
    assert it.concluded(request).code == "GatesFailed"


def test_an_artifact_changed_after_the_gates_is_taken_back(world: Callable[..., World]) -> None:
    quick_to_give_up = deployment(replicas=1, progressDeadlineSeconds=20)
    it = world(versions=["1"], edit=both(stages([], [ACCURACY]), quick_to_give_up))
    it.promote("1")
    it.wait_serving("1")

    models, store = it.cluster.installation.models, it.cluster.installation.store
    writer, key = s3_client(store, "MODELS_WRITER"), f"{it.ns}/model.json"
    genuine = (models.folder / "2" / "model.json").read_bytes()
    writer.put_object(Bucket=store.models_bucket, Key=key, Body=genuine)
    made = models.model_version("2", it.ns)
    made["spec"]["artifact"]["uri"] = f"s3://{store.models_bucket}/{key}"
    it.admin.create(made, it.ns)
    it.stage("2")
    request = it.await_approval("2")
    other = (models.folder / "3" / "model.json").read_bytes()
    writer.put_object(Bucket=store.models_bucket, Key=key, Body=other)

    with Answers(it) as answers:
        it.approve(request, "alice")
        it.approve(request, "bob")
        wait_for("version 2 is pinned", lambda: it.pins() == it.pin_of("2"), 60)
        status = it.wait_phase(request, "RolledBack", seconds=ROLLOUT_SECONDS)
        assert it.pins() == it.pin_of("1")
        assert status["reason"] == "RolledBack", status
        assert "version 2 was taken back, version 1 is pinned again" in status["message"]
        it.wait_serving("1")
    assert set(answers.seen) == {"1"}, f"users saw {answers.seen}"
    records = it.target_records(request)
    assert [each.kind for each in records] == ["Intent", "Aborted", "Intent", "Applied"]
    assert records[1].code == "RolloutFailed"
    assert records[1].predicate["pinsChanged"] is True
    assert records[2].predicate["action"] == "Rollback"
    assert records[2].predicate["to"]["version"] == "1"
    assert len(it.pin_changes()) == 3
    target = it.admin.read("ServingTarget", it.ns, it.served.target)["status"]
    assert target["serving"]["version"] == "1"
    it.cluster.ledgers.check(it.ns, "target", it.served.target)


class Answers(threading.Thread):
    """A user who asks the Service ten times a second which version answers."""

    def __init__(self, it: World) -> None:
        super().__init__(daemon=True)
        self._it = it
        self._over = threading.Event()
        self.seen: dict[str, int] = {}

    def __enter__(self) -> Answers:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(0.1):
            version = self._it.serving()
            self.seen[version] = self.seen.get(version, 0) + 1


# Whose the fields are


def test_a_manager_that_wrote_a_pin_first_is_named_and_nothing_flaps(
    world: Callable[..., World],
) -> None:
    it = world(versions=["1"], edit=QUICK)
    name, ns, admin = it.served.deployment, it.ns, it.admin
    # A claimed Deployment takes no pin from anybody: unclaim it, let GitOps write one, claim again.
    target = admin.read("ServingTarget", ns, it.served.target)
    admin.delete("ServingTarget", ns, it.served.target)
    wait_for("the Deployment is released", lambda: not claimed(it), 30)
    admin.apply(_gitops(name, {"MODEL_VERSION": "9"}), ns, "gitops")
    target["metadata"] = {"name": it.served.target}
    target.pop("status", None)
    admin.create(target, ns)

    it.stage("1")
    request = it.await_approval("1")
    assert_conflict_is_waited_out(it, request, {"MODEL_VERSION": "9"})
    assert it.pins() == it.pin_of("1")


def test_a_manager_that_shares_the_pin_is_named_and_nothing_flaps(
    world: Callable[..., World],
) -> None:
    it = world(versions=["1", "2"], edit=QUICK)
    it.promote("1")
    # The same values as ours, out of what runs: nothing changes, but now there are two owners.
    it.admin.apply(_gitops(it.served.deployment, it.pin_of("1")), it.ns, "gitops")
    it.stage("2")
    request = it.await_approval("2")
    assert_conflict_is_waited_out(it, request, it.pin_of("1"))
    assert it.pins() == it.pin_of("2")


def assert_conflict_is_waited_out(it: World, request: str, pins: dict[str, str]) -> None:
    """Approves, sees the conflict named and nothing changed, removes the cause, and sees it end."""
    it.approve(request, "alice")
    it.approve(request, "bob")
    status = it.wait_reason(request, "FieldConflict", 60)
    assert '"gitops"' in status["message"], status["message"]
    assert status["phase"] == "Pending", status
    assert status["summary"]["waitingFor"] == f"Deployment {it.served.deployment}"
    mark = it.cluster.audit.mark()
    stays("the Deployment", lambda: it.deployment()["metadata"]["resourceVersion"], 10)
    assert it.pins() == pins, "not ours to change"
    assert it.target_records(request) == [], "nothing is decided that could not be carried out"
    # Asking who may do what is a create, but changes nothing.
    questions = {"leases", "subjectaccessreviews"}
    writes = [call for call in it.operator_changes(mark) if call.resource not in questions]
    assert len(writes) <= 1, "flapping: " + "; ".join(map(str, writes))
    # As the message says: out of the other manager's manifest.
    it.admin.apply(_gitops(it.served.deployment, {}), it.ns, "gitops")
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS + 30)


def claimed(it: World) -> bool:
    return "stagekeeper.dev/target" in it.deployment()["metadata"].get("labels", {})


def _gitops(name: str, env: dict[str, str]) -> Object:
    """What another manager says of a Deployment: these variables of its server, or none."""
    entries = [{"name": key, "value": value} for key, value in env.items()]
    container = {"name": "server", "env": entries}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


# What a policy may ask for


def test_a_field_that_is_not_honoured_is_refused_whatever_the_client(
    world: Callable[..., World],
) -> None:
    it = world(versions=[])
    policy = it.admin.read("PromotionPolicy", it.ns, it.served.model)
    for unwanted in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"):
        policy["metadata"].pop(unwanted, None)
    policy.pop("status", None)
    where = path("PromotionPolicy", it.ns, it.served.model)
    said = "shadow is not supported by this version of Stagekeeper"
    shadow: Object = json.loads(json.dumps(policy))
    shadow["spec"]["stages"][1]["shadow"] = {"duration": "24h"}
    for validation in ("Strict", "Warn", "Ignore"):
        with refused(422) as refusal:
            _put(it, where, shadow, validation)
        assert said in refusal.message, refusal.message
        with refused(422) as refusal:
            it.admin.call(
                "PATCH",
                where,
                shadow,
                "application/apply-patch+yaml",
                fieldManager="any",
                force="true",
                fieldValidation=validation,
            )
        assert said in refusal.message, refusal.message
    made = it.cluster.installation
    kubectl = [
        str(made.target.kubectl_path),
        f"--kubeconfig={made.kubeconfig}",
        f"--namespace={it.ns}",
    ]
    done = subprocess.run(
        [*kubectl, "replace", "--validate=false", "--filename=-"],
        input=json.dumps(shadow),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0 and said in done.stderr, done
    # The same policy without it is taken.
    _put(it, where, policy, "Strict", dryRun="All")


def _put(it: World, where: str, policy: Object, validation: str, **query: Any) -> Any:
    now = it.admin.call("GET", where)["metadata"]["resourceVersion"]
    wanted = {**policy, "metadata": {**policy["metadata"], "resourceVersion": now}}
    return it.admin.call("PUT", where, wanted, fieldValidation=validation, **query)
