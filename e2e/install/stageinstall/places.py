"""Where the sources, the programs and the state of an installation are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""The work tree."""

CLUSTER = ROOT / "e2e" / "cluster"
DEMO = ROOT / "e2e" / "demo"
SERVERS = ROOT / "e2e" / "servers"
CHART = ROOT / "charts" / "stagekeeper"
IMAGES = ROOT / "e2e" / "install" / "images"

OPERATOR_NAMESPACE = "stagekeeper-system"
GATE_NAMESPACE = "stagekeeper-gates"
OPERATOR_USER = f"system:serviceaccount:{OPERATOR_NAMESPACE}:stagekeeper"
USERS = ("priya", "alice", "bob", "nadia", "root-admin", "mallory")


def programs() -> Path:
    """The folder of the built programs; STAGEKEEPER_BUILD names another."""
    return Path(os.environ.get("STAGEKEEPER_BUILD") or ROOT / "build" / "release")


def cluster_state() -> Path:
    """The state folder of e2e/cluster."""
    return Path(os.environ.get("STAGEKEEPER_STATE") or "/var/lib/stagekeeper-e2e")


def cache() -> Path:
    default = Path.home() / ".cache" / "stagekeeper"
    return Path(os.environ.get("STAGEKEEPER_CACHE") or default)


@dataclass(frozen=True)
class ImageRefs:
    """What pods run, each as NAME@sha256:…"""

    operator: str
    gate: str
    model_server: str


@dataclass(frozen=True)
class Store:
    """The S3 store: where it is, its two buckets, and the accounts that use them."""

    variables: dict[str, str]
    """The variables of e2e/cluster's s3.env."""

    def __getitem__(self, name: str) -> str:
        return self.variables[f"S3_{name}"]

    @property
    def endpoint(self) -> str:
        return self["ENDPOINT"]

    @property
    def region(self) -> str:
        return self["REGION"]

    @property
    def audit_bucket(self) -> str:
        return self["AUDIT_BUCKET"]

    @property
    def models_bucket(self) -> str:
        return self["MODELS_BUCKET"]

    @property
    def ca_file(self) -> Path:
        return Path(self["CA_FILE"])

    def keys(self, account: str) -> tuple[str, str]:
        """Access key and secret key of ROOT, AUDIT, MODELS_READER or MODELS_WRITER."""
        return self[f"{account}_ACCESS_KEY"], self[f"{account}_SECRET_KEY"]
