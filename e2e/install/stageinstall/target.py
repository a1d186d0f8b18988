"""The cluster to install into: that of e2e/cluster, or one that the caller names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stageinstall import places
from stageinstall.console import InstallError, run, say
from stageinstall.places import ImageRefs, Store

_S3_VARIABLES = (
    "S3_ENDPOINT", "S3_REGION", "S3_CA_FILE", "S3_AUDIT_BUCKET", "S3_AUDIT_ACCESS_KEY",
    "S3_AUDIT_SECRET_KEY", "S3_MODELS_BUCKET", "S3_MODELS_WRITER_ACCESS_KEY",
    "S3_MODELS_WRITER_SECRET_KEY", "S3_MODELS_READER_ACCESS_KEY", "S3_MODELS_READER_SECRET_KEY",
)  # fmt: skip
_IMAGE_VARIABLES = {
    "operator": "STAGEKEEPER_OPERATOR_IMAGE",
    "gate": "STAGEKEEPER_GATE_IMAGE",
    "model_server": "STAGEKEEPER_MODEL_SERVER_IMAGE",
}
_NEEDS = f"""\
A cluster of your own needs, in the environment:
  KUBECONFIG           a cluster admin of Kubernetes 1.36 or later, who may bind every role
  STAGEKEEPER_USERS    a folder with {", ".join(places.USERS)} as NAME.kubeconfig,
                       users of the groups that e2e/cluster/README.md names
  {", ".join(_IMAGE_VARIABLES.values())}
                       images that its nodes can pull, each NAME@sha256:…
  {", ".join(_S3_VARIABLES[:6])}, …
                       an S3 store with Object Lock, as in e2e/cluster's s3.env
and kubectl and helm in PATH. Without KUBECONFIG a cluster is made on this machine."""


@dataclass(frozen=True)
class Target:
    """A cluster that answers, its store, and the tools that talk to both."""

    kubeconfig: Path
    users: Path
    kubectl_path: Path
    helm_path: Path
    store: Store
    state: Path
    """A folder for what an installation has to remember."""
    images: ImageRefs | None
    """Ready images, or None where this machine builds them and loads them into the node."""

    def user(self, name: str) -> Path:
        """The kubeconfig of a person of the story."""
        return self.users / f"{name}.kubeconfig"

    def kubectl(self, *arguments: str | Path, text_in: str | None = None) -> str:
        """Runs kubectl as cluster admin. Raises InstallError when it fails."""
        return run(
            [self.kubectl_path, f"--kubeconfig={self.kubeconfig}", *arguments], text_in=text_in
        )

    def helm(self, *arguments: str | Path) -> str:
        return run([self.helm_path, f"--kubeconfig={self.kubeconfig}", *arguments])

    def get(self, *arguments: str) -> Any:
        """`kubectl get … -o json`, or None when what is asked for does not exist."""
        printed = self.kubectl("get", *arguments, "--ignore-not-found", "--output=json")
        return json.loads(printed) if printed.strip() else None

    def apply(self, objects: list[dict[str, Any]], manager: str = "stageinstall") -> None:
        """Applies objects by server-side apply, as `manager`."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        arguments = ["apply", "--server-side", f"--field-manager={manager}", "--filename=-"]
        self.kubectl(*arguments, "--output=name", text_in=json.dumps(listed))


def find() -> Target:
    """The cluster to use, up and answering.

    Errors: InstallError saying what is missing.
    """
    own = places.cluster_state() / "kubeconfig"
    named = os.environ.get("KUBECONFIG")
    if named and Path(named).resolve() != own.resolve():
        return _of_the_caller(Path(named))
    # Its own progress goes to standard error; what it prints for people is not of interest here.
    environment = {k: v for k, v in os.environ.items() if k not in ("KUBECONFIG", "PYTHONPATH")}
    say("cluster and bucket (e2e/cluster/up)")
    up = subprocess.run(
        [places.CLUSTER / "up"], env=environment, stdout=subprocess.DEVNULL, check=False
    )
    if up.returncode != 0:
        raise InstallError("the cluster does not come up")
    return own_cluster()


def own_cluster() -> Target:
    """The cluster of e2e/cluster, which must be up."""
    state = places.cluster_state()
    lines = (state / "s3.env").read_text().splitlines()
    pairs = (line.removeprefix("export ").partition("=") for line in lines)
    return Target(
        kubeconfig=state / "kubeconfig",
        users=state / "users",
        kubectl_path=state / "bin" / "kubectl",
        helm_path=state / "bin" / "helm",
        store=Store({name: value.strip("'") for name, _, value in pairs}),
        state=state / "stagekeeper",
        images=None,
    )


def _tool(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise InstallError(f"{name} is not in PATH\n{_NEEDS}")
    return Path(found)


def _of_the_caller(kubeconfig: Path) -> Target:
    wanted = (*_S3_VARIABLES, *_IMAGE_VARIABLES.values(), "STAGEKEEPER_USERS")
    missing = [name for name in wanted if not os.environ.get(name)]
    if missing or not kubeconfig.is_file():
        problem = f"not set: {', '.join(missing)}" if missing else f"no file {kubeconfig}"
        raise InstallError(f"{problem}\n{_NEEDS}")
    tag = hashlib.sha256(kubeconfig.read_bytes()).hexdigest()[:12]
    return Target(
        kubeconfig=kubeconfig,
        users=Path(os.environ["STAGEKEEPER_USERS"]),
        kubectl_path=_tool("kubectl"),
        helm_path=_tool("helm"),
        store=Store({k: v for k, v in os.environ.items() if k.startswith("S3_")}),
        state=places.cache() / "installations" / tag,
        images=ImageRefs(**{key: os.environ[name] for key, name in _IMAGE_VARIABLES.items()}),
    )
