"""A second segment that serves the model: what the demo's manifests make once, by another name."""

from __future__ import annotations

import json
from collections.abc import Callable

from stageinstall.namespaces import manifest

from support.api import Object
from support.waiting import wait_for
from support.world import World

FIRST, SECOND = "credit-risk-eu", "credit-risk-us"


def serves_both(made: Object) -> None:
    """Production is served by both targets."""
    if made["kind"] == "PromotionPolicy":
        made["spec"]["stages"][1]["targets"] = [{"name": FIRST}, {"name": SECOND}]


def add_second(it: World, edit: Callable[[Object], None] | None = None) -> None:
    """Delivers Deployment, Service and ServingTarget of the second segment, one replica."""
    for name in ("service", "deployment", "servingtarget"):
        first = manifest(it.cluster.installation, name, it.ns)
        made: Object = json.loads(json.dumps(first).replace(FIRST, SECOND))
        if made["kind"] == "Deployment":
            made["spec"]["replicas"] = 1
        if made["kind"] == "ServingTarget":
            made["spec"]["segment"] = "us"
        if edit:
            edit(made)
        it.admin.apply(made, it.ns, "platform")

    def claimed() -> bool:
        labels = it.deployment(SECOND)["metadata"].get("labels", {})
        return bool(labels.get("stagekeeper.dev/target") == SECOND)

    wait_for("the operator claims the second Deployment", claimed, 30)
