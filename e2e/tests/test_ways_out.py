"""Ways out: a request is ended, a Deployment comes again, a rollback has no policy to ask."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

from stageinstall.namespaces import manifest

from support.api import Object, refused
from support.policies import QUICK
from support.serving import condition, records, slow
from support.waiting import stays, wait_for
from support.world import ROLLOUT_SECONDS, World

CLAIM = "stagekeeper.dev/target"


def abort(it: World, request: str, by: str = "priya") -> str:
    return it.request(None, "Production", by=by, action="Abort", request={"name": request})


def pause(it: World, paused: bool) -> None:
    change = {"spec": {"paused": paused}}
    it.cluster.user("nadia").merge("Deployment", it.ns, it.served.deployment, change)


def created_again(it: World) -> None:
    """As a GitOps tool does whose application was deleted with what it delivered: no pins come."""
    nadia = it.cluster.user("nadia")
    target = manifest(it.cluster.installation, "servingtarget", it.ns)
    pins = it.pins()
    with refused(403) as answer:
        nadia.delete("Deployment", it.ns, it.served.deployment)
    assert "delete the ServingTarget first" in answer.message
    it.admin.delete("ServingTarget", it.ns, it.served.target)
    wait_for("the Deployment is released", lambda: CLAIM not in labels(it.deployment()), 60)
    deployment = without_status(it.deployment())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["env"] = [each for each in container["env"] if each["name"] not in pins]
    nadia.delete("Deployment", it.ns, it.served.deployment)
    wait_for("the Deployment is gone", lambda: not listed(it, it.served.deployment), 60)
    nadia.create(deployment, it.ns)
    it.admin.create(target, it.ns)


def labels(made: Object) -> dict[str, str]:
    return dict(made["metadata"].get("labels", {}))


def listed(it: World, deployment: str) -> list[Object]:
    return it.admin.list("Deployment", it.ns, fieldSelector=f"metadata.name={deployment}")


def without_status(made: Object) -> Object:
    """An object as a repository holds it, without what a cluster has added."""
    out = copy.deepcopy(made)
    out.pop("status", None)
    out["metadata"] = {"name": made["metadata"]["name"], "labels": labels(made)}
    return out


def test_an_open_rollout_is_aborted_and_its_pins_put_back(world: Callable[..., World]) -> None:
    it = world(versions=["1", "2"], edit=QUICK)
    it.promote("1")
    it.stage("2")
    request = it.await_approval("2")
    slow(it, 300)
    it.approve(request, "alice")
    it.approve(request, "bob")
    wait_for("version 2 is pinned", lambda: it.pins() == it.pin_of("2"), 60)

    with refused(403):  # alice may approve, and no more
        abort(it, request, by="alice")
    began = time.monotonic()
    asked = abort(it, request)
    wait_for("version 1 is pinned", lambda: it.pins() == it.pin_of("1"), 30, interval=0.05)
    print(f"abort of an open rollout: pinned after {time.monotonic() - began:.1f} s")
    slow(it, 0)
    status = it.wait_phase(request, "RolledBack", seconds=ROLLOUT_SECONDS)
    assert f"aborted by priya (request {asked})" in status["message"], status["message"]
    assert it.wait_phase(asked, "Promoted", seconds=30)
    it.wait_serving("1")
    aborts = it.concluded(asked).predicate["aborts"]
    assert aborts == {"name": request, "uid": it.uid(request)}
    it.cluster.ledgers.check(it.ns, "target", it.served.target)
    it.cluster.ledgers.check(it.ns, "model", it.served.model)


def test_a_review_is_aborted_and_nothing_changes(world: Callable[..., World]) -> None:
    it = world(versions=["1"], edit=QUICK)
    it.stage("1")
    request = it.await_approval("1")
    it.approve(request, "alice")
    abort(it, request)
    status = it.wait_phase(request, "Aborted", seconds=30)
    assert status["reason"] == "Aborted", status
    stays("the pins", it.pins, 3)
    assert it.pins() == {}


def test_a_deployment_that_is_created_again_gets_its_pins_back(
    world: Callable[..., World],
) -> None:
    it = world(versions=["1"], edit=QUICK)
    it.promote("1")
    created_again(it)
    began = time.monotonic()
    wait_for("version 1 is pinned", lambda: it.pins() == it.pin_of("1"), 30, interval=0.05)
    print(f"created again: pinned after {time.monotonic() - began:.1f} s")
    it.wait_serving("1")
    wait_for("the target is ready", lambda: condition(it, "Ready")["status"] == "True", 30)
    (restored,) = records(it, "Restored")
    uid = it.deployment()["metadata"]["uid"]
    assert restored.predicate["body"]["deploymentUid"] == uid, restored.predicate
    assert len(records(it, "Intent")) == 1, "nothing was decided"
    it.cluster.ledgers.check(it.ns, "target", it.served.target)


def test_a_rollback_needs_neither_policy_nor_running_rollout(world: Callable[..., World]) -> None:
    it = world(versions=["1", "2"], edit=QUICK)
    it.promote("1")
    it.promote("2")
    it.admin.delete("PromotionPolicy", it.ns, it.served.model)
    pause(it, True)
    back = it.request(None, "Production", action="Rollback", targets=[it.served.target])
    wait_for("version 1 is pinned", lambda: it.pins() == it.pin_of("1"), 30, interval=0.05)
    pause(it, False)
    it.wait_phase(back, "Promoted", seconds=ROLLOUT_SECONDS)
    it.wait_serving("1")
