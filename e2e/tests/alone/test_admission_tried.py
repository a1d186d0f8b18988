"""Admission policies that are not in force are noticed, and nobody's name is believed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubernetes.client.exceptions import ApiException

from support.api import Api, Object
from support.policies import QUICK
from support.waiting import stays, wait_for
from support.world import ROLLOUT_SECONDS, World

BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
# Whose Approval it is, and whether they may approve: without both anybody approves as anybody.
OF_APPROVALS = ("stagekeeper-approver", "stagekeeper-verbs-approvals")
ALICE = {"username": "alice", "groups": ["mrm", "system:authenticated"]}


@contextmanager
def without(admin: Api, *names: str) -> Iterator[None]:
    """What a GitOps tool that prunes does to bindings, and its next run."""
    taken = [admin.call("GET", f"{BINDINGS}/{name}") for name in names]
    for name in names:
        admin.call("DELETE", f"{BINDINGS}/{name}")
    try:
        yield
    finally:
        for each in taken:
            kept = ("name", "labels", "annotations")
            metadata = {key: each["metadata"][key] for key in kept if key in each["metadata"]}
            admin.call("POST", BINDINGS, {**each, "metadata": metadata})


def intact(it: World) -> str:
    policy = it.admin.read("PromotionPolicy", it.ns, it.served.model)
    conditions = policy.get("status", {}).get("conditions", [])
    return str(next((c["status"] for c in conditions if c["type"] == "PolicyIntact"), ""))


def forge(it: World, request: str) -> str:
    """mallory approves as alice, as soon as the API server lets her."""

    def made() -> str:
        try:
            return it.approve(request, "mallory", approver=ALICE)
        except ApiException as error:
            assert error.status == 403, error
            return ""

    return wait_for("the forged Approval is let through", made, 15)


def judged(it: World, approval: str) -> Object:
    rows: list[Object] = it.admin.read("Approval", it.ns, approval).get("status", {}).get(
        "conditions", []
    )
    return next((row for row in rows if row["type"] == "Counted"), {})


def test_a_binding_that_was_removed_is_told_and_what_was_approved_meanwhile_is_void(
    world: Callable[..., World],
) -> None:
    it = world(versions=["1"], edit=QUICK)
    it.stage("1")
    request = it.await_approval("1")
    wait_for("PolicyIntact is True", lambda: intact(it) == "True", 30, seen=lambda: intact(it))
    # The control: with its policies the forgery is refused.
    try:
        it.approve(request, "mallory", approver=ALICE)
        raise AssertionError("mallory approved as alice")
    except ApiException as error:
        assert error.status == 403

    with without(it.admin, *OF_APPROVALS):
        forged = forge(it, request)
        began = time.monotonic()
        status = it.wait_reason(request, "PolicyNotIntact", seconds=10)
        told = time.monotonic() - began
        print(f"told {told:.1f} s after the next decision was due")
        assert "stagekeeper-approver" in status["message"], status["message"]
        wait_for("PolicyIntact is False", lambda: intact(it) == "False", 10)
        it.approve(request, "bob")
        stays("the pins", it.pins, 5)
        assert not [each for each in it.model_records(request) if each.kind == "Decided"]

    wait_for("PolicyIntact is True again", lambda: intact(it) == "True", 60)
    it.wait_reason(request, "AwaitingApproval", seconds=30)
    wait_for(
        "the forged Approval is void",
        lambda: judged(it, forged).get("reason") == "PolicyNotIntact",
        30,
        seen=lambda: judged(it, forged),
    )
    assert it.status(request)["summary"]["approvals"] == "0/2"
    assert it.pins() == {}
    time.sleep(6)  # longer than API servers take to apply a policy that has changed
    for name in ("alice", "bob"):
        it.wait_approval(it.approve(request, name), counted=True)
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
    approvers = [each["approver"] for each in it.status(request)["approvals"] if each["counted"]]
    assert sorted(approvers) == ["alice", "bob"]


def test_a_policy_that_only_audits_is_not_in_force(world: Callable[..., World]) -> None:
    it = world(versions=["1"], edit=QUICK)
    name = f"{BINDINGS}/stagekeeper-requester"
    kind = "application/merge-patch+json"
    it.admin.call("PATCH", name, {"spec": {"validationActions": ["Audit"]}}, kind)
    try:
        time.sleep(3)  # API servers take it up
        request = it.request("1", "Staging")
        status = it.wait_reason(request, "PolicyNotIntact", seconds=30)
        assert "stagekeeper-requester" in status["message"], status["message"]
    finally:
        it.admin.call("PATCH", name, {"spec": {"validationActions": ["Deny", "Audit"]}}, kind)
    # Whose that request is nobody knows; one that is made now is somebody's.
    wait_for("PolicyIntact is True again", lambda: intact(it) == "True", 60)
    stays("the reason", lambda: it.status(request)["reason"], 5)
    time.sleep(3)
    it.stage("1")
