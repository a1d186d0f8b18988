"""etcd, API server and controllers of one version, beside a cluster that runs; no node.

For what only an API server can say: whether it takes kinds and policies. Pods stay Pending.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from . import binaries, health, identities, manifests, parts, pki
from .config import ETCD_CLIENT_PORT, ETCD_PEER_PORT, KUBERNETES, ClusterError, Config
from .console import say, wait_until


@contextmanager
def running(config: Config) -> Iterator[Config]:
    """The three parts on free ports, with all they write below `config.state`, which is empty.

    They end, and are waited for, when the context does. Errors: ClusterError naming the part that
    does not come up, with the end of its log.
    """
    client, peer, api, controllers = _free_ports(4)
    config = replace(config, api_port=api)
    pki.create(config)
    identities.create(config)
    manifests.write(config)
    config.bin.mkdir()
    for module in binaries.modules(config):
        for name in module.binaries:
            (config.bin / name).symlink_to(binaries.binary(config, name))
    by_name = {part.name: part.argv for part in parts.every(config)}
    ports = {f":{ETCD_CLIENT_PORT}": f":{client}", f":{ETCD_PEER_PORT}": f":{peer}"}
    with ExitStack() as stack:
        for name, url, options in (
            ("etcd", f"http://127.0.0.1:{client}/health", []),
            ("kube-apiserver", f"{config.api_url}/readyz", []),
            (
                "kube-controller-manager",
                f"https://127.0.0.1:{controllers}/healthz",
                [f"--secure-port={controllers}"],
            ),
        ):
            argv = [_replaced(word, ports) for word in by_name[name]] + options
            stack.enter_context(_process(config, name, argv))
            # Made a moment ago, on this machine's loopback: there is nobody to mistake it for.
            what = f"{name} of Kubernetes {config.kubernetes} answers"
            wait_until(what, lambda url=url: health.answers(url, verify=False), 60)
        yield config


@contextmanager
def _process(config: Config, name: str, argv: Sequence[str]) -> Iterator[None]:
    config.logs.mkdir(exist_ok=True)
    with (config.logs / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    except ClusterError as error:
        text = (config.logs / f"{name}.log").read_text(errors="replace")
        raise ClusterError("\n".join([str(error), *text.splitlines()[-8:]])) from error
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # an API server waits a minute for its watchers
            process.kill()
            process.wait()


def _replaced(word: str, ports: dict[str, str]) -> str:
    for old, new in ports.items():
        word = word.replace(old, new)
    return word


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def main() -> int:
    """The command `control-plane`."""
    parser = argparse.ArgumentParser(prog="control-plane", description=__doc__.partition("\n")[0])
    parser.add_argument("version", choices=sorted(KUBERNETES))
    parser.add_argument("command", nargs=argparse.REMAINDER, help="runs with KUBECONFIG and PATH for it")
    options = parser.parse_args()
    chosen = replace(Config.from_environment(), kubernetes=options.version)
    with tempfile.TemporaryDirectory(prefix="stagekeeper-control-plane-") as folder:
        config = replace(chosen, state=Path(folder))
        try:
            binaries.build(config)
            with running(config) as config:
                say(f"Kubernetes {KUBERNETES[options.version]} at {config.api_url}, without a node")
                path = f"{config.bin}{os.pathsep}{os.environ['PATH']}"
                environment = os.environ | {"KUBECONFIG": str(config.kubeconfig), "PATH": path}
                return subprocess.run(options.command, env=environment, check=False).returncode
        except ClusterError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
