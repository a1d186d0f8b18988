"""Fixtures: the installed operator, and a fresh namespace for whoever needs one.

Run with the Python of e2e/cluster's environment: python -m pytest [-m "not slow"] in this folder.
The first fixture brings cluster, images and operator up; later ones reuse them.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "install")]

from stageinstall import InstallError, install, places  # noqa: E402
from support.api import Object  # noqa: E402
from support.audit_log import AuditLog, NoAuditLog  # noqa: E402
from support.world import Cluster, World, make_world, remove_world  # noqa: E402

_worlds: list[World] = []
_broken_stories: dict[str, str] = {}


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The operator runs in a cluster: that of e2e/cluster, or the one that KUBECONFIG names.

    On the latter, tests that stop parts, or count in the audit log, are skipped.
    """
    try:
        with _one_at_a_time():
            installation = install([])
    except InstallError as error:
        pytest.exit(str(error), returncode=2)
    own = installation.kubeconfig == places.cluster_state() / "kubeconfig"
    log = AuditLog(places.cluster_state() / "audit.log") if own else NoAuditLog()
    return Cluster(installation, log)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Holds up the other processes that run tests; Helm refuses two upgrades at once."""
    with (Path(tempfile.gettempdir()) / "stagekeeper-e2e-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def part(cluster: Cluster) -> Callable[[str, str], None]:
    """Stops or starts a part of the cluster."""
    if isinstance(cluster.audit, NoAuditLog):
        pytest.skip("stops a part of e2e/cluster")

    def run(name: str, action: str) -> None:
        argv = [str(places.CLUSTER / "part"), name, action]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture()
def world(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Callable[..., World]]:
    """Makes namespaces for one test; they go with it."""
    yield from _factory(cluster, request.node.name)


@pytest.fixture(scope="module")
def shared_world(
    cluster: Cluster, request: pytest.FixtureRequest
) -> Iterator[Callable[..., World]]:
    """Makes namespaces for the tests of one module."""
    yield from _factory(cluster, Path(request.node.name).stem)


def _factory(cluster: Cluster, title: str) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(
        *, versions: list[str] | None = None, edit: Callable[[Object], None] | None = None
    ) -> World:
        words = "".join(c if c.isalnum() else "-" for c in title.lower().removeprefix("test_"))
        name = f"e2e-{words[:24].strip('-')}-{uuid.uuid4().hex[:6]}".replace("--", "-")
        fresh = make_world(cluster, name, versions=versions, edit=edit)
        made.append(fresh)
        _worlds.append(fresh)
        return fresh

    yield make
    for each in made:
        _worlds.remove(each)
        remove_world(each)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    """On failure, shows every namespace that the test could see, and ends its story."""
    report = yield
    if report.failed and call.when in ("setup", "call"):
        for each in _worlds:
            try:
                report.sections.append((f"namespace {each.ns}", each.dump()))
            except Exception as error:
                report.sections.append((f"namespace {each.ns}", f"not to be had: {error}"))
        if item.get_closest_marker("story"):
            _broken_stories.setdefault(str(item.path), item.name)
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    earlier = _broken_stories.get(str(item.path))
    if item.get_closest_marker("story") and earlier:
        pytest.skip(f"an earlier step of the story failed: {earlier}")
