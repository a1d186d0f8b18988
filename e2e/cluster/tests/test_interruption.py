"""A part may stop and come back, and finds what it had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from kubernetes import client


def test_a_stopped_bucket_comes_back_with_its_content(
    s3: Callable[[str], Any], command: Callable[..., str]
) -> None:
    s3("MODELS_WRITER").put_object(Bucket="models", Key="parts/kept", Body=b"kept")
    command("part", "s3", "stop")
    try:
        with pytest.raises(EndpointConnectionError):
            s3("MODELS_READER").get_object(Bucket="models", Key="parts/kept")
    finally:
        command("part", "s3", "start")
    kept = s3("MODELS_READER").get_object(Bucket="models", Key="parts/kept")
    assert kept["Body"].read() == b"kept"


def test_up_starts_a_stopped_part_again_and_keeps_the_data(
    core: client.CoreV1Api, namespace: str, command: Callable[..., str]
) -> None:
    command("part", "kube-apiserver", "stop")
    command("part", "etcd", "stop")
    command("up")
    assert core.read_namespace(namespace).metadata.name == namespace
