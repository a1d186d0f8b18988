"""The command `demo`: prepares the cluster, tells the chapters, and says what to try next."""

from __future__ import annotations

import argparse
import os
import sys
import time
from urllib.parse import urlsplit

from stageinstall import (
    InstallError,
    install,
    objects,
    prepare_namespace,
    release,
    remove_namespace,
)
from stageinstall import target as targets

from story import folder as folders
from story.bucket import connect
from story.chapters import CHAPTERS
from story.client import Client
from story.screen import Screen
from story.stage import DemoError, Stage

_DURATION = "about three minutes, longer on a busy machine"
_DEMO = {objects.PART_OF: objects.SERVING, "app.kubernetes.io/component": "demo"}


def main() -> int:
    argparse.ArgumentParser(prog="demo", description=__doc__.partition("\n")[0]).parse_args()
    screen = Screen()
    stage: Stage | None = None
    began = time.monotonic()
    try:
        screen.plain(f"This takes {_DURATION}, and leaves the cluster up to try things in.")
        stage = _prepare(screen)
        for number, (title, chapter) in enumerate(CHAPTERS, start=1):
            screen.chapter(f"{number}/{len(CHAPTERS)}  {title}")
            chapter(stage)
        _farewell(stage, time.monotonic() - began)
    except (DemoError, InstallError) as error:
        screen.failed(f"\nThe demo ended here: {error}")
        if stage:
            words = release.diagnosis(stage.installation.target)
            screen.failed(f"\nThe operator's last words:\n{words}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if stage:
            stage.stop_client()
    return 0


def _prepare(screen: Screen) -> Stage:
    """A cluster with the operator, a fresh namespace, and a client that calls its Service."""
    target = targets.find()
    _remove_earlier(target)
    namespace = _fresh_namespace(target)
    installation = install([namespace], target=target)
    target.apply([objects.namespace(namespace, _DEMO)], manager="demo")
    served = prepare_namespace(installation, namespace, versions=[])
    folder = folders.furnish(installation, namespace)
    stage = Stage(installation, served, folder, screen)
    stage.start_client(Client(*_address(stage), lambda words: screen.event("client", words)))
    screen.plain(
        f"\nNamespace {namespace}. To copy commands into another terminal, first:  . {folder}/env\n"
        "Each line: time, version(s) that users get this second, who acts, what."
    )
    return stage


def _remove_earlier(target: targets.Target) -> None:
    """Namespaces of earlier runs go; the ledgers of those runs stay in the bucket."""
    label = ",".join(f"{key}={value}" for key, value in _DEMO.items())
    for name in target.kubectl("get", "namespaces", f"--selector={label}", "--output=name").split():
        remove_namespace(target, name.partition("/")[2], wait=False)


def _fresh_namespace(target: targets.Target) -> str:
    """The first of credit, credit-2, … that serves nothing and has no ledger.

    A ledger is kept by name and cannot be deleted: in a namespace of the same name the story
    would go on where the last one ended, and begin with a version that serves.
    """
    uid = target.get("namespace", "kube-system")["metadata"]["uid"]
    client, bucket = connect("AUDIT", target.store.variables), target.store.audit_bucket
    number = 1
    while True:
        name = "credit" if number == 1 else f"credit-{number}"
        listed = client.list_objects_v2(Bucket=bucket, Prefix=f"v1/{uid}/{name}/", MaxKeys=1)
        if not listed.get("KeyCount") and _is_free(target, name):
            return name
        number += 1


def _is_free(target: targets.Target, namespace: str) -> bool:
    """Whether a namespace does not exist, or is there with nothing that runs, and stays."""
    found = target.get("namespace", namespace)
    if found is None:
        return True
    deployments = target.kubectl("get", "deployments", f"--namespace={namespace}", "--output=name")
    return not found["metadata"].get("deletionTimestamp") and not deployments.strip()


def _address(stage: Stage) -> tuple[str, int]:
    """Where this machine reaches the Service: its cluster address, or DEMO_SERVICE_URL."""
    url = urlsplit(os.environ.get("DEMO_SERVICE_URL", ""))
    if url.hostname:
        return url.hostname, url.port or 80
    service = stage.core.read_namespaced_service(stage.served.service, stage.served.namespace)
    return service.spec.cluster_ip, service.spec.ports[0].port


def _farewell(stage: Stage, seconds: float) -> None:
    good, bad = stage.client.counts()
    ns = stage.served.namespace
    stage.screen.plain(f"""
The story is told, in {seconds:.0f} s. Of the client's calls {good} were answered, {bad} were not.

The cluster stays up. To try things:   . {stage.folder}/env
  as priya kubectl create -f $demo/5-staging.yaml; as priya kubectl get promreq -w
      Version 5 against version 2, which serves again. It passes: its AUC is better and its gap
      between groups small. Yet it declines creditworthy students six times as often as version 4
      does. A gate on AUC cannot see that; one that can is still to come.
  as priya kubectl get stagekeeper          everything of this namespace
  as priya kubectl describe promreq credit-risk-2-production
  as alice kubectl auth can-i approve modelstages.stagekeeper.dev/production
  as nadia kubectl get deployment {stage.served.deployment} -o yaml --show-managed-fields
  as admin kubectl logs -n stagekeeper-system deployment/stagekeeper
  bucket ls                                 every record, with its time
  auditor kubectl stagekeeper audit verify --bucket $S3_AUDIT_BUCKET --endpoint $S3_ENDPOINT \\
      --ca-file $S3_CA_FILE --public-key $demo/public.pem -n {ns}
  make demo                                 again, in a fresh namespace
  make down                                 when done""")


if __name__ == "__main__":
    sys.exit(main())
