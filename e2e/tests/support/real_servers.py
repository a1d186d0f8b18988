"""MLflow's scoring server and MLServer, as their projects publish them, serving in a namespace.

Each version is a folder as MLflow saves it, in one tar: an init container verifies and unpacks it
into /models/<version>, and the server is told the number.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stageinstall import Installation, images, places
from stageinstall.console import run

from support.api import Object, path
from support.ledger import s3_client
from support.policies import Edit, both
from support.world import World

FOLDER = "/models"


@dataclass(frozen=True)
class RealServers:
    """The image, and the versions that tests serve with it."""

    image: str
    versions: dict[str, Any]
    """By number: uri, digest, auc, first_row."""

    @property
    def models(self) -> Edit:
        """ModelVersions of these artifacts in place of the demo's, and a policy that reads them."""

        def edit(made: Object) -> None:
            if made["kind"] == "ModelVersion":
                facts = self.versions[made["spec"]["version"]]
                made["spec"]["artifact"].update(uri=facts["uri"], digest=facts["digest"])
                made["spec"]["metrics"] = []
            if made["kind"] == "PromotionPolicy":
                # Both servers answer with the probabilities of both classes.
                task = made["spec"]["evaluation"]["binaryClassification"]
                task["scoring"]["positiveIndex"] = 1
                for gate in made["spec"]["stages"][0]["gates"]:
                    if gate["type"] == "Latency":
                        gate["latency"].update(p95Budget="500ms", samples=100)

        return edit

    def served_by(
        self,
        command: list[str],
        variables: dict[str, str],
        pins: dict[str, str],
        ready: str = "/ping",
        **inference: Any,
    ) -> Edit:
        """The demo's Deployment with another server; `pins` are the server's variables that the
        operator sets, `variables` those that stay, `ready` the path that says that it serves."""

        def edit(made: Object) -> None:
            if made["kind"] == "Deployment":
                _serve(made["spec"], self.image, command, variables, ready)
            if made["kind"] == "ServingTarget":
                _ask(made["spec"], pins, inference)

        return both(self.models, edit)

    def mlflow(self) -> Edit:
        """`mlflow models serve`: it says nothing of a version, so the operator attests its pods."""
        command = ["mlflow", "models", "serve", "--model-uri", f"{FOLDER}/$(MODEL_VERSION)"]
        command += ["--env-manager", "local", "--host", "0.0.0.0", "--port", "8080"]
        return self.served_by(command, {}, {"MODEL_VERSION": "${version}"}, protocol="MLflow")

    def mlserver(self) -> Edit:
        """MLServer with its scikit-learn runtime, asked for a version in each path."""
        variables = {
            "MLSERVER_HTTP_PORT": "8080",
            # Worker processes do not start with the uvloop that pip takes.
            "MLSERVER_PARALLEL_WORKERS": "0",
            "MLSERVER_MODEL_NAME": "credit-risk",
            "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_sklearn.SKLearnModel",
        }
        pins = {
            "MLSERVER_MODEL_VERSION": "${version}",
            "MLSERVER_MODEL_URI": f"{FOLDER}/${{version}}/model.pkl",
        }
        return self.served_by(
            ["mlserver", "start", FOLDER],
            variables,
            pins,
            ready="/v2/health/ready",
            protocol="OpenInference",
            openInference={"output": "predict_proba"},
            versionProof={"type": "Path"},
        )


def _serve(
    spec: Object, image: str, command: list[str], variables: dict[str, str], ready: str
) -> None:
    """One replica; the container that loads has the credentials, the one that serves has none."""
    # A server that imports half of Python's libraries needs its time on a busy node.
    spec.update(replicas=1, progressDeadlineSeconds=300)
    pod = spec["template"]["spec"]
    (server,) = pod["containers"]
    models = {"name": "models", "mountPath": FOLDER}
    scratch = {"name": "tmp", "mountPath": "/tmp"}
    pod["initContainers"] = [
        {
            "name": "load",
            "image": image,
            "imagePullPolicy": "Never",
            "command": ["python3", "-m", "load_model"],
            "env": server["env"],
            "securityContext": server["securityContext"],
            "volumeMounts": [*server["volumeMounts"], models],
        }
    ]
    server.update(
        image=image,
        command=command,
        env=[{"name": name, "value": value} for name, value in variables.items()],
        volumeMounts=[{**models, "readOnly": True}, scratch],
        resources={"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "768Mi"}},
    )
    server["readinessProbe"]["httpGet"]["path"] = ready
    pod["volumes"] += [{"name": "models", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]


def _ask(spec: Object, pins: dict[str, str], inference: dict[str, Any]) -> None:
    loaded = {
        "MODEL_VERSION": "${version}",
        "MODEL_URI": "${artifactUri}",
        "MODEL_DIGEST": "${digest}",
    }
    spec["pin"]["env"] = [
        {"container": container, "name": name, "value": value}
        for container, variables in (("load", loaded), ("server", pins))
        for name, value in variables.items()
    ]
    asked = spec["inference"]
    del asked["versionProof"]
    asked.update(inference)


def provide(installation: Installation) -> RealServers:
    """The image in the node, models trained once per cache and uploaded."""
    image = images.bring_real_servers(installation.target.state)
    sources = [file for file in places.SERVERS.iterdir() if file.is_file()]
    content = b"".join(file.read_bytes() for file in sorted(sources))
    folder = places.cache() / "real-servers" / hashlib.sha256(content).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        manifest = folder / "manifest.json"
        if not manifest.exists():
            run([places.SERVERS / "make-models", folder, installation.models.folder])
        versions: dict[str, Any] = json.loads(manifest.read_text())["versions"]
    writer = s3_client(installation.store, "MODELS_WRITER")
    bucket = installation.store.models_bucket
    for facts in versions.values():
        # By digest: what another version of the sources made stays what it is.
        key = f"real-servers/{facts['digest'].removeprefix('sha256:')}.tar"
        writer.put_object(Bucket=bucket, Key=key, Body=(folder / facts["path"]).read_bytes())
        facts["uri"] = f"s3://{bucket}/{key}"
    return RealServers(image, versions)


def pinned(it: World) -> dict[str, str]:
    """CONTAINER/NAME -> value of all that the ServingTarget pins, as the Deployment carries it."""
    spec = it.admin.read("ServingTarget", it.ns, it.served.target)["spec"]
    wanted = {(each["container"], each["name"]) for each in spec["pin"]["env"]}
    pod = it.deployment()["spec"]["template"]["spec"]
    return {
        f"{container['name']}/{entry['name']}": entry.get("value", "")
        for container in [*pod.get("initContainers", []), *pod["containers"]]
        for entry in container.get("env", [])
        if (container["name"], entry["name"]) in wanted
    }


def score_by(mlflow: bool) -> Callable[[World, list[float]], float]:
    """What the Service answers for a row: the probability of the positive class."""

    def score(it: World, row: list[float]) -> float:
        columns = ("balance", "income", "student_account")
        values = [row[0], row[1], int(row[2])]
        if mlflow:
            asked: Any = {"dataframe_split": {"columns": columns, "data": [values]}}
            below = "invocations"
        else:
            kinds = ("FP64", "FP64", "INT64")
            tensors = [
                {"name": name, "shape": [1, 1], "datatype": kind, "data": [value]}
                for name, kind, value in zip(columns, kinds, values, strict=True)
            ]
            asked = {
                "parameters": {"content_type": "pd"},
                "inputs": tensors,
                "outputs": [{"name": "predict_proba"}],
            }
            below = "v2/models/credit-risk/infer"
        where = path("Service", it.ns, f"{it.served.service}:80", f"proxy/{below}")
        answer = it.admin.call("POST", where, asked)
        if mlflow:
            return float(answer["predictions"][0][1])
        return float(answer["outputs"][0]["data"][1])

    return score
