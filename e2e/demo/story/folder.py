"""The folder of a run: manifests, kubeconfigs with the namespace set, and `env` for a shell."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from stageinstall import Installation, places
from stageinstall.places import USERS

_ENV = """\
# Read this into a shell (`. {folder}/env`) to copy the demo's commands.
# as NAME COMMAND...: as priya, alice, bob, nadia, mallory or admin, in namespace {namespace}.
demo={folder}
export PATH={programs}:{tools}:$PATH
as() {{ local who=$1; shift; KUBECONFIG=$demo/$who.kubeconfig "$@"; }}
# bucket ...: works on the audit bucket with the root key of the store.
bucket() {{ {source}/bucket "$@"; }}
# auditor ...: has the keys that may read the audit bucket, and no cluster.
auditor() {{
  AWS_ACCESS_KEY_ID=$S3_AUDIT_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$S3_AUDIT_SECRET_KEY "$@"
}}
"""


def furnish(installation: Installation, namespace: str) -> Path:
    """Makes the folder anew and returns it; nothing of an earlier run is left."""
    folder = installation.target.state / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    for user in USERS:
        _kubeconfig(installation.user(user), folder / f"{user}.kubeconfig", namespace)
    _kubeconfig(installation.kubeconfig, folder / "admin.kubeconfig", namespace)
    shutil.copyfile(installation.public_key, folder / "public.pem")
    _write_env(installation, folder, namespace)
    models = installation.models
    versions = [models.model_version(version, namespace) for version in models.versions]
    write(folder / "versions.yaml", *versions)
    for version in models.versions:
        for stage in ("Staging", "Production"):
            request = promotion(models.name, version, stage)
            write(folder / f"{version}-{stage.lower()}.yaml", request)
    write(folder / "2-too-early.yaml", too_early(models.name))
    write(folder / "rollback.yaml", rollback(models.name))
    return folder


def promotion(model: str, version: str, stage: str) -> dict[str, Any]:
    """A PromotionRequest as a person writes it: who asks is filled in at admission."""
    return {
        "apiVersion": "stagekeeper.dev/v1alpha1",
        "kind": "PromotionRequest",
        "metadata": {"name": f"{model}-{version}-{stage.lower()}"},
        "spec": {
            "model": model,
            "version": version,
            "stage": stage,
            "reason": f"demo: version {version} to {stage}",
        },
    }


def too_early(model: str) -> dict[str, Any]:
    made = promotion(model, "2", "Production")
    made["metadata"]["name"] = f"{model}-2-too-early"
    return made


def rollback(model: str) -> dict[str, Any]:
    made = promotion(model, "0", "Production")
    made["metadata"]["name"] = f"{model}-rollback"
    made["spec"] |= {"action": "Rollback", "reason": "demo: back to what served before"}
    del made["spec"]["version"]
    return made


def write(file: Path, *objects: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump_all(objects, sort_keys=False, width=100))


def _kubeconfig(source: Path, target: Path, namespace: str) -> None:
    content = yaml.safe_load(source.read_text())
    for each in content["contexts"]:
        each["context"]["namespace"] = namespace
    target.touch(mode=0o600)
    target.write_text(json.dumps(content))


def _write_env(installation: Installation, folder: Path, namespace: str) -> None:
    file = folder / "env"
    file.touch(mode=0o600)
    tools = installation.target.kubectl_path.parent
    text = _ENV.format(
        folder=folder,
        namespace=namespace,
        programs=places.programs(),
        tools=tools,
        source=places.DEMO,
    )
    exports = (f"export {k}='{v}'\n" for k, v in installation.store.variables.items())
    file.write_text(text + "".join(exports))
