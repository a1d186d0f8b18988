"""Ways around a promotion that were open once, tried with ordinary rights."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable

from stageinstall.namespaces import manifest

from support.api import Object
from support.policies import QUICK
from support.serving import slow
from support.waiting import stays, wait_for
from support.world import ROLLOUT_SECONDS, World

# A server that only says it is the candidate


CALLS_ITSELF_3 = """
import sys
from model_server.server import main
from model_server.state import ServingState
ServingState.served_version = property(lambda self: "3")
sys.exit(main())
"""


def impostor(it: World, name: str) -> list[Object]:
    """A pod that calls itself version 3 and answers with the model of version 4, and a Service."""
    template = copy.deepcopy(it.deployment()["spec"]["template"])
    labels = {"impostor": "yes"}
    container = template["spec"]["containers"][0]
    wanted = it.pin_of("4")
    container["env"] = [each for each in container["env"] if each["name"] not in wanted]
    container["env"] += [{"name": key, "value": value} for key, value in wanted.items()]
    container["command"] = ["/usr/local/bin/python3", "-c", CALLS_ITSELF_3]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "impostor", "labels": labels},
        "spec": template["spec"],
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"port": 8080, "targetPort": 8080}]},
    }
    return [pod, service]


def test_a_service_under_the_clone_s_name_is_not_measured(world: Callable[..., World]) -> None:
    """Version 3 is unfair; who may make Services and pods cannot have a better one measured."""
    it = world(versions=["1", "3", "4"])
    nadia = it.cluster.user("nadia")
    for made in impostor(it, f"{it.served.deployment}-candidate"):
        nadia.create(made, it.ns)

    def ready() -> bool:
        pod = it.admin.read("Pod", it.ns, "impostor")
        return any(c["ready"] for c in pod.get("status", {}).get("containerStatuses", []))

    wait_for("the impostor answers", ready, 60)
    request = it.request("3", "Staging")
    status = it.wait_phase(request, "Blocked")
    verdicts = {gate["type"]: gate["verdict"] for gate in status["gates"]}
    assert verdicts["Fairness"] == "Failed", verdicts
    assert it.concluded(request).code == "GatesFailed"


# A request that comes again


def test_a_rollback_created_again_moves_nothing(world: Callable[..., World]) -> None:
    """GitOps prunes a finished request and applies it again: the same request, and over."""
    it = world(versions=["1", "2"], edit=QUICK)
    it.promote("1")
    it.promote("2")
    again = {"action": "Rollback", "name": "back-to-one", "reason": "an incident"}
    request = it.request("1", "Production", **again)
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
    first = it.uid(request)
    assert it.pins() == it.pin_of("1")
    # The incident is over: version 2 is staged anew by a rollback that the policy's owner asks for.
    forth = it.request("2", "Production", action="Rollback", reason="the incident is over")
    it.wait_phase(forth, "Promoted", seconds=ROLLOUT_SECONDS)
    assert it.pins() == it.pin_of("2")
    records = len(it.target_records())
    it.admin.delete("PromotionRequest", it.ns, request)
    wait_for("it is gone", lambda: it.admin.get("PromotionRequest", it.ns, request) is None, 30)
    it.request("1", "Production", **again)
    assert it.uid(request) != first
    status = it.wait_phase(request, "Promoted", seconds=30)
    assert status["reason"] == "Applied", status
    stays("the pins", it.pins, 5)
    assert it.pins() == it.pin_of("2")
    assert len(it.target_records()) == records
    assert "finalizers" not in it.promotion(request)["metadata"]


# A request that leaves too early


def test_an_intent_whose_request_is_gone_blocks_nobody(world: Callable[..., World]) -> None:
    it = world(versions=["1", "2"], edit=QUICK)
    it.promote("1")
    it.stage("2")
    request = it.await_approval("2")
    slow(it, 300)
    it.approve(request, "alice")
    it.approve(request, "bob")
    wait_for("version 2 is pinned", lambda: it.pins() == it.pin_of("2"), 60)
    it.admin.merge("PromotionRequest", it.ns, request, {"metadata": {"finalizers": None}})
    it.admin.delete("PromotionRequest", it.ns, request)

    def closed() -> bool:
        # Aborted, when a round of the request was under way while it went.
        return any(each.kind in ("Abandoned", "Aborted") for each in it.target_records())

    wait_for("the Intent is closed", closed, 60, seen=lambda: list(map(str, it.target_records())))
    assert it.pins() == it.pin_of("1"), "what was before serves again"
    slow(it, 0)
    assert it.serving() == "1"
    later = it.await_approval("2")
    it.approve(later, "alice")
    it.approve(later, "bob")
    it.wait_phase(later, "Promoted", seconds=ROLLOUT_SECONDS)
    it.cluster.ledgers.check(it.ns, "target", it.served.target)


# A rollout that cannot be stopped


def test_a_rollback_does_not_wait_for_a_rollout(world: Callable[..., World]) -> None:
    it = world(versions=["1", "2"], edit=QUICK)
    it.promote("1")
    it.stage("2")
    request = it.await_approval("2")
    slow(it, 300)
    it.approve(request, "alice")
    it.approve(request, "bob")
    wait_for("version 2 is pinned", lambda: it.pins() == it.pin_of("2"), 60)
    began = time.monotonic()
    back = it.request(None, "Production", action="Rollback")
    wait_for("version 1 is pinned", lambda: it.pins() == it.pin_of("1"), 30, interval=0.05)
    print(f"rollback of an open rollout: pinned after {time.monotonic() - began:.1f} s")
    slow(it, 0)
    assert it.wait_phase(request, "Superseded", seconds=30)["reason"] == "Superseded"
    it.wait_phase(back, "Promoted", seconds=ROLLOUT_SECONDS)
    it.wait_serving("1")
    kinds = [(each.kind, each.code) for each in it.target_records()[-4:]]
    assert kinds == [
        ("Intent", ""),
        ("Aborted", "Superseded"),
        ("Intent", ""),
        ("Applied", ""),
    ], kinds
    it.cluster.ledgers.check(it.ns, "target", it.served.target)


# A number that gets other bytes


def test_a_number_does_not_hand_its_stage_to_other_bytes(world: Callable[..., World]) -> None:
    it = world(versions=["1"], edit=QUICK)
    it.stage("1")
    name = f"{it.served.model}-1"
    it.admin.delete("ModelVersion", it.ns, name)
    other = it.cluster.installation.models.model_version("3", it.ns)
    other["metadata"]["name"] = name
    other["spec"]["version"] = "1"
    it.admin.create(other, it.ns)
    request = it.request("1", "Production")
    status = it.wait_phase(request, "Blocked", seconds=30)
    assert status["reason"] == "VersionReused", status
    assert it.pins() == {}


# What is decided on is what was approved


def test_a_target_edited_after_the_approval_voids_it(world: Callable[..., World]) -> None:
    """Who may edit ServingTargets cannot slip a pin in between the approval and the effect."""
    it = world(versions=["1"], edit=QUICK)
    it.stage("1")
    request = it.await_approval("1")
    before = it.status(request)["review"]["decisionDigest"]
    early = it.approve(request, "alice")
    it.wait_approval(early, counted=True)
    target = manifest(it.cluster.installation, "servingtarget", it.ns)
    extra = {"container": "server", "name": "CHECKS", "value": "off-${version}"}
    env = json.loads(json.dumps(target["spec"]["pin"]["env"])) + [extra]
    it.admin.merge("ServingTarget", it.ns, it.served.target, {"spec": {"pin": {"env": env}}})

    def another() -> bool:
        status = it.status(request)
        digest = status.get("review", {}).get("decisionDigest", before)
        return bool(status.get("phase") == "AwaitingApproval" and digest != before)

    wait_for("another decision is asked for", another, 120)
    assert it.wait_approval(early, counted=False)["reason"] == "DigestChanged"
    assert it.pins() == {}
