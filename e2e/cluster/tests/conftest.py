"""What the tests of the cluster share: its state folder, its commands, its clients."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as BotoConfig
from kubernetes import client, config

CLUSTER = Path(__file__).resolve().parent.parent
PROBE_NAME = "stagekeeper.dev/probe"
sys.path.insert(0, str(CLUSTER))

from stagecluster import objectstore  # noqa: E402
from stagecluster.config import Config  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--down", action="store_true", help="run only what takes the cluster down")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "down: takes the cluster down; only with --down")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps apart what shares a running cluster and what ends it."""
    wanted = bool(config.getoption("--down"))
    unwanted = [item for item in items if bool(item.get_closest_marker("down")) != wanted]
    config.hook.pytest_deselected(items=unwanted)
    items[:] = [item for item in items if item not in unwanted]


@pytest.fixture(scope="session")
def places() -> Config:
    return Config.from_environment()


@pytest.fixture(scope="session")
def command() -> Callable[..., str]:
    """Runs an executable of e2e/cluster and returns its standard output."""

    def run(name: str, *arguments: object) -> str:
        done = subprocess.run(
            [CLUSTER / name, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def as_user(places: Config) -> Callable[[str], client.ApiClient]:
    """Gives an API client for one of the users by name, or for `admin`."""

    def connect(name: str) -> client.ApiClient:
        users = places.state / "users"
        file = places.kubeconfig if name == "admin" else users / f"{name}.kubeconfig"
        return config.new_client_from_config(config_file=str(file))

    return connect


@pytest.fixture(scope="session")
def core(as_user: Callable[[str], client.ApiClient]) -> client.CoreV1Api:
    return client.CoreV1Api(as_user("admin"))


@pytest.fixture(scope="session")
def namespace(core: client.CoreV1Api, places: Config) -> Iterator[str]:
    """A namespace of this run, with the bucket's authority in ConfigMap `s3-ca`."""
    name = f"parts-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    authority = (places.state / "s3" / "ca.crt").read_text()
    core.create_namespaced_config_map(
        name, {"metadata": {"name": "s3-ca"}, "data": {"ca.crt": authority}}
    )
    yield name
    core.delete_namespace(name)


@pytest.fixture(scope="session")
def probe_archive(
    places: Config, command: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The probe program, packed as an image."""
    context = tmp_path_factory.mktemp("context")
    command("stage-root", context / "root", (places.bin / "probe").resolve())
    (context / "Containerfile").write_text("FROM scratch\nCOPY root /\n")
    archive = tmp_path_factory.mktemp("image") / "probe.tar"
    command("build-image", PROBE_NAME, context, archive)
    return archive


@pytest.fixture(scope="session")
def probe_image(command: Callable[..., str], probe_archive: Path) -> str:
    """The probe program as an image in the node, by digest."""
    return command("load-image", PROBE_NAME, probe_archive).strip()


@pytest.fixture(scope="session")
def s3(places: Config) -> Callable[[str], Any]:
    """Gives a boto3 client for an account: ROOT, AUDIT, MODELS_READER or MODELS_WRITER."""
    variables = objectstore.environment(places)
    # Else the machine's own AWS settings would take part.
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

    def connect(account: str) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=variables["S3_ENDPOINT"],
            region_name=variables["S3_REGION"],
            verify=variables["S3_CA_FILE"],
            aws_access_key_id=variables[f"S3_{account}_ACCESS_KEY"],
            aws_secret_access_key=variables[f"S3_{account}_SECRET_KEY"],
            config=BotoConfig(
                s3={"addressing_style": "path"},
                retries={"max_attempts": 1},
                # Else bodies are sent in chunks, and this store refuses such a request by
                # closing the connection before the client has finished, at times.
                request_checksum_calculation="when_required",
            ),
        )

    return connect
