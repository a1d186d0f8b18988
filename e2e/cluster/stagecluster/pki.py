"""Certificates for one life of the cluster, made with the openssl command.

Elliptic keys throughout, but for the service accounts': the tokens they sign
are RS256. The private key of the authority never leaves this folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .config import API_SERVICE_ADDRESS, BRIDGE_ADDRESS, NODE_NAME, Config
from .console import run

_DAYS = "365"


@dataclass(frozen=True)
class _Leaf:
    """A certificate: its file name, its subject, and for servers its names."""

    file: str
    subject: str
    alternative_names: tuple[str, ...] = ()


_API_NAMES = (
    "IP:127.0.0.1",
    f"IP:{API_SERVICE_ADDRESS}",
    f"IP:{BRIDGE_ADDRESS}",
    "DNS:localhost",
    "DNS:kubernetes",
    "DNS:kubernetes.default",
    "DNS:kubernetes.default.svc",
    "DNS:kubernetes.default.svc.cluster.local",
)

_LEAVES = (
    _Leaf("apiserver", "/CN=kube-apiserver", _API_NAMES),
    _Leaf("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
    _Leaf("admin", "/O=system:masters/CN=admin"),
    _Leaf("kube-controller-manager", "/CN=system:kube-controller-manager"),
    _Leaf("kube-scheduler", "/CN=system:kube-scheduler"),
    _Leaf("kube-proxy", "/CN=system:kube-proxy"),
    _Leaf("coredns", "/CN=system:coredns"),
    _Leaf("kubelet", f"/O=system:nodes/CN=system:node:{NODE_NAME}"),
)
_S3_LEAF = _Leaf("s3", "/CN=s3", (f"IP:{BRIDGE_ADDRESS}", "IP:127.0.0.1", "DNS:localhost"))


def create(config: Config) -> None:
    """Makes both authorities (cluster, bucket), all certificates and the token key pair."""
    pki = config.pki
    pki.mkdir(mode=0o700, parents=True, exist_ok=True)
    _authority(pki / "ca", "stagekeeper-e2e cluster")
    # An authority of its own, so that a client which trusts the wrong one is noticed.
    _authority(pki / "s3-ca", "stagekeeper-e2e bucket")
    for leaf in _LEAVES:
        _certificate(pki, "ca", leaf)
    _certificate(pki, "s3-ca", _S3_LEAF)
    token_key = pki / "service-account"
    run(["openssl", "genrsa", "-out", f"{token_key}.key", "2048"])
    run(["openssl", "rsa", "-in", f"{token_key}.key", "-pubout", "-out", f"{token_key}.pub"])

    _publish(pki / "ca.crt", config.state / "ca.crt")
    _publish(pki / "s3-ca.crt", config.state / "s3" / "ca.crt")


def _authority(stem: Path, name: str) -> None:
    _request(stem, f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def _certificate(pki: Path, authority: str, leaf: _Leaf) -> None:
    usage = "serverAuth" if leaf.alternative_names else "clientAuth"
    extensions = [
        "-addext", f"extendedKeyUsage={usage}",
        "-addext", "keyUsage=critical,digitalSignature",
        "-addext", "basicConstraints=critical,CA:FALSE",
    ]  # fmt: skip
    if leaf.alternative_names:
        extensions += ["-addext", f"subjectAltName={','.join(leaf.alternative_names)}"]
    issuer = ["-CA", f"{pki}/{authority}.crt", "-CAkey", f"{pki}/{authority}.key"]
    _request(pki / leaf.file, leaf.subject, *issuer, *extensions)


def _request(stem: Path, subject: str, *options: str) -> None:
    """Makes a key and a certificate for it, signed by itself unless `options` name an issuer."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", f"{stem}.key", "-out", f"{stem}.crt"]
    run(["openssl", "req", "-x509", *key, "-days", _DAYS, "-subj", subject, *options, *files])


def _publish(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
