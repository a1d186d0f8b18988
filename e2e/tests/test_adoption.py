"""A Deployment that ran before Stagekeeper came: looked at, measured, and then taken over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stageinstall import InstallError

from support.api import Object, refused
from support.policies import QUICK, both
from support.waiting import wait_for
from support.world import ROLLOUT_SECONDS, World

CHECK = {"container": "server", "name": "MODEL_CHECK", "value": "${digest}"}
"""A pin that no Deployment of before has; the server does not look at it."""


def observe(made: Object) -> None:
    if made["kind"] == "ServingTarget":
        made["spec"]["enforcement"] = "Observe"
        made["spec"]["pin"]["env"].append(dict(CHECK))


def target(it: World) -> Object:
    return it.admin.read("ServingTarget", it.ns, it.served.target)


def condition(it: World, kind: str) -> dict[str, Any]:
    found = target(it).get("status", {}).get("conditions", [])
    return next((dict(each) for each in found if each["type"] == kind), {})


def env_of(it: World) -> dict[str, str]:
    containers = it.deployment()["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in containers[0].get("env", [])}


def write_env(it: World, version: str, **more: str) -> None:
    """As nadia's pipeline has done so far."""
    wanted = {**it.pin_of(version), **more}
    env = [{"name": name, "value": value} for name, value in wanted.items()]
    template = {"spec": {"containers": [{"name": "server", "env": env}]}}
    change = {"spec": {"template": template}}
    it.cluster.user("nadia").strategic("Deployment", it.ns, it.served.deployment, change)


@pytest.fixture()
def running(world: Callable[..., World]) -> World:
    """Version 1 serves users, and no record says so."""
    it = world(versions=["1", "2"], edit=both(QUICK, observe))
    write_env(it, "1")
    it.wait_serving("1")
    return it


def test_what_runs_is_observed_measured_and_taken_over(running: World) -> None:
    it = running
    wait_for(
        "it is seen which version users reach",
        lambda: [each["version"] for each in target(it)["status"].get("observed", [])] == ["1"],
        30,
        seen=lambda: target(it).get("status"),
    )
    ready = condition(it, "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "Observing")
    assert condition(it, "Drifted")["status"] == "False"
    assert "stagekeeper.dev/target" not in it.deployment()["metadata"].get("labels", {})

    # Gates clone it meanwhile, and the pipeline of before goes on.
    it.stage("1")
    write_env(it, "2")
    it.wait_serving("2")
    write_env(it, "1")
    it.wait_serving("1")

    request = it.request("1", "Production", by="admin", action="Adopt")
    it.wait_reason(request, "DeploymentNotClaimed", seconds=30)
    assert "only observes" in it.status(request)["message"]
    assert "MODEL_CHECK" not in env_of(it)

    enforce = {"spec": {"enforcement": "Enforce"}}
    it.admin.merge("ServingTarget", it.ns, it.served.target, enforce)
    it.wait_phase(request, "Promoted", seconds=2 * ROLLOUT_SECONDS)
    digest = it.pin_of("1")["MODEL_DIGEST"]
    assert env_of(it)["MODEL_CHECK"] == digest
    assert [each.kind for each in it.target_records(request)] == ["Intent", "Applied"]
    assert it.serving() == "1"
    assert target(it)["status"]["serving"]["version"] == "1"
    with refused(403):
        write_env(it, "2")


def test_fields_of_client_side_apply_are_handed_over(
    world: Callable[..., World], tmp_path: Path
) -> None:
    it = world(versions=["1", "2"], edit=both(QUICK, observe))
    found = it.deployment()
    (container,) = found["spec"]["template"]["spec"]["containers"]
    own = container.get("env", [])
    container["env"] = own + [
        {"name": name, "value": value} for name, value in it.pin_of("1").items()
    ]
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": it.served.deployment, "namespace": it.ns},
        "spec": found["spec"],
    }
    file = tmp_path / "deployment.json"

    def kubectl_apply(*options: str) -> None:
        file.write_text(json.dumps(manifest))
        it.cluster.installation.target.kubectl("apply", *options, f"--filename={file}")

    kubectl_apply()
    it.wait_serving("1")
    it.admin.merge(
        "ServingTarget", it.ns, it.served.target, {"spec": {"enforcement": "Enforce"}}
    )
    request = it.request("1", "Production", by="admin", action="Adopt")
    it.wait_phase(request, "Promoted", seconds=2 * ROLLOUT_SECONDS)
    pinned = it.pins()

    with_pins, container["env"] = container["env"], own
    with pytest.raises(InstallError, match="pin-guard"):
        kubectl_apply()
    container["env"] = with_pins
    kubectl_apply("--server-side")
    container["env"] = own
    kubectl_apply("--server-side")
    assert it.pins() == pinned
    assert env_of(it)["MODEL_CHECK"] == pinned["MODEL_DIGEST"]
    # The next promotion meets nobody.
    it.promote("2")
    assert it.serving() == "2"


def test_bytes_that_are_others_are_not_taken_over(running: World) -> None:
    """The version says a digest that the bytes at its address do not have."""
    it = running
    other = it.admin.read("ModelVersion", it.ns, f"{it.served.model}-1")["spec"]
    del other["registeredBy"]
    other["version"], other["artifact"]["digest"] = "7", "sha256:" + "7" * 64
    meta = {"name": f"{it.served.model}-7"}
    made = {"apiVersion": "stagekeeper.dev/v1alpha1", "kind": "ModelVersion", "metadata": meta}
    it.admin.create({**made, "spec": other}, it.ns)
    # A server that trusts what it is told would serve it: this one is told nothing of that digest.
    assert env_of(it)["MODEL_URI"] == other["artifact"]["uri"]
    write_env(it, "1", MODEL_NUMBER="7")
    number = {"container": "server", "name": "MODEL_NUMBER", "value": "${version}"}
    pins = [each for each in target(it)["spec"]["pin"]["env"] if each["name"] == "MODEL_URI"]
    spec = {
        "enforcement": "Enforce",
        "pin": {"env": [number, *pins, CHECK]},
        "inference": {"versionProof": {"type": "Pods", "header": None}},
    }
    it.admin.merge("ServingTarget", it.ns, it.served.target, {"spec": spec})

    request = it.request("7", "Production", by="admin", action="Adopt")
    status = it.wait_phase(request, "RolledBack", seconds=2 * ROLLOUT_SECONDS)
    assert "digest" in status["message"], status
    assert "MODEL_CHECK" not in env_of(it)
    assert it.serving() == "1"
    assert target(it)["status"].get("serving", {}).get("version") is None
