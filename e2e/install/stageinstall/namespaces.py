"""Namespaces that serve a model: people's rights, credentials, and the demo's objects."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from stageinstall import objects, places
from stageinstall.console import InstallError
from stageinstall.objects import Object
from stageinstall.places import OPERATOR_NAMESPACE
from stageinstall.target import Target

if TYPE_CHECKING:
    from stageinstall.installation import Installation

MANIFESTS = ("service", "deployment", "servingtarget", "promotionpolicy")
Edit = Callable[[Object], None]


@dataclass(frozen=True)
class Served:
    """What prepare_namespace made."""

    namespace: str
    model: str
    deployment: str
    service: str
    target: str

    @property
    def service_host(self) -> str:
        return f"{self.service}.{self.namespace}.svc"


def prepare_namespace(
    installation: Installation,
    namespace: str,
    *,
    versions: list[str] | None = None,
    edit: Edit | None = None,
) -> Served:
    """Makes a namespace in which the operator may promote the demo's model.

    `versions` are registered as ModelVersions (default: all five); `edit` may change each object
    of the demo's manifests before it is applied. Applying it again changes nothing.
    """
    target = installation.target
    target.apply([objects.namespace(namespace, {objects.PART_OF: objects.SERVING})])
    target.apply(people(namespace) + credentials(target, namespace))
    if target.get("rolebinding", "stagekeeper-serving", f"--namespace={namespace}") is None:
        target.apply([operator_rights(namespace)])
    made = [manifest(installation, name, namespace) for name in MANIFESTS]
    chosen = installation.models.versions if versions is None else versions
    made += [installation.models.model_version(version, namespace) for version in chosen]
    for each in made:
        if edit:
            edit(each)
    target.apply(made, manager="platform")
    names = {each["kind"]: each["metadata"]["name"] for each in made}
    return Served(
        namespace=namespace,
        model=installation.models.name,
        deployment=names["Deployment"],
        service=names["Service"],
        target=names["ServingTarget"],
    )


def manifest(installation: Installation, name: str, namespace: str) -> Object:
    """One of e2e/demo/manifests, filled in and put into a namespace."""
    store, dataset = installation.target.store, installation.models.dataset()
    text = (places.DEMO / "manifests" / f"{name}.yaml").read_text()
    # Only these: ServingTargets have variables of their own.
    for variable, value in {
        "MODEL_SERVER_IMAGE": installation.images.model_server,
        "S3_ENDPOINT": store.endpoint,
        "S3_REGION": store.region,
        "EVALUATION_URI": dataset["uri"],
        "EVALUATION_VERSION": dataset["version"],
        "EVALUATION_DIGEST": dataset["digest"],
    }.items():
        text = text.replace("${" + variable + "}", value)
    made: dict[str, Any] = yaml.safe_load(text)
    made["metadata"]["namespace"] = namespace
    return made


def people(ns: str) -> list[Object]:
    """Who may do what: priya asks, alice and bob approve, nadia runs the namespace.

    priya has the verb to approve as well, so that only the operator's separation of duties stands
    between her and approving her own requests. mallory has nothing.
    """
    priya, nadia = [objects.user("priya")], [objects.user("nadia")]
    approvers = [objects.group("mrm"), objects.group("retail-credit"), *priya]
    asks = {
        "promote": ["staging", "production"],
        "rollback": ["production"],
        "abort": ["production"],
        "archive": ["archived"],
    }
    return [
        objects.stage_role("stages-promote", ns, asks),
        objects.stage_role("stages-approve", ns, {"approve": ["production"]}),
        objects.role_binding("requesters", ns, "ClusterRole/stagekeeper-requester", priya),
        objects.role_binding("stages-promote", ns, "Role/stages-promote", priya),
        objects.role_binding("approvers", ns, "ClusterRole/stagekeeper-approver", approvers),
        objects.role_binding("stages-approve", ns, "Role/stages-approve", approvers),
        objects.role_binding("administrators", ns, "ClusterRole/admin", nadia),
    ]


def credentials(target: Target, ns: str) -> list[Object]:
    """What the model server reads its artifact with."""
    access, secret = target.store.keys("MODELS_READER")
    keys = {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
    authority = {"ca.crt": target.store.ca_file.read_text()}
    return [
        objects.secret("models-reader", ns, keys),
        objects.config_map("s3-ca", ns, authority),
    ]


def operator_rights(ns: str) -> Object:
    """The same binding as the chart's for its servingNamespaces."""
    operator = objects.service_account("stagekeeper", OPERATOR_NAMESPACE)
    return objects.role_binding(
        "stagekeeper-serving", ns, "ClusterRole/stagekeeper-serving", [operator]
    )


def remove_namespace(target: Target, namespace: str, *, wait: bool = True) -> None:
    """Deletes a namespace made here and all in it.

    Requests go first, while the operator may still clean up after them; finalizers that are left
    after half a minute are released.
    """
    if target.get("namespace", namespace) is None:
        return
    release_requests(target, namespace)
    options = ["--ignore-not-found", f"--wait={str(wait).lower()}", "--timeout=120s"]
    target.kubectl("delete", "namespace", namespace, *options)


def release_requests(target: Target, namespace: str, seconds: float = 30) -> None:
    """Deletes every PromotionRequest of a namespace, by force after `seconds`."""
    scope = f"--namespace={namespace}"
    try:
        target.kubectl("delete", "promotionrequests", "--all", scope, "--wait=false")
    except InstallError as error:
        if "the server doesn't have a resource type" in str(error):
            return
        raise
    deadline = time.monotonic() + seconds
    while left := target.kubectl("get", "promotionrequests", scope, "--output=name").split():
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    for name in left:
        nothing = '{"metadata":{"finalizers":null}}'
        target.kubectl("patch", name, scope, "--type=merge", f"--patch={nothing}")
