"""Where things are, on which addresses they listen, and which versions they have."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
"""The folder e2e/cluster of the work tree."""

BRIDGE = "skbr0"
BRIDGE_ADDRESS = "10.244.0.1"
POD_CIDR = "10.244.0.0/16"
POD_RANGE = ("10.244.1.0", "10.244.254.254")
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_SERVICE_ADDRESS = "10.96.0.10"
CLUSTER_DOMAIN = "cluster.local"
NODE_NAME = "node-1"

# Not the customary ports where the part is reached by nobody but its neighbours,
# so that a developer's own etcd or mDNS daemon is not in the way.
ETCD_CLIENT_PORT = 12379
ETCD_PEER_PORT = 12380
DNS_PORT = 10053
DNS_HEALTH_PORT = 18080
DNS_READY_PORT = 18181
S3_PORT = 7443
S3_REGION = "us-east-1"

PAUSE_IMAGE = "stagekeeper.dev/pause:1"

KUBERNETES = {"1.33": "1.33.13", "1.35": "1.35.4", "1.37": "1.37.1"}
"""The versions that can be built, each from a Go module below go/."""
NEWEST = "1.37"


class ClusterError(Exception):
    """Something the user can understand and act upon; shown without a traceback."""


@dataclass(frozen=True)
class Config:
    """The places and ports a caller may choose; all else is fixed above."""

    state: Path
    cache: Path
    api_port: int
    kubernetes: str = NEWEST
    """The minor version, a key of KUBERNETES."""

    @staticmethod
    def from_environment() -> Config:
        """Reads STAGEKEEPER_STATE, _CACHE, _API_PORT and _KUBERNETES.

        Raises ClusterError when one of them cannot be meant.
        """
        kubernetes = os.environ.get("STAGEKEEPER_KUBERNETES") or NEWEST
        if kubernetes not in KUBERNETES:
            known = ", ".join(KUBERNETES)
            raise ClusterError(f"STAGEKEEPER_KUBERNETES is {kubernetes}; there are {known}")
        default_state = "/var/lib/stagekeeper-e2e"
        if kubernetes != NEWEST:
            default_state += f"-{kubernetes}"
        state = Path(os.environ.get("STAGEKEEPER_STATE") or default_state)
        default_cache = Path.home() / ".cache" / "stagekeeper"
        cache = Path(os.environ.get("STAGEKEEPER_CACHE") or default_cache)
        if not state.is_absolute() or not cache.is_absolute():
            raise ClusterError("STAGEKEEPER_STATE and STAGEKEEPER_CACHE must be absolute paths")
        port = os.environ.get("STAGEKEEPER_API_PORT") or "6443"
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ClusterError(f"STAGEKEEPER_API_PORT is not a port: {port}")
        return Config(state=state, cache=cache, api_port=int(port), kubernetes=kubernetes)

    @property
    def api_url(self) -> str:
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def s3_endpoint(self) -> str:
        return f"https://{BRIDGE_ADDRESS}:{S3_PORT}"

    @property
    def bin(self) -> Path:
        """Links to the binaries in use, for this package and for callers."""
        return self.state / "bin"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def conf(self) -> Path:
        return self.state / "conf"

    @property
    def data(self) -> Path:
        return self.state / "data"

    @property
    def run(self) -> Path:
        """Pid files, sockets and what containerd and runc keep while they run."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def runc_root(self) -> Path:
        return self.run / "runc"
