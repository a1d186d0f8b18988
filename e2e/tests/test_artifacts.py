"""Folders as artifacts: in the real store, and from registration to a pod that does not serve."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from stageinstall import Installation, places
from support.policies import QUICK, both
from support.verified import (
    Folder,
    artifact_digest,
    demo_folder,
    make_folder,
    serve_verified,
    store_environment,
)
from support.waiting import wait_for
from support.world import PIN, Cluster, World

CUT_AFTER = 6 << 20
LARGE = os.urandom(1 << 20) * 20


@contextmanager
def cutting(endpoint: str, cuts: int) -> Iterator[tuple[str, list[int]]]:
    """A way to the store on which as many connections end after CUT_AFTER bytes of answers.

    Yields its address, and what each connection brought so far. It takes no part in TLS: the
    certificate is that of the store's host, so it listens there.
    """
    host, port = urlsplit(endpoint).hostname or "", urlsplit(endpoint).port or 443
    listener = socket.create_server((host, 0))
    brought: list[int] = []
    left = iter(range(cuts))

    def pump(source: socket.socket, sink: socket.socket, index: int | None) -> None:
        try:
            while piece := source.recv(1 << 16):
                if index is not None:
                    brought[index] += len(piece)
                    if brought[index] > CUT_AFTER and next(left, None) is not None:
                        break
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            store = socket.create_connection((host, port))
            brought.append(0)
            index = len(brought) - 1
            for one in ((client, store, None), (store, client, index)):
                threading.Thread(target=pump, args=one, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"https://{host}:{listener.getsockname()[1]}", brought
    finally:
        listener.close()


def verify(installation: Installation, uri: str, digest: str, to: Path, **env: str) -> tuple[int, str]:
    """Runs the init container's program here: exit code and termination message."""
    report = to.parent.parent / "termination-log"
    report.unlink(missing_ok=True)
    pins = {"MODEL_URI": uri, "MODEL_DIGEST": digest}
    done = subprocess.run(
        [places.programs() / "stagekeeper-gate", "verify", f"--to={to}", f"--report={report}"],
        env={**store_environment(installation), **pins, **env},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, report.read_text() if report.exists() else ""


@pytest.fixture(scope="module")
def installation(cluster: Cluster) -> Installation:
    if not cluster.ctr:
        pytest.skip("the store is reached from here")
    return cluster.installation


@pytest.fixture()
def folder(installation: Installation, tmp_path: Path) -> Folder:
    files = {"MLmodel": b"flavors: {}\n", "data/weights.bin": LARGE, "code/größe x.py": b"pass", "empty": b""}
    return make_folder(installation, tmp_path / "local", files)


def test_a_folder_has_one_digest_here_and_in_the_store(
    installation: Installation, folder: Folder
) -> None:
    here = artifact_digest(installation, folder.local)
    there = artifact_digest(installation, folder.uri)
    assert there == {**here, "uri": folder.uri}
    assert (there["manifest"], there["files"], there["size"]) == ("Same", 4, len(LARGE) + 16)


def test_a_read_that_breaks_goes_on_where_it_was(
    installation: Installation, folder: Folder, tmp_path: Path
) -> None:
    digest = artifact_digest(installation, folder.local)["digest"]
    place = tmp_path / "volume" / "model"
    place.parent.mkdir()
    with cutting(installation.store.endpoint, cuts=2) as (endpoint, brought):
        ended = verify(installation, folder.uri, digest, place, S3_ENDPOINT=endpoint)
    assert ended == (0, "")
    for file in ("MLmodel", "data/weights.bin", "code/größe x.py", "empty"):
        assert (place / file).read_bytes() == (folder.local / file).read_bytes()
    # Twice cut, and yet little more came than once the folder.
    assert sum(each > CUT_AFTER for each in brought) == 3, brought
    assert sum(brought) < len(LARGE) + 2 * (1 << 20), brought


@pytest.mark.parametrize("change", ["exchanged", "added", "gone"])
def test_a_folder_that_changed_is_refused_and_the_file_named(
    installation: Installation, folder: Folder, tmp_path: Path, change: str
) -> None:
    digest = artifact_digest(installation, folder.uri)["digest"]
    (tmp_path / "volume").mkdir()
    place = tmp_path / "volume" / "model"
    if change == "exchanged":
        folder.put("code/größe x.py", b"evil")
        says = "ArtifactDigestMismatch: file code/größe x.py has digest sha256:"
    elif change == "added":
        folder.put("code/evil.py", b"evil")
        says = f"FolderDiffers: {folder.uri}: file code/evil.py is in the folder and not in the"
    else:
        folder.put("stagekeeper-manifest.json", b"[]")
        says = "ManifestInvalid: manifest: the folder has no file"
    code, said = verify(installation, folder.uri, digest, place)
    assert (code, said[: len(says)]) == (1, says)
    assert list(place.parent.iterdir()) == []


def test_a_folder_is_promoted_and_another_one_in_its_place_is_not_served(
    installation: Installation, world: Callable[..., World], tmp_path: Path
) -> None:
    folders = {version: demo_folder(installation, version, tmp_path / version) for version in "12"}
    artifacts: dict[str, Any] = {}
    for version, made in folders.items():
        said = artifact_digest(installation, made.uri)
        artifacts[version] = {name: said[name] for name in ("type", "uri", "digest")}
    it = world(versions=["1", "2"], edit=both(QUICK, serve_verified(installation, artifacts)))

    unpinned = said_by_verify(it, "NoPin: MODEL_URI is not set.")
    assert "name this container in pin.env of the ServingTarget" in unpinned

    it.promote("1")
    it.wait_serving("1")
    name = it.promote("2")
    it.wait_serving("2")
    pins = {**pinned_in(it, "verify"), **pinned_in(it, "server")}
    wanted = ("2", artifacts["2"]["uri"], artifacts["2"]["digest"])
    assert pins == dict(zip(PIN, wanted, strict=True))
    assert [each.kind for each in it.target_records(name)] == ["Intent", "Applied"]

    model = (folders["1"].local / "model.json").read_bytes()
    folders["2"].put("model.json", model.ljust((folders["2"].local / "model.json").stat().st_size))
    for pod in it.admin.list("Pod", it.ns):
        it.admin.delete("Pod", it.ns, pod["metadata"]["name"])
    refused = said_by_verify(it, "file model.json has")
    assert refused.split(":")[0] in ("ArtifactDigestMismatch", "FolderDiffers")
    assert "a Rollback serves the version before" in refused
    assert it.serving() == ""

    back = it.request(None, "Production", action="Rollback")
    it.wait_phase(back, "Promoted")
    it.wait_serving("1")


def pinned_in(it: World, container: str) -> dict[str, str]:
    pod = it.deployment()["spec"]["template"]["spec"]
    (found,) = (
        each for each in [*pod["initContainers"], *pod["containers"]] if each["name"] == container
    )
    return {e["name"]: e["value"] for e in found.get("env", []) if e["name"] in PIN}


def said_by_verify(it: World, wanted: str) -> str:
    """The termination message of an init container, once one says this; no pod is ready then."""

    def messages() -> list[str]:
        return [
            state["terminated"].get("message", "")
            for pod in it.admin.list("Pod", it.ns)
            for status in pod["status"].get("initContainerStatuses", [])
            for state in (status.get("state", {}), status.get("lastState", {}))
            if "terminated" in state
        ]

    def found() -> str:
        return next((each for each in messages() if wanted in each), "")

    return wait_for(f"an init container says {wanted}", found, 60, seen=lambda: json.dumps(messages()))
