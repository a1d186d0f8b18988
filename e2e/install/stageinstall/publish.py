"""The command `build-images`: images and the kubectl plugin, for clusters that are elsewhere."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from stageinstall import images, places
from stageinstall.bundle import make_bundle
from stageinstall.console import InstallError, run, say
from stageinstall.places import ImageRefs

OUTPUT = places.ROOT / "build" / "images"


def build(folder: Path, registry: str | None, push_options: list[str]) -> ImageRefs:
    """Builds every image into an OCI archive below `folder`, and pushes them to `registry`, if any.

    Returns their references: NAME@sha256:… in the registry, or of the archives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    references = {}
    for field, image in images.published().items():
        say(f"image {image.name}")
        archive = folder / f"{image.name}.oci.tar"
        images.build(image, archive)
        if registry:
            references[field] = push(image.name, archive, registry, push_options)
            say(references[field])
        else:
            references[field] = f"{image.full_name}@{archive_digest(archive)}"
    return ImageRefs(**references)


def push(name: str, archive: Path, registry: str, options: list[str]) -> str:
    """Pushes an archive as REGISTRY/stagekeeper-NAME and returns its reference by digest.

    Errors: InstallError with what the registry said.
    """
    wanted = f"{registry.rstrip('/')}/stagekeeper-{name}"
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        buildah = ["buildah", "--storage-driver=vfs", f"--root={scratch}/root"]
        buildah.append(f"--runroot={scratch}/run")
        pulled = run([*buildah, "pull", "--quiet", f"oci-archive:{archive}"]).strip()
        digest = Path(scratch) / "digest"
        to = [f"--digestfile={digest}", pulled, f"docker://{wanted}:latest"]
        run([*buildah, "push", "--quiet", "--format=oci", *options, *to])
        return f"{wanted}@{digest.read_text().strip()}"


def archive_digest(archive: Path) -> str:
    """The digest of the only manifest of an OCI archive."""
    with tarfile.open(archive) as tar:
        index = tar.extractfile("index.json")
        return str(json.load(index)["manifests"][0]["digest"]) if index else ""


def write_references(folder: Path, made: ImageRefs) -> None:
    """What Helm (values.yaml) and kubectl apply --kustomize (a component) have to know of images."""
    folder.mkdir(parents=True, exist_ok=True)
    operator, gate, server = (
        each.partition("@") for each in (made.operator, made.gate, made.model_server)
    )
    lines = "# Written by make images.\n"
    for key, (name, _, digest) in (("image", operator), ("gateImage", gate)):
        lines += f'{key}: {{repository: "{name}", digest: "{digest}"}}\n'
    (folder / "values.yaml").write_text(lines)
    (folder / "kustomization.yaml").write_text(
        "# Written by make images.\n"
        "apiVersion: kustomize.config.k8s.io/v1alpha1\n"
        "kind: Component\n"
        "images:\n"
        f"- {{name: {images.MODEL_SERVER}, newName: {server[0]}, digest: \"{server[2]}\"}}\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="build-images", description=__doc__)
    parser.add_argument("--registry", help="push to it, such as registry.example.com/stagekeeper")
    parser.add_argument("--push-options", default="", help="for buildah push: --tls-verify=false")
    options = parser.parse_args()
    try:
        made = build(OUTPUT, options.registry, options.push_options.split())
        bundle = make_bundle(places.programs() / "kubectl-stagekeeper", OUTPUT)
        write_references(OUTPUT, made)
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"operator  {made.operator}\ngate      {made.gate}\nserver    {made.model_server}\nplugin    {bundle}")
    if not options.registry:
        print(f"not pushed: no REGISTRY; the archives are in {OUTPUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
