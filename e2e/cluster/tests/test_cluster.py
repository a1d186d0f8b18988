"""The cluster is a real one: node, pods, DNS, Services, users, audit log, limits."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from stagecluster import lifecycle
from stagecluster.config import Config
from stagecluster.identities import USERS

_POD_SECONDS = 60


def _run_pod(
    core: client.CoreV1Api, namespace: str, image: str, name: str, *arguments: str, **spec: Any
) -> client.V1Pod:
    """Runs the probe to its end, as a restricted pod, and returns the pod."""
    container = {
        "name": "probe",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["/usr/bin/probe", *arguments],
        "securityContext": {"runAsUser": 65532, "readOnlyRootFilesystem": True},
        "volumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        **spec,
    }
    volumes = [{"name": "ca", "configMap": {"name": "s3-ca"}}]
    body = {
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [container], "volumes": volumes},
    }
    core.create_namespaced_pod(namespace, body)
    return _wait_phase(core, namespace, name, "Succeeded", "Failed")


def _wait_phase(core: client.CoreV1Api, namespace: str, name: str, *phases: str) -> client.V1Pod:
    deadline = time.monotonic() + _POD_SECONDS
    while True:
        pod = core.read_namespaced_pod(name, namespace)
        if pod.status.phase in phases:
            return pod
        assert time.monotonic() < deadline, pod.status
        time.sleep(0.2)


def test_the_node_is_ready(core: client.CoreV1Api) -> None:
    conditions = core.read_node("node-1").status.conditions
    assert {each.type: each.status for each in conditions}["Ready"] == "True"


def test_status_finds_every_part_healthy(command: Callable[..., str]) -> None:
    assert "kube-apiserver" in command("status")


def test_a_pod_runs_by_digest_and_its_log_can_be_read(
    core: client.CoreV1Api, namespace: str, probe_image: str
) -> None:
    pod = _run_pod(core, namespace, probe_image, "dns", "resolve", "kubernetes.default")
    log = core.read_namespaced_pod_log("dns", namespace)
    assert pod.status.phase == "Succeeded", log
    assert log.split() == ["10.96.0.1"]
    digest = probe_image.partition("@")[2]
    assert pod.status.container_statuses[0].image_id.endswith(digest)


def test_a_pod_reaches_the_bucket_and_trusts_it_by_its_own_authority(
    core: client.CoreV1Api, namespace: str, probe_image: str, places: Config
) -> None:
    url = f"{places.s3_endpoint}/healthz"
    pod = _run_pod(core, namespace, probe_image, "s3", "get", url, "/ca/ca.crt")
    log = core.read_namespaced_pod_log("s3", namespace)
    assert (pod.status.phase, log.strip()) == ("Succeeded", "200")


def test_a_pod_reaches_the_api_server_through_its_service(
    core: client.CoreV1Api, namespace: str, probe_image: str
) -> None:
    authority = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    url = "https://kubernetes.default.svc/readyz"
    pod = _run_pod(core, namespace, probe_image, "api", "get", url, authority)
    log = core.read_namespaced_pod_log("api", namespace)
    assert (pod.status.phase, log.strip()) == ("Succeeded", "200")


def test_a_pod_reaches_another_through_a_service(
    core: client.CoreV1Api, namespace: str, probe_image: str, places: Config
) -> None:
    server = {"name": "server", "image": probe_image, "imagePullPolicy": "Never"}
    server["command"] = ["/usr/bin/probe", "serve", ":8080"]
    labels = {"app": "server"}
    metadata = {"name": "server", "labels": labels}
    core.create_namespaced_pod(namespace, {"metadata": metadata, "spec": {"containers": [server]}})
    spec = {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}
    core.create_namespaced_service(namespace, {"metadata": {"name": "server"}, "spec": spec})
    _wait_phase(core, namespace, "server", "Running")

    # The same pod also shows that a command can be run inside a container.
    resolved = lifecycle.kubectl(
        places, "exec", f"--namespace={namespace}", "server", "--",
        "/usr/bin/probe", "resolve", "kubernetes.default",
    )  # fmt: skip
    assert resolved.startswith("10.96.")

    pod = _run_pod(core, namespace, probe_image, "caller", "get", "http://server", "/ca/ca.crt")
    log = core.read_namespaced_pod_log("caller", namespace)
    assert (pod.status.phase, log.strip()) == ("Succeeded", "200")


def test_an_image_has_the_same_digest_whenever_it_is_built(
    command: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY file /\n")
    references = set()
    for content_time in (1, 1_000_000_000):
        (tmp_path / "file").write_text("content")
        os.utime(tmp_path / "file", (content_time, content_time))
        archive = tmp_path / f"{content_time}.tar"
        command("build-image", "stagekeeper.dev/same", tmp_path, archive)
        archive = archive.rename(tmp_path.with_suffix(".tar"))
        references.add(command("load-image", "stagekeeper.dev/same", archive))
    assert len(references) == 1


def test_a_pod_over_its_memory_limit_is_killed(
    core: client.CoreV1Api, namespace: str, probe_image: str
) -> None:
    limit = {"limits": {"memory": "32Mi"}}
    pod = _run_pod(core, namespace, probe_image, "greedy", "eat", resources=limit)
    assert pod.status.container_statuses[0].state.terminated.reason == "OOMKilled"


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_users_are_distinct(user: Any, as_user: Callable[[str], client.ApiClient]) -> None:
    api = client.AuthenticationV1Api(as_user(user.name))
    review = api.create_self_subject_review({"kind": "SelfSubjectReview"})
    seen = review.status.user_info
    assert (seen.username, seen.uid) == (user.name, user.uid)
    assert seen.groups == [*user.groups, "system:authenticated"]


def test_a_stranger_may_nothing(as_user: Callable[[str], client.ApiClient]) -> None:
    with pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(as_user("mallory")).list_namespaced_pod("default")
    assert refused.value.status == 403


def test_the_audit_log_names_who_did_what(namespace: str, places: Config) -> None:
    lines = (places.state / "audit.log").read_text().splitlines()
    created = [
        event["user"]["username"]
        for event in map(json.loads, lines)
        if event["verb"] == "create" and event.get("objectRef", {}).get("name") == namespace
    ]
    assert created == ["admin"]
