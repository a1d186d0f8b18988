"""Policies and GateClasses that tests need besides the demo's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from support.api import Object

Edit = Callable[[Object], None]

REVIEW = {"approvers": [{"role": "model-risk", "groups": ["mrm"], "count": 1}]}
ACCURACY: Object = {
    "name": "accuracy",
    "type": "Accuracy",
    "enforcement": "Blocking",
    "accuracy": {"minAbsolute": "0.82", "minImprovement": "0.005"},
}
SLOW_LATENCY: Object = {
    "name": "latency",
    "type": "Latency",
    "enforcement": "Blocking",
    "latency": {"p95Budget": "30s", "samples": 5000, "warmup": 10},
}
"""Measures for some seconds: time enough to do something to its pod."""


def one_gate(gate: Object, **changes: Any) -> Object:
    """A copy of a gate with changed fields."""
    return {**copy.deepcopy(gate), **changes}


def stages(staging: list[Object], production: list[Object]) -> Edit:
    """Other gates than the demo's; Staging without gates asks model-risk instead."""

    def edit(made: Object) -> None:
        if made["kind"] != "PromotionPolicy":
            return
        first, second = made["spec"]["stages"]
        first["gates"] = staging
        if not staging:
            first["review"] = REVIEW
        second.pop("gatesFrom", None)
        second["gates"] = production

    return edit


def deployment(**spec: Any) -> Edit:
    """Other fields of the serving Deployment's spec."""

    def edit(made: Object) -> None:
        if made["kind"] == "Deployment":
            made["spec"].update(spec)

    return edit


def server(program: str) -> Edit:
    """The serving Deployment runs a Python program of the test's, in the model server's image."""

    def edit(made: Object) -> None:
        if made["kind"] == "Deployment":
            (container,) = made["spec"]["template"]["spec"]["containers"]
            container["command"] = ["/usr/local/bin/python3", "-c", program]

    return edit


def both(*edits: Edit) -> Edit:
    def edit(made: Object) -> None:
        for each in edits:
            each(made)

    return edit


# The quickest way to Production: a person lets it into Staging, one gate runs, one replica serves.
QUICK = both(stages([], [ACCURACY]), deployment(replicas=1))


def gate_class(base: Object, name: str, **spec: Any) -> Object:
    """A GateClass like an existing one, with other fields of its spec."""
    return {
        "apiVersion": "stagekeeper.dev/v1alpha1",
        "kind": "GateClass",
        "metadata": {"name": name},
        "spec": {**copy.deepcopy(base["spec"]), **spec},
    }


def python_command(script: str) -> list[str]:
    """Runs a script in the model server's image; arguments of a GateClass are 512 bytes at most."""
    parts = [script[at : at + 500] for at in range(0, len(script), 500)]
    runner = "import sys;exec(''.join(sys.argv[1:]))"
    return ["/usr/local/bin/python3", "-c", runner, *parts]
