"""The bodies of the executables beside this package."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from . import (
    cleanup,
    host,
    images,
    lifecycle,
    parts,
    processes,
    stage_root,
)
from .config import ClusterError, Config
from .console import say


def build(arguments: list[str]) -> int:
    """Builds the parts of the cluster into the cache, once."""
    _parser(build).parse_args(arguments)
    config = Config.from_environment()
    host.require_tools()
    with lifecycle.exclusively(config):
        lifecycle.build(config)
    say(f"everything is built, in {config.cache}")
    return 0


def up(arguments: list[str]) -> int:
    """Starts the cluster; says so and does nothing when it is up and healthy."""
    _parser(up).parse_args(arguments)
    config = Config.from_environment()
    with lifecycle.exclusively(config):
        if lifecycle.is_healthy(config):
            say("the cluster is up and healthy")
        else:
            lifecycle.up(config)
            say("the cluster is up")
    print(
        f"export KUBECONFIG={config.kubeconfig}   # cluster admin\n"
        f"export PATH={config.bin}:$PATH          # kubectl, helm, ctr\n"
        f"{config.state}/users/*.kubeconfig       # priya, alice, bob, nadia, ...\n"
        f". {config.state}/s3.env                 # the bucket's endpoint and accounts"
    )
    return 0


def down(arguments: list[str]) -> int:
    """Stops the cluster and deletes all of it but the cached binaries."""
    _parser(down).parse_args(arguments)
    config = Config.from_environment()
    with lifecycle.exclusively(config):
        cleanup.everything(config)
    say("the cluster is gone")
    return 0


def status(arguments: list[str]) -> int:
    """Shows every part with its pid, memory and health; 1 if one is not healthy."""
    _parser(status).parse_args(arguments)
    config = Config.from_environment()
    healths = []
    print(f"{'PART':<26}{'PID':>8}{'MEMORY':>10}  HEALTH")
    for part in parts.every(config):
        process = processes.recorded(config, part.name)
        alive = process if process is not None and process.is_alive() else None
        healthy = alive is not None and part.healthy()
        text = "healthy" if healthy else "not answering" if alive else "stopped"
        memory = f"{alive.resident_bytes() / 2**20:.0f} MiB" if alive else "-"
        print(f"{part.name:<26}{alive.pid if alive else '-':>8}{memory:>10}  {text}")
        healths.append(healthy)
    for name, healthy in (
        ("(node)", healths[-1] and lifecycle.node_is_ready(config)),
        ("(cluster DNS)", healths[-1] and lifecycle.names_resolve()),
    ):
        print(f"{name:<26}{'-':>8}{'-':>10}  {'healthy' if healthy else 'not ready'}")
        healths.append(healthy)
    return 0 if all(healths) else 1


def part(arguments: list[str]) -> int:
    """Stops, starts or restarts a single part, for tests of its absence."""
    parser = _parser(part)
    parser.add_argument("name")
    parser.add_argument("action", choices=("stop", "start", "restart"))
    options = parser.parse_args(arguments)
    config = Config.from_environment()
    with lifecycle.exclusively(config):
        if not config.state.exists():
            raise ClusterError("the cluster is down")
        one = parts.named(config, options.name)
        if options.action in ("stop", "restart"):
            parts.stop(config, one)
        if options.action in ("start", "restart"):
            parts.start(config, one)
            parts.wait_healthy(config, one)
    return 0


def load_image(arguments: list[str]) -> int:
    """Imports an OCI archive into the node and prints its reference by digest."""
    parser = _parser(load_image)
    parser.add_argument("name")
    parser.add_argument("archive", type=Path)
    options = parser.parse_args(arguments)
    print(images.load(Config.from_environment(), options.name, options.archive))
    return 0


def build_image(arguments: list[str]) -> int:
    """Builds CONTEXT/Containerfile into an OCI archive, the same for the same content."""
    parser = _parser(build_image)
    parser.add_argument("name")
    parser.add_argument("context", type=Path)
    parser.add_argument("archive", type=Path)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    images.build(Config.from_environment(), options.name, options.context, options.archive)
    say(f"built {options.name} in {time.monotonic() - began:.1f} s")
    return 0


def stage(arguments: list[str]) -> int:
    """Gathers programs with their libraries into a folder, to be copied into an image."""
    parser = _parser(stage)
    parser.add_argument("--zoneinfo", action="store_true", help="time zones as well")
    parser.add_argument("root", type=Path)
    parser.add_argument("programs", type=Path, nargs="+", metavar="program")
    options = parser.parse_args(arguments)
    stage_root.stage(options.root, options.programs, zones=options.zoneinfo)
    return 0


def _parser(body: object) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(description=body.__doc__)
