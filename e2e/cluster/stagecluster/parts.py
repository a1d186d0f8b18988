"""The parts of the cluster: what is run, with which arguments, and how to ask for its health."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import health, identities, objectstore, processes
from .config import (
    BRIDGE_ADDRESS,
    DNS_HEALTH_PORT,
    DNS_PORT,
    DNS_READY_PORT,
    ETCD_CLIENT_PORT,
    ETCD_PEER_PORT,
    NODE_NAME,
    S3_PORT,
    SERVICE_CIDR,
    ClusterError,
    Config,
)
from .console import wait_until

_READY_SECONDS = 60


@dataclass(frozen=True)
class Part:
    """One process. `healthy` asks the running part itself, never its pid file."""

    name: str
    argv: list[str]
    healthy: Callable[[], bool]
    ports: tuple[int, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    grace_seconds: float = 10


def every(config: Config) -> list[Part]:
    """All parts, each after those it needs."""
    return [
        _etcd(config),
        _containerd(config),
        _object_store(config),
        _api_server(config),
        _controller_manager(config),
        _scheduler(config),
        _kubelet(config),
        _proxy(config),
        _dns(config),
    ]


def named(config: Config, name: str) -> Part:
    """The part of this name. Raises ClusterError listing the names there are."""
    parts = every(config)
    for part in parts:
        if part.name == name:
            return part
    raise ClusterError(f"no part {name!r}; there are {', '.join(part.name for part in parts)}")


def is_running(config: Config, part: Part) -> bool:
    process = processes.recorded(config, part.name)
    return process is not None and process.is_alive()


def is_healthy(config: Config, part: Part) -> bool:
    return is_running(config, part) and part.healthy()


def start(config: Config, part: Part) -> None:
    """Starts a part unless it runs; returns before it is ready."""
    if not is_running(config, part):
        processes.start(config, part.name, part.argv, part.variables)


def stop(config: Config, part: Part) -> None:
    """Ends a part; harmless when it does not run."""
    process = processes.recorded(config, part.name)
    if process is not None:
        processes.stop([process], part.grace_seconds)
    processes.pid_file(config, part.name).unlink(missing_ok=True)


def wait_healthy(config: Config, part: Part) -> None:
    """Waits until a started part answers.

    Raises ClusterError with the end of its log when it exits or stays silent.
    """

    def answered() -> bool:
        if not is_running(config, part):
            raise ClusterError("it exited")
        return part.healthy()

    try:
        wait_until(part.name, answered, _READY_SECONDS)
    except ClusterError as error:
        log = config.logs / f"{part.name}.log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise ClusterError(f"{part.name} is not healthy: {error}\n{tail}\n(from {log})") from error


def _etcd(config: Config) -> Part:
    client = f"http://127.0.0.1:{ETCD_CLIENT_PORT}"
    peer = f"http://127.0.0.1:{ETCD_PEER_PORT}"
    argv = [
        f"{config.bin}/etcd",
        "--name=etcd",
        f"--data-dir={config.data}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=etcd={peer}",
        # Nothing here outlives the machine, so nothing has to reach the disk in time.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    ports = (ETCD_CLIENT_PORT, ETCD_PEER_PORT)
    return Part("etcd", argv, lambda: health.answers(f"{client}/health"), ports)


def _containerd(config: Config) -> Part:
    argv = [shutil.which("containerd") or "containerd", f"--config={config.conf}/containerd.toml"]
    return Part("containerd", argv, lambda: health.accepts(config.containerd_socket))


def _object_store(config: Config) -> Part:
    authority = config.pki / "s3-ca.crt"
    url = f"{config.s3_endpoint}{objectstore.HEALTH_PATH}"
    return Part(
        "s3",
        objectstore.server_command(config),
        lambda: health.answers(url, authority),
        (S3_PORT,),
        variables=objectstore.root_credentials(config),
    )


def _api_server(config: Config) -> Part:
    pki = config.pki
    argv = [
        f"{config.bin}/kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{ETCD_CLIENT_PORT}",
        "--bind-address=0.0.0.0",
        f"--advertise-address={BRIDGE_ADDRESS}",
        f"--secure-port={config.api_port}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--token-auth-file={identities.token_file(config)}",
        f"--service-account-key-file={pki}/service-account.pub",
        f"--service-account-signing-key-file={pki}/service-account.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--cert-dir={config.data}/kube-apiserver",
        f"--audit-policy-file={config.conf}/audit-policy.yaml",
        f"--audit-log-path={config.state}/audit.log",
    ]
    url = f"{config.api_url}/readyz"
    return Part(
        "kube-apiserver",
        argv,
        lambda: health.answers(url, pki / "ca.crt"),
        (config.api_port,),
        # It waits a minute for its watchers to leave, and they do not.
        grace_seconds=3,
    )


def _component(config: Config, name: str, port: int, options: list[str]) -> Part:
    """A part that differs from others of the control plane in few options."""
    kubeconfig = config.conf / f"{name}.kubeconfig"
    argv = [
        f"{config.bin}/{name}",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        # Nobody talks to it through another API server, whose authority it would miss.
        "--authentication-skip-lookup=true",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        *options,
    ]
    # It signs its own serving certificate, in memory: there is nothing to verify it by.
    url = f"https://127.0.0.1:{port}/healthz"
    return Part(name, argv, lambda: health.answers(url, verify=False), (port,))


def _controller_manager(config: Config) -> Part:
    options = [
        f"--service-account-private-key-file={config.pki}/service-account.key",
        f"--root-ca-file={config.pki}/ca.crt",
        "--use-service-account-credentials=true",
        f"--flex-volume-plugin-dir={config.data}/flex-volume-plugins",
    ]
    return _component(config, "kube-controller-manager", 10257, options)


def _scheduler(config: Config) -> Part:
    return _component(config, "kube-scheduler", 10259, [])


def _kubelet(config: Config) -> Part:
    argv = [
        f"{config.bin}/kubelet",
        f"--config={config.conf}/kubelet.yaml",
        f"--kubeconfig={config.conf}/kubelet.kubeconfig",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={BRIDGE_ADDRESS}",
        f"--root-dir={config.data}/kubelet",
        f"--cert-dir={config.data}/kubelet/pki",
    ]
    url = "http://127.0.0.1:10248/healthz"
    return Part("kubelet", argv, lambda: health.answers(url), (10248, 10250))


def _proxy(config: Config) -> Part:
    argv = [f"{config.bin}/kube-proxy", f"--config={config.conf}/kube-proxy.yaml"]
    url = "http://127.0.0.1:10256/livez"
    return Part("kube-proxy", argv, lambda: health.answers(url), (10249, 10256))


def _dns(config: Config) -> Part:
    argv = [f"{config.bin}/coredns", "-conf", f"{config.conf}/Corefile"]
    url = f"http://127.0.0.1:{DNS_READY_PORT}/ready"
    ports = (DNS_PORT, DNS_HEALTH_PORT, DNS_READY_PORT)
    return Part("coredns", argv, lambda: health.answers(url), ports)
