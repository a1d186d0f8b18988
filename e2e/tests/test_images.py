"""`make images`: what it builds with, writes, pushes and packs. Needs no cluster."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from stageinstall import InstallError, images, places, publish
from stageinstall.bundle import make_bundle
from stageinstall.places import ImageRefs


class Registry(BaseHTTPRequestHandler):
    """As much of an OCI registry as a push needs; it keeps blobs and manifests in memory."""

    protocol_version = "HTTP/1.1"
    blobs: dict[str, bytes]
    manifests: dict[str, bytes]
    refuses = False

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/" else 404)

    def do_HEAD(self) -> None:
        self._answer(200 if self.path.rpartition("/")[2] in self.blobs else 404)

    def do_POST(self) -> None:
        self._body()
        self._answer(403 if self.refuses else 202, Location="/upload/", Docker_Upload_UUID="1")

    def do_PATCH(self) -> None:
        content = self._body()
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.blobs[digest] = content
        self._answer(202, Location="/upload/", Docker_Upload_UUID="1")

    def do_PUT(self) -> None:
        content = self._body()
        if "/manifests/" not in self.path:
            self._answer(201)
            return
        self.manifests[self.path.removeprefix("/v2/").partition("/manifests/")[0]] = content
        self._answer(201)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture()
def registry() -> Iterator[tuple[str, type[Registry]]]:
    class Mine(Registry):
        blobs: dict[str, bytes] = {}
        manifests: dict[str, bytes] = {}

    with ThreadingHTTPServer(("127.0.0.1", 0), Mine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", Mine
        server.shutdown()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("images") / "gate.oci.tar"
    images.build(images.published()["gate"], made)
    return made


def test_a_push_gives_the_digest_that_the_registry_has(
    archive: Path, registry: tuple[str, type[Registry]]
) -> None:
    address, kept = registry
    to = f"{address}/team/"
    reference = publish.push("gate", archive, to, ["--tls-verify=false"])
    (name, manifest), *rest = kept.manifests.items()
    assert (name, rest) == ("team/stagekeeper-gate", [])
    digest = hashlib.sha256(manifest).hexdigest()
    assert reference == f"{address}/team/stagekeeper-gate@sha256:{digest}"
    wanted = json.loads(manifest)
    assert {each["digest"] for each in [wanted["config"], *wanted["layers"]]} <= kept.blobs.keys()


def test_a_registry_that_refuses_is_said(
    archive: Path, registry: tuple[str, type[Registry]]
) -> None:
    address, kept = registry
    kept.refuses = True
    with pytest.raises(InstallError, match="buildah failed"):
        publish.push("gate", archive, address, ["--tls-verify=false", "--retry=0"])


def test_what_helm_and_kustomize_read(tmp_path: Path) -> None:
    digests = [f"sha256:{digit * 64}" for digit in "123"]
    names = ("example.com/o", "example.com:5000/g", "example.com/s")
    refs = [f"{name}@{digest}" for name, digest in zip(names, digests, strict=True)]
    publish.write_references(tmp_path, ImageRefs(*refs))
    values = yaml.safe_load((tmp_path / "values.yaml").read_text())
    assert values["image"] == {"repository": names[0], "digest": digests[0]}
    assert values["gateImage"] == {"repository": names[1], "digest": digests[1]}
    (image,) = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())["images"]
    assert image == {"name": images.MODEL_SERVER, "newName": names[2], "digest": digests[2]}


def test_the_plugin_runs_by_its_own_libraries(tmp_path: Path) -> None:
    """Through a link, as from a PATH, and with nothing but a shell in the environment."""
    bundle = make_bundle(places.programs() / "kubectl-stagekeeper", tmp_path)
    home = tmp_path / "some where"
    home.mkdir()
    subprocess.run(["tar", "-xzf", bundle, "-C", home], check=True)
    link = tmp_path / "kubectl-stagekeeper"
    link.symlink_to(home / "kubectl-stagekeeper")
    trace = {"LD_TRACE_LOADED_OBJECTS": "1", "PATH": os.defpath}
    program = home / "stagekeeper-lib" / "kubectl-stagekeeper"
    loader = next((home / "stagekeeper-lib").glob("ld-linux*"))
    listed = subprocess.run(
        [loader, "--library-path", loader.parent, "--list", program],
        capture_output=True, text=True, check=True, env=trace,
    ).stdout  # fmt: skip
    foreign = [line for line in listed.splitlines() if "=> /" in line and str(home) not in line]
    assert not [line for line in foreign if "ld-linux" not in line], foreign
    said = subprocess.run([link, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said.stdout)
    again = make_bundle(places.programs() / "kubectl-stagekeeper", tmp_path)
    assert again == bundle


def test_the_compiler_is_asked_what_it_knows(tmp_path: Path) -> None:
    """As on arm64, whose compilers refuse what hardens x86."""
    compiler = tmp_path / "g++"
    compiler.write_text(
        '#!/bin/sh\ncase " $* " in *" -fcf-protection"*) echo "unrecognized option" >&2; exit 1;; esac\n'
        'exec /usr/bin/g++ "$@"\n'
    )
    compiler.chmod(0o755)
    argv = ["cmake", "-S", places.ROOT, "-B", tmp_path / "build", "-G", "Ninja"]
    done = subprocess.run(
        [*argv, f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_BUILD_TYPE=Release"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rules = (tmp_path / "build" / "build.ninja").read_text()
    assert "-fstack-clash-protection" in rules and "-fcf-protection" not in rules
