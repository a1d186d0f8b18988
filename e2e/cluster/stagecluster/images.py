"""Building an image without a daemon or a registry, and loading it into the node."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

from . import scratch
from .config import ClusterError, Config
from .console import run


def build(config: Config, name: str, context: Path, archive: Path) -> None:
    """Builds `context`/Containerfile into an OCI archive called `name`.

    Guarantees: the same context gives the same digest, because all times are fixed;
    the archive appears complete or not at all.
    Errors: ClusterError when the name is unqualified or buildah fails.
    """
    _require_qualified(name)
    # Storage of its own for each build: no locks between builds, nothing to prune.
    with scratch.folder(config.cache / "buildah") as storage:
        buildah = ["buildah", "--storage-driver", "vfs"]
        buildah += ["--root", f"{storage}/root", "--runroot", f"{storage}/run"]
        containerfile = context / "Containerfile"
        options = ["--isolation=chroot", "--timestamp=0", "--layers=false", "--quiet"]
        run([*buildah, "bud", *options, f"--tag={name}", f"--file={containerfile}", context])
        finished = storage / "image.tar"
        run([*buildah, "push", "--quiet", name, f"oci-archive:{finished}:{name}"])
        partial = archive.with_name(f".{archive.name}.partial")
        shutil.copyfile(finished, partial)
        partial.rename(archive)


def load(config: Config, name: str, archive: Path) -> str:
    """Imports an OCI archive into the node and returns `name@sha256:…`.

    Pods use that reference with `imagePullPolicy: Never`.
    """
    _require_qualified(name)
    if not config.containerd_socket.exists():
        raise ClusterError("containerd does not run; start the cluster first")
    digest = _manifest_digest(archive)
    _import(config, archive, "--digests", "--base-name", name)
    return f"{name}@{digest}"


def load_tagged(config: Config, archive: Path) -> None:
    """Imports an OCI archive under the name it was built with."""
    _import(config, archive)


def _import(config: Config, archive: Path, *options: str) -> None:
    run([config.bin / "ctr", "images", "import", *options, archive])


def _require_qualified(name: str) -> None:
    """A name without a domain means another image to the kubelet than to buildah."""
    domain, slash, _ = name.partition("/")
    if not slash or "." not in domain or "@" in name:
        raise ClusterError(f"image name {name!r} needs a domain, such as stagekeeper.dev/{name}")


def _manifest_digest(archive: Path) -> str:
    try:
        with tarfile.open(archive) as tar:
            index = tar.extractfile("index.json")
            manifests = json.load(index)["manifests"] if index else []
    except (OSError, KeyError, tarfile.TarError) as error:
        raise ClusterError(f"{archive} is not an OCI archive: {error}") from error
    if len(manifests) != 1:
        raise ClusterError(f"{archive} holds {len(manifests)} images, not one")
    return str(manifests[0]["digest"])
