"""Kubernetes objects as plain dictionaries. Pure."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

PART_OF = "app.kubernetes.io/part-of"
SERVING = "stagekeeper-e2e"
"""Value of PART_OF on namespaces made here, so that uninstall finds them."""


def namespace(name: str, labels: dict[str, str] | None = None) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": _meta(name, None, labels)}


def secret(name: str, ns: str, values: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _meta(name, ns),
        "type": "Opaque",
        "stringData": values,
    }


def config_map(name: str, ns: str, values: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(name, ns), "data": values}


def stage_role(name: str, ns: str, verbs: dict[str, list[str]]) -> Object:
    """A Role with verbs on modelstages: verb -> stages in lower case."""
    rules = [
        {
            "apiGroups": ["stagekeeper.dev"],
            "resources": ["modelstages"],
            "resourceNames": on,
            "verbs": [verb],
        }
        for verb, on in verbs.items()
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": _meta(name, ns),
        "rules": rules,
    }


def role_binding(name: str, ns: str, role: str, subjects: list[Object]) -> Object:
    """Binds `Role/NAME` or `ClusterRole/NAME`."""
    kind, _, bound = role.partition("/")
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _meta(name, ns),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": bound},
        "subjects": subjects,
    }


def user(name: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}


def group(name: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}


def service_account(name: str, ns: str) -> Object:
    return {"kind": "ServiceAccount", "name": name, "namespace": ns}


def _meta(name: str, ns: str | None, labels: dict[str, str] | None = None) -> Object:
    meta: Object = {"name": name}
    if ns:
        meta["namespace"] = ns
    if labels:
        meta["labels"] = labels
    return meta
