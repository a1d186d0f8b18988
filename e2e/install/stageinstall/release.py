"""The chart: its values, its installation, and whether the operator then runs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from stageinstall import places
from stageinstall.console import InstallError, say
from stageinstall.places import GATE_NAMESPACE, OPERATOR_NAMESPACE, ImageRefs
from stageinstall.target import Target

RELEASE = "stagekeeper"
DEVIATION = {
    "point": "f",
    "reason": "versitygw 1.7.0 lets a COMPLIANCE retention be shortened; this is a test store",
}
# Long enough that nobody who tries things out meets a record whose lock has run out; the store of
# e2e/cluster goes with the cluster in any case.
RETENTION = "24h"
_READY_SECONDS = 120


def values(target: Target, images: ImageRefs, serving: list[str]) -> dict[str, Any]:
    """The chart's values. Pure."""
    store = target.store
    pull = "IfNotPresent" if target.images else "Never"
    operator, gate = _repository(images.operator), _repository(images.gate)
    return {
        "image": {**operator, "pullPolicy": pull},
        "gateImage": gate,
        "servingNamespaces": serving,
        "auditStore": {
            "endpoint": store.endpoint,
            "region": store.region,
            "bucket": store.audit_bucket,
            "caConfigMap": "s3-ca",
            "credentialsSecretRef": {"name": "stagekeeper-s3"},
            "retention": RETENTION,
            "acknowledgedDeviations": [DEVIATION],
            "acceptComplianceLock": True,
        },
        "gates": {"namespace": GATE_NAMESPACE, "fetch": {"caConfigMapRef": {"name": "s3-ca"}}},
    }


def serving_namespaces(target: Target) -> list[str]:
    """Those of the installed release that still exist and are not being deleted."""
    release = status(target)
    wanted = (release or {}).get("config", {}).get("servingNamespaces") or []
    alive = []
    for name in wanted:
        found = target.get("namespace", name)
        if found and not found["metadata"].get("deletionTimestamp"):
            alive.append(name)
    return alive


def install(target: Target, wanted: dict[str, Any]) -> bool:
    """Installs or upgrades the release; returns whether there was anything to do.

    Errors: InstallError with helm's words.
    """
    description = "content " + _fingerprint(wanted)
    release = status(target)
    if release and release["info"]["status"] == "deployed":
        if release["info"]["description"] == description:
            return False
    elif release:
        _forget_interrupted(target)
    file = target.state / "values.yaml"
    file.write_text(json.dumps(wanted, indent=2) + "\n")  # JSON is YAML.
    say(f"helm upgrade --install {RELEASE} charts/stagekeeper --values {file}")
    options = ["--namespace", OPERATOR_NAMESPACE, "--create-namespace", "--values", str(file)]
    # Helm leaves CRDs alone that are there, makes none in an upgrade, and the chart refuses those of another version.
    if release or target.get("crd", "modelversions.stagekeeper.dev"):
        crds = f"--filename={places.CHART / 'crds'}"
        target.kubectl("apply", "--server-side", "--force-conflicts", crds)
    # GateClasses and bindings may be there from an earlier installation.
    options += ["--take-ownership", "--description", description]
    target.helm("upgrade", "--install", RELEASE, places.CHART, *options)
    return True


def wait_ready(target: Target) -> None:
    """Waits until the operator's pod is ready and admission answers for it.

    Errors: InstallError with the pod's state and the end of its log.
    """
    began = time.monotonic()
    try:
        target.kubectl(
            "--namespace", OPERATOR_NAMESPACE, "rollout", "status", "deployment/stagekeeper",
            f"--timeout={_READY_SECONDS}s",
        )  # fmt: skip
    except InstallError as error:
        raise InstallError(f"the operator is not ready: {error}\n{diagnosis(target)}") from error
    _wait_for_admission(target)
    _wait_until_names_count(target)
    if time.monotonic() - began > 2:
        say(f"the operator is ready after {time.monotonic() - began:.0f} s")


def diagnosis(target: Target) -> str:
    """What its pods say, for a person who has to find out why the operator does not run."""
    parts = []
    for arguments in (
        ("get", "pods", "--output=wide"),
        ("get", "events", "--sort-by=.lastTimestamp"),
        ("logs", "--selector=app.kubernetes.io/component=operator", "--tail=15", "--prefix"),
        ("logs", "--selector=app.kubernetes.io/component=operator", "--tail=15", "--previous"),
    ):
        argv: list[str | Path] = [target.kubectl_path, f"--kubeconfig={target.kubeconfig}"]
        argv += [f"--namespace={OPERATOR_NAMESPACE}", *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.stdout.strip():
            parts.append("\n".join(done.stdout.strip().splitlines()[-15:]))
    return "\n\n".join(parts)


def _wait_for_admission(target: Target) -> None:
    """Policies reach the API server's evaluator a moment after they are stored."""
    request = {
        "apiVersion": "stagekeeper.dev/v1alpha1",
        "kind": "PromotionRequest",
        "metadata": {"name": "is-admission-ready", "namespace": "default"},
        "spec": {"model": "none", "version": "1", "stage": "Staging", "reason": "dry run"},
    }
    command = ["create", "--dry-run=server", "--filename=-", "--output=json"]
    deadline = time.monotonic() + 30
    while True:
        try:
            seen = json.loads(target.kubectl(*command, text_in=json.dumps(request)))
            if seen["spec"].get("requester"):
                return
            problem = "the requester is not filled in"
        except InstallError as error:
            problem = str(error)
        if time.monotonic() > deadline:
            raise InstallError(f"admission policies do not work after 30 s: {problem}")
        time.sleep(0.5)


def _wait_until_names_count(target: Target) -> None:
    """An upgrade may change these policies after the operator is ready: see docs/admission.md."""
    last = 0.0
    for kind in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
        for name in ("stagekeeper-requester", "stagekeeper-approver"):
            shown = target.kubectl("get", kind, name, "--output=json", "--show-managed-fields")
            metadata = json.loads(shown)["metadata"]
            times = [metadata["creationTimestamp"]]
            times += [each["time"] for each in metadata.get("managedFields", []) if "time" in each]
            last = max([last, *(datetime.fromisoformat(each).timestamp() for each in times)])
    time.sleep(max(0.0, last + 6 - time.time()))  # five seconds, and objects are dated in whole ones


def _repository(reference: str) -> dict[str, str]:
    name, at, digest = reference.partition("@")
    if not at:
        raise InstallError(f"image {reference} is not named by digest (NAME@sha256:…)")
    return {"repository": name, "digest": digest}


def status(target: Target) -> dict[str, Any] | None:
    """The release as helm shows it, or None."""
    listed = target.helm("list", "--all-namespaces", "--filter", f"^{RELEASE}$", "--output=json")
    if not any(each["namespace"] == OPERATOR_NAMESPACE for each in json.loads(listed)):
        return None
    shown = target.helm("status", RELEASE, "--namespace", OPERATOR_NAMESPACE, "--output=json")
    found: dict[str, Any] = json.loads(shown)
    return found


def _forget_interrupted(target: Target) -> None:
    """Helm refuses to go on after a run of its own that was cut off."""
    labels = "owner=helm,status in (pending-install,pending-upgrade,pending-rollback)"
    target.kubectl(f"--namespace={OPERATOR_NAMESPACE}", "delete", "secret", f"--selector={labels}")


def _fingerprint(wanted: dict[str, Any]) -> str:
    content = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode())
    for file in sorted(places.CHART.rglob("*")):
        if file.is_file():
            content.update(f"{file}\0".encode() + file.read_bytes())
    return content.hexdigest()[:16]
