"""Builds the images and loads them into the node, each only when its content changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from stageinstall import places
from stageinstall.console import InstallError, run, say
from stageinstall.places import ImageRefs

_DOMAIN = "stagekeeper.dev"
MODEL_SERVER = f"{_DOMAIN}/model-server"
"""How manifests name the image until its digest is known."""


@dataclass(frozen=True)
class Image:
    """An image of this repository: what goes into it, and how its context is made."""

    name: str
    inputs: tuple[Path, ...]
    stage: Callable[[Path], None]

    @property
    def full_name(self) -> str:
        return f"{_DOMAIN}/{self.name}"

    def fingerprint(self) -> str:
        """A digest of the content of every input. Raises InstallError when one is missing."""
        content = hashlib.sha256()
        for file in self.inputs:
            if not file.is_file():
                raise InstallError(f"{file} is not there: run make build")
            content.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
        return content.hexdigest()


def build_and_load(state: Path) -> ImageRefs:
    """Brings the images into the node of e2e/cluster and returns their references."""
    folder = state / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return ImageRefs(**{name: _bring(image, folder) for name, image in published().items()})


def published() -> dict[str, Image]:
    """The images that an installation needs, by their field of ImageRefs."""
    return {
        "operator": _program("operator", "stagekeeper"),
        "gate": _program("gate", "stagekeeper-gate"),
        "model_server": _model_server(),
    }


def build(image: Image, archive: Path) -> None:
    """Builds an image into an OCI archive; the same inputs give the same digest."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        context = Path(scratch) / "context"
        image.stage(context)
        run([places.CLUSTER / "build-image", image.full_name, context, archive])


def bring_real_servers(state: Path) -> str:
    """The reference of the image with MLflow and MLServer, brought into the node.

    Apart from the others because it takes minutes to build for the first time: only tests use it.
    """
    folder = state / "images"
    folder.mkdir(parents=True, exist_ok=True)
    sources = [*_sources(places.SERVERS), *_sources(places.DEMO / "model_server")]

    def stage(context: Path) -> None:
        run([places.SERVERS / "stage-root", context])

    with (folder / "real-servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _bring(Image("real-servers", tuple(sorted(sources)), stage), folder)


def _bring(image: Image, folder: Path) -> str:
    """The reference of an image that is in the node; a stamp tells that nothing has to be done."""
    stamp = folder / f"{image.name}.json"
    fingerprint = image.fingerprint()
    if stamp.exists():
        known = json.loads(stamp.read_text())
        if known["fingerprint"] == fingerprint:
            return str(known["reference"])
    say(f"image {image.full_name}")
    archive = folder / f"{image.name}.oci.tar"
    build(image, archive)
    reference = run([places.CLUSTER / "load-image", image.full_name, archive]).strip()
    stamp.write_text(json.dumps({"fingerprint": fingerprint, "reference": reference}))
    return reference


def _program(name: str, program: str) -> Image:
    binary = places.programs() / program
    containerfile = places.IMAGES / f"{name}.Containerfile"

    def stage(context: Path) -> None:
        context.mkdir()
        run([places.CLUSTER / "stage-root", context / "root", binary])
        shutil.copyfile(containerfile, context / "Containerfile")

    return Image(name, (binary, containerfile), stage)


def _model_server() -> Image:
    source = places.DEMO / "model_server"

    def stage(context: Path) -> None:
        run([source / "stage-root", context])

    return Image("model-server", tuple(sorted(_sources(source))), stage)


def _sources(folder: Path) -> Iterable[Path]:
    for file in folder.iterdir():
        is_test = file.name.startswith("test_") or file.name == "conftest.py"
        if file.is_file() and not is_test:
            yield file
