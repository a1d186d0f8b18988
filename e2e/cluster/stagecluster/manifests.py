"""Fills the templates of manifests/ with the addresses and folders in use."""

from __future__ import annotations

import string

from . import config as constants
from .config import SOURCE, Config

# Template below manifests/, and where its text goes below conf/.
_FILES = {
    "audit-policy.yaml": "audit-policy.yaml",
    "cluster.yaml": "cluster.yaml",
    "cni.conflist": "cni/10-stagekeeper.conflist",
    "containerd.toml": "containerd.toml",
    "Corefile": "Corefile",
    "kube-proxy.yaml": "kube-proxy.yaml",
    "kubelet.yaml": "kubelet.yaml",
}


def write(config: Config) -> None:
    """Writes the configuration of every part below `config.conf`."""
    values = {name: str(value) for name, value in vars(constants).items() if name.isupper()}
    values |= {
        "CONF": str(config.conf),
        "CONTAINERD_SOCKET": str(config.containerd_socket),
        "DATA": str(config.data),
        "LOGS": str(config.logs),
        "PKI": str(config.pki),
        "POD_RANGE_START": constants.POD_RANGE[0],
        "POD_RANGE_END": constants.POD_RANGE[1],
        "RUN": str(config.run),
        "RUNC_ROOT": str(config.runc_root),
    }
    for template, file in _FILES.items():
        text = (SOURCE / "manifests" / template).read_text()
        target = config.conf / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(string.Template(text).substitute(values))
    # Pods inherit no search domain and no server of this machine.
    (config.conf / "resolv.conf").write_text("")
