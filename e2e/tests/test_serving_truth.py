"""What users reach, put there past admission: by whoever may change policies, or before they stood."""

from __future__ import annotations

import copy
from collections.abc import Callable

from support.policies import QUICK
from support.serving import (
    as_recorded,
    condition,
    found_in_time,
    ready_endpoints,
    records,
    second_deployment,
)
from support.waiting import wait_for
from support.world import World


def served(world: Callable[..., World]) -> World:
    """Version 1 serves, as recorded."""
    it = world(versions=["1", "3"], edit=QUICK)
    it.promote("1")
    as_recorded(it, 30)
    return it


def test_a_second_deployment_behind_the_service_is_found(world: Callable[..., World]) -> None:
    it = served(world)
    names = ready_endpoints(it)
    with found_in_time(it, "StrangerServes"):
        it.cluster.unguarded.create(second_deployment(it, "3", name="shadow", entry=True), it.ns)
        wait_for("it is reached", lambda: len(ready_endpoints(it)) > len(names), 90)
    assert "shadow" in condition(it)["message"]
    status = it.admin.read("ServingTarget", it.ns, it.served.target)["status"]
    assert {each["version"] for each in status["observed"]} == {"1", "3"}, status["observed"]
    it.admin.delete("Deployment", it.ns, "shadow")
    as_recorded(it)
    wait_for("the end is recorded", lambda: records(it, "DriftEnded"), 15)
    it.cluster.ledgers.check(it.ns, "target", it.served.target)


def test_a_moved_selector_is_found_with_who_moved_it(world: Callable[..., World]) -> None:
    it = served(world)
    with found_in_time(it, "SelectorMoved"):
        moved = {"spec": {"selector": {"shadow": "yes"}}}
        it.cluster.unguarded.merge("Service", it.ns, it.served.service, moved, fieldManager="kubectl-edit")
    assert "kubectl-edit" in condition(it)["message"]


def test_a_swapped_image_is_found_with_who_swapped_it(world: Callable[..., World]) -> None:
    """The same bytes under another command: what the kubelet runs is not what was measured."""
    it = served(world)
    before = ready_endpoints(it)
    container = it.deployment()["spec"]["template"]["spec"]["containers"][0]
    changed = {"name": container["name"], "env": [{"name": "SWAPPED", "value": "yes"}]}
    patch = {"spec": {"template": {"spec": {"containers": [changed]}}}}
    with found_in_time(it, "TemplateDiffers"):
        it.cluster.unguarded.strategic(
            "Deployment", it.ns, it.served.deployment, patch, fieldManager="kubectl-set"
        )
        wait_for("it is reached", lambda: ready_endpoints(it) - before, 90)
    assert "kubectl-set" in condition(it)["message"]
    assert "SWAPPED" in condition(it)["message"] or "env" in condition(it)["message"]


def test_an_adopted_pod_is_found(world: Callable[..., World]) -> None:
    """A ReplicaSet adopts any pod with its labels: here one that was started elsewhere."""
    it = served(world)
    it.cluster.unguarded.merge(
        "Deployment", it.ns, it.served.deployment, {"spec": {"replicas": 1}}
    )
    wait_for("one pod serves", lambda: len(ready_endpoints(it)) == 1, 60)
    name = next(iter(ready_endpoints(it)))
    good = it.admin.read("Pod", it.ns, name)
    spec = copy.deepcopy(good["spec"])
    for key in ("nodeName", "tolerations"):
        spec.pop(key, None)
    spec["containers"][0]["workingDir"] = "/tmp"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "adopted"}, "spec": spec}
    it.cluster.unguarded.create(pod, it.ns)

    def ready() -> bool:
        status = it.admin.read("Pod", it.ns, "adopted").get("status", {})
        return any(each["ready"] for each in status.get("containerStatuses", []))

    wait_for("the pod is ready", ready, 60)
    with found_in_time(it, "TemplateDiffers"):
        # The controller keeps the pod that is ready, and ends the one that it has just begun.
        it.cluster.unguarded.delete("Pod", it.ns, name)
        labels = {"metadata": {"labels": good["metadata"]["labels"]}}
        it.cluster.unguarded.merge("Pod", it.ns, "adopted", labels)
        wait_for("it is reached", lambda: "adopted" in ready_endpoints(it), 90)
    assert "adopted" in condition(it)["message"]
    assert "workingDir" in condition(it)["message"]
