"""The chart as its users handle it: tested, upgraded, uninstalled and installed again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from stageinstall import InstallError, install, places
from stageinstall.places import OPERATOR_NAMESPACE
from stageinstall.target import Target
from support.waiting import wait_for
from support.world import Cluster

RELEASE = ("stagekeeper", f"--namespace={OPERATOR_NAMESPACE}")
BINDING = "stagekeeper-requester"


@pytest.fixture()
def target(cluster: Cluster) -> Iterator[Target]:
    """The installation, made whole again afterwards whatever a test did to it."""
    yield cluster.installation.target
    install([])


def helm_test(target: Target) -> str:
    return target.helm("test", *RELEASE, "--logs", "--timeout=150s")


def upgrade(target: Target, *options: str) -> None:
    values = f"--values={target.state / 'values.yaml'}"
    target.helm("upgrade", *RELEASE[:1], places.CHART, *RELEASE[1:], values, *options)


def test_helm_test_passes_and_leaves_nothing(target: Target) -> None:
    assert "admission refuses requests in another's name" in helm_test(target)
    assert target.get("clusterrole", "stagekeeper-test") is None
    assert target.get("pod", "stagekeeper-test", f"--namespace={OPERATOR_NAMESPACE}") is None


def test_helm_test_fails_where_anybody_may_ask_as_another(target: Target) -> None:
    kind = "validatingadmissionpolicybinding"
    kept = target.get(kind, BINDING)
    target.kubectl("delete", kind, BINDING)
    try:
        with pytest.raises(InstallError):
            helm_test(target)
        said = target.kubectl(f"--namespace={OPERATOR_NAMESPACE}", "logs", "stagekeeper-test")
        assert "a request in another's name is accepted" in said
    finally:
        for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"):
            kept["metadata"].pop(field, None)
        target.kubectl("create", "--filename=-", text_in=json.dumps(kept))
    wait_for("the binding is in force again", lambda: _passes(target), 200, interval=5)


def test_gate_classes_follow_the_values(target: Target) -> None:
    upgrade(target, "--set=gateClasses.smoke=null", "--set=gateClasses.second.type=Latency")
    assert target.get("gateclass", "stagekeeper-smoke") is None
    uid = target.get("gateclass", "stagekeeper-accuracy")["metadata"]["uid"]
    assert target.get("gateclass", "stagekeeper-second")["spec"]["type"] == "Latency"
    upgrade(target)
    assert target.get("gateclass", "stagekeeper-second") is None
    # The same object as before: an upgrade makes none anew.
    assert target.get("gateclass", "stagekeeper-accuracy")["metadata"]["uid"] == uid
    assert target.get("gateclass", "stagekeeper-smoke") is not None


def test_the_api_server_takes_everything_that_can_be_switched_on(target: Target) -> None:
    on = ("networkPolicies.operator", "networkPolicies.gates", "podDisruptionBudget")
    upgrade(target, *(f"--set={name}.enabled=true" for name in on))
    policy = target.get("networkpolicy", "stagekeeper-operator", f"--namespace={OPERATOR_NAMESPACE}")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    upgrade(target)


def test_kinds_of_another_version_are_refused(target: Target) -> None:
    crd: dict[str, Any] = target.get("crd", "approvals.stagekeeper.dev")
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "of yesterday"
    target.kubectl("replace", "--filename=-", text_in=json.dumps(crd))
    with pytest.raises(InstallError, match="are not those of this chart: approvals.stagekeeper.dev"):
        upgrade(target)
    crds = places.CHART / "crds"
    target.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={crds}")
    upgrade(target)


def test_what_was_uninstalled_can_be_installed_again(target: Target) -> None:
    target.helm("uninstall", *RELEASE, "--wait")
    assert target.get("deployment", "stagekeeper", f"--namespace={OPERATOR_NAMESPACE}") is None
    assert target.get("gateclass", "stagekeeper-accuracy") is None
    assert target.get("crd", "approvals.stagekeeper.dev") is not None
    wait_for("the gate namespace is gone", lambda: _gone(target), 120, interval=2)
    install([])
    assert "the operator is ready" in helm_test(target)


def _passes(target: Target) -> bool:
    try:
        return "admission refuses" in helm_test(target)
    except InstallError:
        return False


def _gone(target: Target) -> bool:
    return target.get("namespace", places.GATE_NAMESPACE) is None
