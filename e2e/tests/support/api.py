"""A thin door to the API server for one user: dictionaries in, dictionaries out."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

Object = dict[str, Any]

STAGEKEEPER = "/apis/stagekeeper.dev/v1alpha1"
_GROUPS = {
    "Pod": "/api/v1",
    "ConfigMap": "/api/v1",
    "Service": "/api/v1",
    "ServiceAccount": "/api/v1",
    "Namespace": "/api/v1",
    "Event": "/apis/events.k8s.io/v1",
    "Deployment": "/apis/apps/v1",
    "ReplicaSet": "/apis/apps/v1",
    "Job": "/apis/batch/v1",
    "CronJob": "/apis/batch/v1",
    "Lease": "/apis/coordination.k8s.io/v1",
    "EndpointSlice": "/apis/discovery.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding": "/apis/admissionregistration.k8s.io/v1",
    "Role": "/apis/rbac.authorization.k8s.io/v1",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1",
}
_PLURALS = {"PromotionPolicy": "promotionpolicies", "GateClass": "gateclasses"}
_SECONDS = 30.0


def path(kind: str, ns: str | None = None, name: str | None = None, sub: str | None = None) -> str:
    """The path of an object, of its subresource, or of a collection."""
    plural = _PLURALS.get(kind, kind.lower() + "s")
    where = f"/namespaces/{ns}" if ns and kind != "Namespace" else ""
    tail = "".join(f"/{part}" for part in (name, sub) if part)
    return f"{_GROUPS.get(kind, STAGEKEEPER)}{where}/{plural}{tail}"


class Api:
    """One user of the API server. Every call raises ApiException when it is refused."""

    def __init__(
        self, kubeconfig: Path, impersonate: str | None = None, group: str | None = None
    ) -> None:
        settings = client.Configuration()
        load: Any = config.load_kube_config
        load(config_file=str(kubeconfig), client_configuration=settings)
        self._host = settings.host
        self._headers = {"Accept": "application/json"}
        certificate: dict[str, Any] = {}
        token = settings.get_api_key_with_prefix("BearerToken") or settings.get_api_key_with_prefix(
            "authorization"
        )
        if token:
            self._headers["Authorization"] = token
        else:
            certificate = {"cert_file": settings.cert_file, "key_file": settings.key_file}
        if impersonate:
            self._headers["Impersonate-User"] = impersonate
        if group:
            self._headers["Impersonate-Group"] = group
        self._http = urllib3.PoolManager(ca_certs=settings.ssl_ca_cert, maxsize=4, **certificate)

    def send(
        self,
        method: str,
        where: str,
        body: Any = None,
        content_type: str = "application/json",
        **query: str | int | bool,
    ) -> urllib3.BaseHTTPResponse:
        """One request; its answer whatever the status."""
        url = self._host + where
        if query:
            url += ("&" if "?" in where else "?") + urllib.parse.urlencode(query)
        return self._http.request(
            method,
            url,
            body=None if body is None else json.dumps(body),
            headers={**self._headers, "Content-Type": content_type},
            timeout=_SECONDS,
            retries=False,
        )

    def call(
        self,
        method: str,
        where: str,
        body: Any = None,
        content_type: str = "application/json",
        **query: str | int | bool,
    ) -> Any:
        """One request; its answer as JSON. Raises ApiException."""
        answer = self.send(method, where, body, content_type, **query)
        if answer.status >= 400:
            error = ApiException(status=answer.status, reason=answer.reason)
            error.body, error.headers = answer.data.decode(errors="replace"), answer.headers
            raise error
        return json.loads(answer.data)

    def get(self, kind: str, ns: str | None, name: str) -> Object | None:
        """The object, or None where there is none."""
        try:
            found: Object = self.call("GET", path(kind, ns, name))
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return found

    def read(self, kind: str, ns: str | None, name: str) -> Object:
        """The object, which must exist."""
        found: Object = self.call("GET", path(kind, ns, name))
        return found

    def list(self, kind: str, ns: str | None, **selection: str) -> list[Object]:
        """Objects by labelSelector or fieldSelector."""
        items: list[Object] = self.call("GET", path(kind, ns), **selection)["items"]
        return items

    def create(self, made: Object, ns: str | None = None, **query: str) -> Object:
        created: Object = self.call("POST", path(made["kind"], ns), made, **query)
        return created

    def merge(
        self,
        kind: str,
        ns: str | None,
        name: str,
        patch: Object,
        sub: str | None = None,
        **query: str,
    ) -> Object:
        where = path(kind, ns, name, sub)
        done: Object = self.call("PATCH", where, patch, "application/merge-patch+json", **query)
        return done

    def strategic(self, kind: str, ns: str, name: str, patch: Object, **query: str) -> Object:
        where = path(kind, ns, name)
        merge = "application/strategic-merge-patch+json"
        done: Object = self.call("PATCH", where, patch, merge, **query)
        return done

    def replace(self, made: Object, ns: str | None, **query: str) -> Object:
        """Writes an object as it is; refused with 409 where somebody wrote since it was read."""
        where = path(made["kind"], ns, made["metadata"]["name"])
        done: Object = self.call("PUT", where, made, **query)
        return done

    def apply(
        self, made: Object, ns: str, manager: str, *, force: bool = False, **more: str
    ) -> Object:
        """Server-side apply."""
        where = path(made["kind"], ns, made["metadata"]["name"])
        query = {"fieldManager": manager, "force": str(force).lower(), **more}
        done: Object = self.call("PATCH", where, made, "application/apply-patch+yaml", **query)
        return done

    def delete(self, kind: str, ns: str | None, name: str, **options: Any) -> None:
        """Deletes; what is not there is no error. `options` are those of DeleteOptions."""
        try:
            self.call("DELETE", path(kind, ns, name), options or None)
        except ApiException as error:
            if error.status != 404:
                raise


@dataclass
class Refusal:
    """How the API server said no."""

    status: int = 0
    message: str = ""


@contextmanager
def refused(status: int) -> Iterator[Refusal]:
    """Expects the block to be refused with this HTTP status; gives the server's words."""
    seen = Refusal()
    try:
        yield seen
    except ApiException as error:
        seen.status = int(error.status or 0)
        try:
            seen.message = json.loads(error.body or "")["message"]
        except (ValueError, KeyError):
            seen.message = str(error.body)
        assert seen.status == status, f"refused with {seen.status}, not {status}: {seen.message}"
        return
    raise AssertionError(f"not refused, although {status} was expected")


def attempt(call: Callable[[], Any]) -> int:
    """The HTTP status that a call ends with; 200 stands for any success."""
    try:
        call()
    except ApiException as error:
        return int(error.status or 0)
    return 200
