"""The demo's story, each line as an assertion. Negative before positive; told in order."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from support.api import Object, refused
from support.ledger import Record, s3_client, status_of
from support.waiting import stays, wait_for
from support.world import ROLLOUT_SECONDS, World

pytestmark = pytest.mark.story


@dataclass
class Story:
    """The namespace in which it is told, and what later steps need of earlier ones."""

    world: World
    requests: dict[str, str] = field(default_factory=dict)
    old_digest: str = ""
    approvals: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)


@pytest.fixture(scope="module")
def story(shared_world: Callable[..., World]) -> Iterator[Story]:
    yield Story(shared_world())


def facts_of(story: Story, version: str) -> dict[str, Any]:
    """What scikit-learn measured of a version."""
    found: dict[str, Any] = story.cluster.installation.models.manifest["versions"][version]
    return found


def gate_of_type(status: Object, kind: str) -> Object:
    found: Object = next(gate for gate in status["gates"] if gate["type"] == kind)
    return found


def condition(found: Object, kind: str) -> str:
    conditions = found["status"].get("conditions", [])
    return next((f"{c['status']} {c['reason']}" for c in conditions if c["type"] == kind), "")


# The first version takes an empty Deployment


def test_an_unpinned_server_serves_nothing(story: Story) -> None:
    assert story.pins() == {}
    assert story.serving() == ""
    target = story.admin.read("ServingTarget", story.ns, story.served.target)
    assert "serving" not in target.get("status", {})


def test_version_1_is_compared_with_nothing_and_staged(story: Story) -> None:
    story.requests["1 staging"] = name = story.request("1", "Staging")
    status = story.wait_phase(name, "Promoted")
    accuracy = gate_of_type(status, "Accuracy")
    auc = facts_of(story, "1")["auc"]
    assert accuracy["verdict"] == "Passed"
    assert "champion" not in accuracy, accuracy
    # Without a champion the improvement is counted from an AUC of 0.0.
    assert accuracy["message"] == f"AUC {auc:.4f} (+{auc:.4f} vs production)"
    assert [gate["verdict"] for gate in status["gates"]] == ["Passed"] * len(status["gates"])
    assert status["message"] == (
        "All automated gates passed. Awaiting human review for Production promotion."
    )
    assert story.pins() == {}, "staging moves nothing"
    record = story.concluded(name)
    assert (record.code, record.moves) == ("Staged", {"1": "Staging"})
    assert story.clones() == [], "clones go when the gates have ended"


def test_version_1_is_promoted_by_two_people(story: Story) -> None:
    story.requests["1"] = name = story.await_approval("1")
    assert story.status(name)["summary"]["approvals"] == "0/2"
    story.approve(name, "alice")
    stays("the pins", story.pins, 2)
    story.approve(name, "bob")
    status = story.wait_phase(name, "Promoted", seconds=ROLLOUT_SECONDS)
    assert status["reason"] == "Applied"
    assert story.pins() == story.pin_of("1")
    story.wait_serving("1")
    kinds = [record.kind for record in story.target_records(name)]
    assert kinds == ["Intent", "Applied"]
    kinds = [record.kind for record in story.model_records(name)]
    assert kinds == ["GateResult", "Decided", "Concluded"]
    (genesis,) = [record for record in story.target_records() if record.kind == "Genesis"]
    assert genesis.sequence == 1


# The second version goes the whole way


def test_version_2_cannot_go_straight_to_production(story: Story) -> None:
    """It waits for Staging, without a gate and without a record; GitOps applies both at once."""
    name = story.request("2", "Production")
    status = story.wait_reason(name, "WaitingForStage", 30)
    assert status["phase"] == "Pending", status
    assert "Staging" in status["message"], status["message"]
    assert condition(story.promotion(name), "Ready") == "Unknown WaitingForStage"
    assert condition(story.promotion(name), "Reconciling").startswith("True")
    assert story.cluster.gate_jobs(story.uid(name)) == [], "no gate runs for nothing"
    assert story.model_records(name) == []
    assert story.pins() == story.pin_of("1")
    story.admin.delete("PromotionRequest", story.ns, name)


def test_version_2_is_staged(story: Story) -> None:
    name = story.stage("2")
    accuracy = gate_of_type(story.status(name), "Accuracy")
    candidate, champion = facts_of(story, "2")["auc"], facts_of(story, "1")["auc"]
    assert accuracy["message"] == f"AUC {candidate:.4f} (+{candidate - champion:.4f} vs production)"
    assert abs(float(accuracy["champion"]) - champion) < 1e-9
    wait_for("ModelVersion 2 shows its stage", lambda: stage_of(story, "2") == "Staging", 30)
    version = story.admin.read("ModelVersion", story.ns, f"{story.served.model}-2")
    assert version["status"]["record"]["digest"] == story.concluded(name).digest


def stage_of(story: Story, version: str) -> str:
    found = story.admin.read("ModelVersion", story.ns, f"{story.served.model}-{version}")
    return str(found.get("status", {}).get("stage", "None"))


def test_people_are_shown_what_they_approve(story: Story) -> None:
    story.requests["2"] = name = story.await_approval("2")
    status = story.status(name)
    digest = status["review"]["decisionDigest"]
    assert digest.startswith("sha256:")
    manifest = yaml.safe_load(status["review"]["approvalManifest"])
    assert manifest["spec"]["decisionDigest"] == digest
    assert manifest["spec"]["request"] == {"name": name, "uid": story.uid(name)}
    assert (
        "All automated gates passed. Awaiting human review for Production promotion."
        in (status["message"])
    )
    assert condition(story.promotion(name), "Ready") == "False AwaitingApproval"


def test_without_approval_nothing_moves(story: Story) -> None:
    def pinned() -> tuple[Any, ...]:
        found = story.deployment()
        return found["metadata"]["generation"], tuple(story.pins().items()), story.serving()

    _, pins, serving = stays("the Deployment", pinned, 5)
    assert dict(pins) == story.pin_of("1")
    assert serving == "1"


def test_the_requester_cannot_approve_himself(story: Story) -> None:
    approval = story.approve(story.requests["2"], "priya")
    status = story.wait_approval(approval, counted=False)
    assert status["reason"] == "ApproverIsRequester"
    assert story.status(story.requests["2"])["summary"]["approvals"] == "0/2"


def test_an_approval_of_another_decision_does_not_count(story: Story) -> None:
    # The digest of version 1's decision: well-formed, published, and of another decision.
    old = story.decided(story.requests["1"]).predicate["decisionDigest"]
    assert old != story.status(story.requests["2"])["review"]["decisionDigest"]
    approval = story.approve(story.requests["2"], "alice", decisionDigest=old)
    status = story.wait_approval(approval, counted=False)
    assert status["reason"] == "DigestChanged"
    status = story.status(story.requests["2"])
    assert status["phase"] == "AwaitingApproval"
    assert status["summary"]["approvals"] == "0/2"


def test_a_stranger_cannot_approve(story: Story) -> None:
    with refused(403) as refusal:
        story.approve(story.requests["2"], "mallory")
    # By our policy: RBAC alone would let mallory create Approvals here.
    assert "lacks the verb approve" in refusal.message, refusal.message


def test_nobody_approves_in_another_name(story: Story) -> None:
    with refused(403) as refusal:
        story.approve(story.requests["2"], "bob", approver={"username": "alice"})
    assert "must be your own user name" in refusal.message, refusal.message
    assert story.pins() == story.pin_of("1")


def test_one_approval_is_not_enough(story: Story) -> None:
    story.approvals["alice"] = story.approve(story.requests["2"], "alice")
    status = story.wait_approval(story.approvals["alice"], counted=True)
    assert status["role"] == "model-risk"
    waiting = story.status(story.requests["2"])["summary"]
    assert waiting["approvals"] == "1/2"
    assert "retail-credit" in waiting["waitingFor"], waiting
    stays("the pins", story.pins, 3)
    assert story.pins() == story.pin_of("1")


def test_two_approvals_promote(story: Story) -> None:
    mark = story.cluster.audit.mark()
    story.approvals["bob"] = story.approve(story.requests["2"], "bob")
    status = story.wait_phase(story.requests["2"], "Promoted", seconds=ROLLOUT_SECONDS)
    assert [each["name"] for each in status["targets"]] == [story.served.target]
    assert status["targets"][0]["from"]["version"] == "1"
    assert status["targets"][0]["to"]["version"] == "2"
    assert story.pins() == story.pin_of("2")
    story.wait_serving("2")
    assert len(story.pin_changes(mark)) == 1
    assert story.wait_approval(story.approvals["bob"], counted=True)["role"] == "business"


def intent_and_applied(story: Story, name: str) -> tuple[Record, Record]:
    records = story.target_records(name)
    assert [each.kind for each in records] == ["Intent", "Applied"], list(map(str, records))
    return records[0], records[1]


def test_the_record_is_locked_before_anything_changes(story: Story) -> None:
    intent, applied = intent_and_applied(story, story.requests["2"])
    changes = story.pin_changes()
    change = changes[-1]
    recorded = datetime.fromisoformat(intent.predicate["times"]["recorded"])
    # Both clocks are this machine's. Whole seconds first, then what the store's ids tell.
    assert intent.modified <= change.received
    assert recorded <= change.received
    assert intent.put_at < change.received, f"{intent.put_at} is not before {change}"
    assert change.finished < applied.put_at
    # Whatever clocks say: the change carries the digest of the record, which lay there before.
    annotations = story.deployment()["metadata"]["annotations"]
    assert annotations["stagekeeper.dev/record"] == intent.digest
    assert annotations["stagekeeper.dev/sequence"] == str(intent.sequence)
    kept = story.cluster.ledgers.retention(intent)
    assert kept["Mode"] == "COMPLIANCE"
    assert kept["RetainUntilDate"] - change.received > timedelta(hours=1)
    managers = {
        each["manager"]: each["operation"]
        for each in story.deployment()["metadata"]["managedFields"]
    }
    assert managers["stagekeeper-pin"] == "Apply"


def test_the_records_are_signed_chained_and_locked(story: Story) -> None:
    ledgers, served = story.cluster.ledgers, story.served
    target = ledgers.check(story.ns, "target", served.target)
    model = ledgers.check(story.ns, "model", served.model)
    assert len(target) >= 5 and len(model) >= 5


def test_a_changed_record_would_not_verify(story: Story) -> None:
    """The check above can fail: one changed letter of a record is seen."""
    intent, _ = intent_and_applied(story, story.requests["2"])
    envelope = json.loads(intent.envelope)
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    ledgers = story.cluster.ledgers
    assert ledgers.verifies(intent.payload, signature)
    assert not ledgers.verifies(
        intent.payload.replace(b'"version":"2"', b'"version":"3"'), signature
    )


def test_the_record_tells_why_version_2_serves(story: Story) -> None:
    intent, _ = intent_and_applied(story, story.requests["2"])
    decided = story.decided(story.requests["2"])
    body, models = decided.predicate["body"], story.cluster.installation.models
    shown = story.status(story.requests["2"])["review"]["decisionDigest"]
    assert decided.predicate["decisionDigest"] == shown
    assert intent.predicate["decisionDigest"] == shown
    assert intent.predicate["decided"] == decided.digest
    assert decided.predicate["requester"]["username"] == "priya"
    assert intent.predicate["from"]["version"] == "1"
    assert intent.predicate["to"]["version"] == "2"
    assert intent.predicate["to"]["digest"] == facts_of(story, "2")["digest"]
    assert body["evaluation"]["dataset"] == models.dataset()
    told = {(a["approver"]["username"], a["role"], a["verdict"]) for a in body["approvals"]}
    assert {each for each in told if each[2] == "Counted"} == {
        ("alice", "model-risk", "Counted"),
        ("bob", "business", "Counted"),
    }
    assert {("alice", "", "DigestChanged"), ("priya", "", "ApproverIsRequester")} <= told
    gates = {gate["type"]: gate for gate in body["gates"]}
    assert {gate["verdict"] for gate in gates.values()} == {"Passed"}
    assert abs(float(gates["Accuracy"]["observed"]) - facts_of(story, "2")["auc"]) < 1e-9
    assert abs(float(gates["Accuracy"]["champion"]) - facts_of(story, "1")["auc"]) < 1e-9
    assert gates["Accuracy"]["threshold"].startswith("0.82")
    assert int(gates["Accuracy"]["samples"]) == models.manifest["evaluation"]["rows"]


def test_version_1_is_archived(story: Story) -> None:
    wait_for(
        "version 1 is shown as archived",
        lambda: stage_of(story, "1") == "Archived",
        30,
        seen=lambda: stage_of(story, "1"),
    )
    assert story.concluded(story.requests["2"]).moves == {"1": "Archived", "2": "Production"}


def test_target_and_stages_say_what_serves(story: Story) -> None:
    _, applied = intent_and_applied(story, story.requests["2"])

    def target() -> Object:
        found = story.admin.read("ServingTarget", story.ns, story.served.target)
        good = condition(found, "Ready") == "True Serving"
        return found if good and found["status"]["serving"]["version"] == "2" else {}

    status = wait_for("the ServingTarget says what serves", target, 30)["status"]
    assert status["serving"]["record"]["digest"] == applied.digest
    assert status["serving"]["record"]["sequence"] == str(applied.sequence)
    assert status["serving"]["digest"] == facts_of(story, "2")["digest"]
    assert status["serving"]["since"] == applied.predicate["times"]["recorded"]
    assert status["previous"]["version"] == "1"
    assert status["ledger"]["head"]["digest"] == applied.digest

    def stage() -> bool:
        found = story.admin.read("ModelStage", story.ns, f"{story.served.model}.production")
        return bool(found.get("status", {}).get("version") == "2")

    wait_for("the ModelStage says what serves", stage, 30)
    staging = story.admin.read("ModelStage", story.ns, f"{story.served.model}.staging")["status"]
    assert "version" not in staging, "version 2 has left Staging"


def test_what_is_needed_for_the_promotion_is_gone(story: Story) -> None:
    assert story.clones() == []
    uid = story.uid(story.requests["2"])
    wait_for("its Jobs are removed", lambda: not story.cluster.gate_jobs(uid), 30)
    wait_for(
        "its finalizer is released",
        lambda: not story.promotion(story.requests["2"])["metadata"].get("finalizers"),
        30,
    )


# The third is blocked, the fourth goes through


def test_version_3_is_blocked_by_fairness_alone(story: Story) -> None:
    name = story.request("3", "Staging")
    status = story.wait_phase(name, "Blocked")
    fairness = gate_of_type(status, "Fairness")
    assert status["message"] == f"Promotion blocked. Failed gates: {fairness['name']}"
    assert {g["type"]: g["verdict"] for g in status["gates"]} == {
        "Accuracy": "Passed",
        "Latency": "Passed",
        "Fairness": "Failed",
    }
    # Each group that is beyond the limit, and nothing else.
    facts = facts_of(story, "3")
    beyond = {name: g for name, g in facts["groups"].items() if g["gap"] > 0.05}
    lines = fairness["message"].split("\n")
    assert lines[0] == "Fairness check FAILED:"
    assert sorted(lines[1:]) == sorted(
        f" Group '{name}': AUC={g['auc']:.4f}, gap={g['gap']:.4f}" for name, g in beyond.items()
    )
    assert abs(float(fairness["observed"]) - facts["largest_gap"]) < 1e-9
    assert stage_of(story, "3") == "None"
    assert [each.kind for each in story.model_records(name)] == ["GateResult", "Concluded"]
    record = story.concluded(name)
    assert (record.code, record.moves) == ("GatesFailed", {})
    assert record.predicate["text"] == status["message"]


def test_version_4_goes_through(story: Story) -> None:
    story.requests["4"] = name = story.promote("4")
    assert story.pins() == story.pin_of("4")
    story.wait_serving("4")
    assert story.target_view(name)["from"]["version"] == "2"


# Nobody else moves a pin


def denied_pin_edits(story: Story) -> dict[str, Callable[[], Any]]:
    """What an administrator of the namespace may try, each refused by the pin guard."""
    nadia, ns, name = story.cluster.user("nadia"), story.ns, story.served.deployment
    container = {"name": "server"}

    def env(variable: str, value: str) -> Object:
        entry = [{"name": variable, "value": value}]
        return {"spec": {"template": {"spec": {"containers": [{**container, "env": entry}]}}}}

    def strategic(patch: Object) -> Callable[[], Any]:
        return lambda: nadia.strategic("Deployment", ns, name, patch)

    def metadata(**change: Any) -> Callable[[], Any]:
        return lambda: nadia.merge("Deployment", ns, name, {"metadata": change})

    return {
        "another version": strategic(env("MODEL_VERSION", "2")),
        "another artifact": strategic(env("MODEL_URI", "s3://models/credit-risk/2/model.json")),
        "an alias": strategic(env("MODEL_VERSION", "latest")),
        "the label": metadata(labels={"stagekeeper.dev/target": None}),
        "the sequence": metadata(annotations={"stagekeeper.dev/sequence": "1"}),
    }


@pytest.mark.parametrize(
    "what", ["another version", "another artifact", "an alias", "the label", "the sequence"]
)
def test_an_administrator_cannot_edit_the_pin(story: Story, what: str) -> None:
    with refused(403) as refusal:
        denied_pin_edits(story)[what]()
    assert "stagekeeper" in refusal.message, refusal.message
    expected = (
        "create a PromotionRequest" if what.startswith(("another", "an")) else "Stagekeeper only"
    )
    assert expected in refusal.message or "write the version number" in refusal.message
    assert story.pins() == story.pin_of("4")


def test_an_administrator_cannot_use_an_alias_elsewhere(story: Story) -> None:
    """Also in a variable that is no pin: models:/credit-risk/Production names no version."""
    entry = [{"name": "EXTRA_MODEL", "value": "models:/credit-risk/Production"}]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "server", "env": entry}]}}}}
    with refused(403) as refusal:
        story.cluster.user("nadia").strategic(
            "Deployment", story.ns, story.served.deployment, patch
        )
    assert "write the version number" in refusal.message, refusal.message


def test_an_administrator_cannot_delete_what_serves(story: Story) -> None:
    with refused(403) as refusal:
        story.cluster.user("nadia").delete("Deployment", story.ns, story.served.deployment)
    assert "cannot be deleted while ServingTarget" in refusal.message, refusal.message


def test_an_administrator_may_scale(story: Story) -> None:
    nadia, name = story.cluster.user("nadia"), story.served.deployment
    before = story.deployment()["spec"]["replicas"]
    nadia.merge("Deployment", story.ns, name, {"spec": {"replicas": before + 1}}, sub="scale")
    assert story.deployment()["spec"]["replicas"] == before + 1
    nadia.merge("Deployment", story.ns, name, {"spec": {"replicas": before}}, sub="scale")
    assert story.pins() == story.pin_of("4")


# Back, in seconds


def test_a_rollback_takes_seconds(story: Story, record_testsuite_property: Any) -> None:
    wait_for("the Deployment has settled", lambda: settled(story.deployment()), 60)
    began = time.monotonic()
    story.requests["rollback"] = name = story.request(None, "Production", action="Rollback")
    wait_for("version 2 is pinned", lambda: story.pins() == story.pin_of("2"), 30, interval=0.05)
    pinned = time.monotonic() - began
    story.wait_serving("2")
    served = time.monotonic() - began
    status = story.wait_phase(name, "Promoted", seconds=ROLLOUT_SECONDS)
    ended = time.monotonic() - began
    print(
        f"rollback: pinned after {pinned:.1f} s, first answer of the previous version "
        f"after {served:.1f} s, recorded as applied after {ended:.1f} s"
    )
    record_testsuite_property("rollback_seconds", f"{served:.1f}")
    assert status["targets"][0]["to"]["version"] == "2"
    assert story.cluster.gate_jobs(story.uid(name)) == [], "a rollback needs no gates"
    intent, _ = intent_and_applied(story, name)
    assert intent.predicate["action"] == "Rollback"
    assert "approvals" not in status
    # Pinning waits for nothing but the API server and the bucket.
    assert pinned < 10


def settled(found: Object) -> bool:
    spec, status = found["spec"], found.get("status", {})
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return bool(counts == {spec["replicas"]})


def test_a_rollback_applied_again_is_the_same_request(story: Story) -> None:
    """Deleted and created again from the same manifest, it shows its old end and moves nothing."""
    name = story.requests["rollback"]
    made = story.promotion(name)
    records = len(story.target_records())
    story.admin.delete("PromotionRequest", story.ns, name)
    wait_for("it is gone", lambda: story.admin.get("PromotionRequest", story.ns, name) is None, 30)
    spec = {key: made["spec"][key] for key in ("model", "stage", "action", "reason")}
    again = {
        "apiVersion": made["apiVersion"],
        "kind": made["kind"],
        "metadata": {"name": name},
        "spec": spec,
    }
    story.cluster.user("priya").create(again, story.ns)
    status = story.wait_phase(name, "Promoted", seconds=30)
    assert status["targets"][0]["to"]["version"] == "2"
    stays("the pins", story.pins, 3)
    assert story.pins() == story.pin_of("2")
    assert len(story.target_records()) == records


def test_a_rollback_needs_its_verb(story: Story) -> None:
    with refused(403) as refusal:
        story.request(None, "Production", by="nadia", action="Rollback")
    assert "lacks the verb rollback" in refusal.message, refusal.message


# What nobody can take back


@pytest.mark.parametrize("account", ["ROOT", "AUDIT"])
def test_a_record_cannot_be_deleted(story: Story, account: str) -> None:
    intent, _ = intent_and_applied(story, story.requests["2"])
    store = story.cluster.installation.store
    it = {"Bucket": store.audit_bucket, "Key": intent.key, "VersionId": intent.version_id}
    client = s3_client(store, account)
    assert status_of(client.delete_object, **it) == 403
    assert status_of(client.delete_object, **it, BypassGovernanceRetention=True) == 403
    again = next(each for each in story.target_records() if each.key == intent.key)
    assert again.envelope == intent.envelope


@pytest.mark.parametrize("account", ["ROOT", "AUDIT"])
def test_a_record_cannot_be_overwritten(story: Story, account: str) -> None:
    intent, _ = intent_and_applied(story, story.requests["2"])
    store = story.cluster.installation.store
    put = s3_client(store, account).put_object
    arguments = {
        "Bucket": store.audit_bucket,
        "Key": intent.key,
        "Body": b"{}",
        "IfNoneMatch": "*",
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(minutes=1),
    }
    assert status_of(put, **arguments) == 412


def test_the_ledgers_hold_at_the_end(story: Story) -> None:
    """Every Intent has exactly one end, every pin change one Applied, and all of it verifies."""
    target = story.cluster.ledgers.check(story.ns, "target", story.served.target)
    story.cluster.ledgers.check(story.ns, "model", story.served.model)
    intents = [each.sequence for each in target if each.kind == "Intent"]
    ends = [int(each.predicate["of"]) for each in target if each.kind in ("Applied", "Aborted")]
    assert sorted(ends) == intents
    assert [each.predicate["to"]["version"] for each in target if each.kind == "Applied"] == [
        "1",
        "2",
        "4",
        "2",
    ]
    assert len(story.pin_changes()) == 4


def test_nothing_stays_pending(story: Story) -> None:
    """What the CRDs say: pending is there from before a record is sent until it is locked."""

    def pending() -> list[str]:
        found = [
            story.admin.read("ServingTarget", story.ns, story.served.target),
            story.admin.read("PromotionPolicy", story.ns, story.served.model),
        ]
        return [each["kind"] for each in found if each["status"]["ledger"].get("pending")]

    wait_for("no record is pending", lambda: not pending(), 30, seen=pending)
