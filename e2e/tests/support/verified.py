"""Versions that are folders, made with the plugin and served by a server that checks nothing.

An init container, stagekeeper-gate verify, checks what it serves.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stageinstall import Installation, places

from support.api import Object
from support.ledger import s3_client

FOLDER = "/models/model"
# The demo's server reads what it is told to read: here whatever lies in the folder.
TRUSTING = (
    f"import os,hashlib;p='{FOLDER}/model.json';"
    "os.environ.update(MODEL_URI='file://'+p,"
    "MODEL_DIGEST='sha256:'+hashlib.sha256(open(p,'rb').read()).hexdigest());"
    "import sys;from model_server.server import main;sys.exit(main())"
)


def store_environment(installation: Installation, account: str = "MODELS_READER") -> dict[str, str]:
    """The variables by which the programs reach the store."""
    store = installation.store
    access, secret = store.keys(account)
    return {
        "S3_ENDPOINT": store.endpoint,
        "S3_REGION": store.region,
        "S3_CA_FILE": str(store.ca_file),
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
    }


def artifact_digest(installation: Installation, what: Path | str, *flags: str) -> Any:
    """What `kubectl stagekeeper artifact digest` says."""
    argv = [places.programs() / "kubectl-stagekeeper", "artifact", "digest", what, "--json", *flags]
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, env=store_environment(installation)
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@dataclass
class Folder:
    """A folder of this machine, as it was uploaded."""

    installation: Installation
    local: Path
    uri: str

    def put(self, name: str, content: bytes) -> None:
        bucket, _, prefix = self.uri.removeprefix("s3://").partition("/")
        writer = s3_client(self.installation.store, "MODELS_WRITER")
        writer.put_object(Bucket=bucket, Key=prefix + name, Body=content)

    def upload(self) -> None:
        for file in self.local.rglob("*"):
            if file.is_file():
                self.put(str(file.relative_to(self.local)), file.read_bytes())


def make_folder(installation: Installation, local: Path, files: dict[str, bytes]) -> Folder:
    """Uploads files and their manifest under an address that nobody used before."""
    for name, content in files.items():
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        (local / name).write_bytes(content)
    uri = f"s3://{installation.store.models_bucket}/folders/{uuid.uuid4().hex}/"
    made = Folder(installation, local, uri)
    said = artifact_digest(installation, local, "--write-manifest")
    assert (said["type"], said["files"]) == ("Manifest", len(files))
    made.upload()
    return made


def demo_folder(installation: Installation, version: str, local: Path) -> Folder:
    """A version of the demo, with what a trainer leaves beside it."""
    path = installation.models.manifest["versions"][version]["path"]
    content = (installation.models.folder / path).read_bytes()
    return make_folder(installation, local, {"model.json": content, "code/größe.py": b"pass\n"})


def serve_verified(
    installation: Installation, artifacts: dict[str, Any]
) -> Callable[[Object], None]:
    """Versions by number with these artifacts, served behind stagekeeper-gate verify."""

    def edit(made: Object) -> None:
        if made["kind"] == "ModelVersion":
            made["spec"]["artifact"] = artifacts[made["spec"]["version"]]
        if made["kind"] == "ServingTarget":
            made["spec"]["pin"]["env"] = [
                {"container": "verify", "name": "MODEL_URI", "value": "${artifactUri}"},
                {"container": "verify", "name": "MODEL_DIGEST", "value": "${digest}"},
                {"container": "server", "name": "MODEL_VERSION", "value": "${version}"},
            ]
        if made["kind"] == "Deployment":
            _verify_then_serve(made["spec"]["template"]["spec"], installation.images.gate)

    return edit


def _verify_then_serve(pod: Object, gate_image: str) -> None:
    (server,) = pod["containers"]
    models = {"name": "models", "mountPath": "/models"}
    pod["initContainers"] = [
        {
            "name": "verify",
            "image": gate_image,
            "imagePullPolicy": "Never",
            "command": ["/usr/bin/stagekeeper-gate", "verify", f"--to={FOLDER}"],
            "env": server["env"],
            "securityContext": server["securityContext"],
            "volumeMounts": [*server["volumeMounts"], models],
        }
    ]
    # The container that serves has no credentials, and cannot write what it serves.
    server.update(
        command=["/usr/local/bin/python3", "-c", TRUSTING],
        env=[],
        volumeMounts=[{**models, "readOnly": True}],
    )
    pod["volumes"].append({"name": "models", "emptyDir": {"sizeLimit": "64Mi"}})
