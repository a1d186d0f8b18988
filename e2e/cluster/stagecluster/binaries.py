"""Building the parts from their Go modules, once for each set of inputs.

A module's binaries lie in a folder named by a hash of all that goes into them, so
that a change of one module rebuilds no other, and an old checkout finds its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import images, scratch
from .config import KUBERNETES, NEWEST, PAUSE_IMAGE, SOURCE, ClusterError, Config
from .console import run, say

_COMPONENT_VERSION = "k8s.io/component-base/version"
PAUSE_ARCHIVE = "pause.oci.tar"


@dataclass(frozen=True)
class Module:
    """A Go module below go/, what it is built into, and how long that takes when cold."""

    name: str
    version: str
    binaries: tuple[str, ...]
    expected: str
    """The time of a cold build on two cores, for the user who waits."""
    linker_flags: str = "-s -w"
    packages: str = "tool"
    renames: tuple[tuple[str, str], ...] = ()
    """What Go calls a binary after its package's path, and what it is called here."""
    static: bool = False
    folder: str = ""
    """Below go/, where it is not the name."""

    @property
    def source(self) -> Path:
        return SOURCE / "go" / (self.folder or self.name)


def _kubernetes(minor: str) -> Module:
    """Kubernetes of one minor version; the newest has the folder without a number."""
    version = KUBERNETES[minor]
    return Module(
        name="kubernetes",
        version=version,
        folder="" if minor == NEWEST else f"kubernetes-{minor}",
        binaries=(
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubectl",
            "kubelet",
        ),
        expected="7 to 15 minutes, up to 3 GB of memory",
        # Without a version, clients see v0.0.0 and refuse or misjudge the server.
        linker_flags=f"-s -w -X {_COMPONENT_VERSION}.gitVersion=v{version}"
        f" -X {_COMPONENT_VERSION}.gitMajor=1"
        f" -X {_COMPONENT_VERSION}.gitMinor={minor.removeprefix('1.')}",
    )


_OTHERS = (
    Module("etcd", "3.6.14", ("etcd",), "half a minute", renames=(("server", "etcd"),)),
    Module("coredns", "1.15.0", ("coredns",), "one minute", packages="./..."),
    Module("tools", "1", ("helm", "kubeconform", "versitygw"), "2 to 3 minutes"),
    Module("pods", "1", ("pause", "probe"), "seconds", packages="./...", static=True),
)


def modules(config: Config) -> tuple[Module, ...]:
    """What the cluster of the wanted Kubernetes is made of."""
    return (_kubernetes(config.kubernetes), *_OTHERS)


def folder(config: Config, module: Module) -> Path:
    """Where a module's binaries are, or will be once built."""
    return config.cache / "bin" / f"{module.name}-{module.version}-{_fingerprint(module)}"


def binary(config: Config, name: str) -> Path:
    """The path of one binary, whatever its module; it may not be built yet."""
    for module in modules(config):
        if name in module.binaries:
            return folder(config, module) / name
    raise ClusterError(f"no module builds {name}")


def pause_archive(config: Config) -> Path:
    return binary(config, "pause").with_name(PAUSE_ARCHIVE)


def build(config: Config) -> None:
    """Builds whatever is not built yet.

    Guarantees: a module's folder appears complete or not at all.
    Errors: ClusterError when the Go toolchain is missing or a build fails.
    """
    missing = [module for module in modules(config) if not folder(config, module).exists()]
    for number, module in enumerate(missing, start=1):
        say(f"building {module.name} ({number} of {len(missing)}); cold: {module.expected}")
        began = time.monotonic()
        _build_module(config, module)
        say(f"built {module.name} in {time.monotonic() - began:.0f} s")


def _build_module(config: Config, module: Module) -> None:
    target = folder(config, module)
    with scratch.folder(target.parent) as unfinished:
        _install(module, unfinished)
        for made, wanted in module.renames:
            (unfinished / made).rename(unfinished / wanted)
        if "pause" in module.binaries:
            _pause_image(config, unfinished)
        absent = [name for name in module.binaries if not (unfinished / name).exists()]
        if absent:
            raise ClusterError(f"the build of {module.name} made no {' and no '.join(absent)}")
        unfinished.chmod(0o755)
        unfinished.rename(target)


def _install(module: Module, target: Path) -> None:
    environment = dict(os.environ, GOBIN=str(target), GOTOOLCHAIN="local", GOFLAGS="-mod=readonly")
    if module.static:
        environment["CGO_ENABLED"] = "0"
    flags = ["-p", "2", "-trimpath", "-buildvcs=false", "-ldflags", module.linker_flags]
    run(["go", "install", *flags, module.packages], cwd=module.source, env=environment)


def _pause_image(config: Config, built: Path) -> None:
    """Packs the sandbox image beside its binary, so that `up` needs no image builder."""
    context = built / "context"
    context.mkdir()
    shutil.copy2(built / "pause", context / "pause")
    (context / "Containerfile").write_text('FROM scratch\nCOPY pause /\nENTRYPOINT ["/pause"]\n')
    images.build(config, PAUSE_IMAGE, context, built / PAUSE_ARCHIVE)
    shutil.rmtree(context)


@cache
def _fingerprint(module: Module) -> str:
    content = hashlib.sha256()
    for file in sorted(module.source.rglob("*")):
        if file.suffix in (".go", ".mod", ".sum"):
            content.update(f"{file.relative_to(module.source)}\0".encode() + file.read_bytes())
    flags = f"{module.linker_flags}\0{module.packages}\0{module.static}"
    content.update(f"{flags}\0{_go_version()}".encode())
    return content.hexdigest()[:12]


@cache
def _go_version() -> str:
    return run(["go", "env", "GOVERSION"], env=dict(os.environ, GOTOOLCHAIN="local")).strip()
