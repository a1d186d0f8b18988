"""docs/quickstart.md, command by command, on a cluster from which everything of ours was removed.

Only its first command is not run, which builds images: those of the installed operator stand in for
them, and the bucket's server is the one that e2e/cluster runs, under the name that the manifest has.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from stageinstall import InstallError, install, places
from stageinstall.console import run
from stageinstall.places import OPERATOR_NAMESPACE
from stageinstall.publish import write_references
from stageinstall.removal import uninstall
from stageinstall.target import Target
from support.audit_log import NoAuditLog
from support.document import commands, shell
from support.waiting import wait_for
from support.world import Cluster

DOCUMENT = places.ROOT / "docs" / "quickstart.md"
STEPS = commands(DOCUMENT, until="## Look around")
NAMESPACES = ("quickstart", "quickstart-store")
VOLUME = "quickstart-store"


def test_at_most_eight_commands() -> None:
    assert len(STEPS) == 8
    assert STEPS[0].startswith("make images REGISTRY=")


def test_every_command_of_the_document(
    checkout: Path, cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    target = cluster.installation.target
    began = time.monotonic()
    for step in STEPS[1:]:
        if "promote.yaml" in step:
            wait_for("admission knows the kinds", lambda: known(step, checkout, target), 60)
        shell(step, checkout, target)
    record_property("seconds", round(time.monotonic() - began))
    assert served(cluster) == "1"
    config = target.get("configmap", "stagekeeper-config", f"--namespace={OPERATOR_NAMESPACE}")
    assert "24h" in json.dumps(config["data"])
    records = shell("ls objects/audit/v1/*/quickstart/model/credit-risk/rec", volume(target), target)
    assert len(records.split()) >= 6  # of each request: decided, concluded, and what is between
    request = target.get("promreq", "credit-risk-1-production", "--namespace=quickstart")
    assert request["spec"]["requester"]["username"] == "admin"
    with pytest.raises(InstallError, match="stagekeeper-pin-guard"):
        shell("kubectl set env deployment/credit-risk -n quickstart MODEL_VERSION=2", checkout, target)


def test_keys_are_made_once(tmp_path: Path) -> None:
    """A second key would make records of the first unreadable; and what is printed is whole."""
    path = f"{places.cluster_state() / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def prepare() -> subprocess.CompletedProcess[str]:
        argv = [places.ROOT / "docs/quickstart/prepare"]
        environment = os.environ | {"PATH": path}
        return subprocess.run(
            argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    first = prepare()
    made = [each for each in yaml.safe_load_all(first.stdout) if each]
    secrets = {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}": each["data"]
        for each in made
        if each["kind"] == "Secret"
    }
    assert all(value for each in secrets.values() for value in each.values())
    assert len({secrets[f"{ns}/s3"]["secretKey"] for ns in NAMESPACES}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["stagekeeper-public.pem"]
    public = (tmp_path / "stagekeeper-public.pem").read_text()
    second = prepare()
    assert second.returncode == 1 and second.stdout == ""
    assert "Remove it to start anew" in second.stderr
    assert (tmp_path / "stagekeeper-public.pem").read_text() == public


@pytest.fixture()
def checkout(cluster: Cluster, tmp_path: Path) -> Iterator[Path]:
    """What a user has after the first command, beside a cluster without Stagekeeper."""
    if isinstance(cluster.audit, NoAuditLog):
        pytest.skip("takes Stagekeeper out of the cluster; needs that of e2e/cluster")
    target = cluster.installation.target
    for part in ("docs/quickstart", "charts"):
        shutil.copytree(places.ROOT / part, tmp_path / part)
    write_references(tmp_path / "build" / "images", cluster.installation.images)
    bring_store_image(tmp_path)
    uninstall(target, crds=True)
    make_volume(target)
    yield tmp_path
    for name in NAMESPACES:
        target.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=120s")
    target.kubectl("delete", "persistentvolume", VOLUME, "--ignore-not-found")
    shutil.rmtree(volume(target), ignore_errors=True)
    uninstall(target, crds=True)
    install([])


def known(step: str, folder: Path, target: Target) -> bool:
    """Whether admission knows kinds made a moment ago; the document says to try again until then."""
    try:
        shell(f"{step} --dry-run=server", folder, target)
    except InstallError as error:
        if "There can be a delay" in str(error):
            return False
        raise
    return True


def served(cluster: Cluster) -> str:
    where = "/api/v1/namespaces/quickstart/services/credit-risk:80/proxy/ping"
    return str(cluster.admin.send("GET", where).headers.get("X-Model-Version", ""))


def bring_store_image(folder: Path) -> None:
    """The bucket's server, built here, under the name and path of the published image."""
    manifests = (places.ROOT / "docs/quickstart/store.yaml").read_text()
    documents = [each for each in yaml.safe_load_all(manifests) if each["kind"] == "Deployment"]
    (container,) = documents[0]["spec"]["template"]["spec"]["containers"]
    program, context = Path(container["command"][0]), folder / "store-image"
    context.mkdir()
    built = (places.cluster_state() / "bin" / program.name).resolve()
    run([places.CLUSTER / "stage-root", context / "root", built])
    (context / "Containerfile").write_text(
        f"FROM scratch\nCOPY root/ /\nCOPY root/usr/bin/{program.name} {program}\n"
    )
    archive = folder / "store.oci.tar"
    run([places.CLUSTER / "build-image", f"docker.io/{container['image']}", context, archive])
    run([places.cluster_state() / "bin" / "ctr", "images", "import", archive])


def volume(target: Target) -> Path:
    return target.state / "quickstart-volume"


def make_volume(target: Target) -> None:
    """What a default StorageClass gives elsewhere."""
    folder = volume(target)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": str(folder)},
        "claimRef": {"namespace": "quickstart-store", "name": "store"},
    }
    metadata = {"name": VOLUME}
    made = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}
    target.apply([made])
