"""A thin door to the API server: one call is one request, and the answer is status and body, never an exception."""

import copy
import functools
import json
import pathlib
import re
import urllib.parse

import kubernetes
import urllib3
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GROUP = "/apis/stagekeeper.dev/v1alpha1"
PLURALS = {
    "ModelVersion": "modelversions", "PromotionPolicy": "promotionpolicies", "ServingTarget": "servingtargets",
    "PromotionRequest": "promotionrequests", "Approval": "approvals", "GateClass": "gateclasses", "ModelStage": "modelstages",
}
BUILT_IN = {
    "/apis/apps/v1": ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"], "/apis/batch/v1": ["Job", "CronJob"],
    "/apis/rbac.authorization.k8s.io/v1": ["Role", "RoleBinding"], "/apis/discovery.k8s.io/v1": ["EndpointSlice"],
    "/apis/networking.k8s.io/v1": ["NetworkPolicy"],
}


def valid(kind):
    """A fresh copy of the valid example of a kind."""
    return yaml.safe_load((HERE / "valid" / f"{kind.lower()}.yaml").read_text())


def spoiled(kind, edit):
    """The valid example with one edit, given as {"dotted.path": value}; the value DELETE removes."""
    obj = valid(kind)
    for path, value in edit.items():
        node, keys = obj, [int(k) if k.isdigit() else k for k in path.split(".")]
        for key in keys[:-1]:
            node = node.setdefault(key, {}) if isinstance(node, dict) else node[key]
        if value is DELETE:
            del node[keys[-1]]
        else:
            node[keys[-1]] = copy.deepcopy(value)
    return obj


DELETE = object()
# Where an object says who made it, which the API server fills in where it serves MutatingAdmissionPolicies.
MADE_BY = {"PromotionRequest": "requester", "Approval": "approver", "ModelVersion": "registeredBy"}


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body

    @property
    def message(self):
        return self.body.get("message", "") if isinstance(self.body, dict) else str(self.body)

    def __repr__(self):
        return f"{self.status} {self.message or json.dumps(self.body)[:300]}"


class Api:
    """One user of the API server."""

    def __init__(self, kubeconfig=None, token=None, like=None, impersonate=None):
        if like is not None:
            self.configuration = copy.copy(like.configuration)
        else:
            self.configuration = kubernetes.client.Configuration()
            kubernetes.config.load_kube_config(config_file=str(kubeconfig), client_configuration=self.configuration)
        c = self.configuration
        self.headers = urllib3.HTTPHeaderDict({"Accept": "application/json"})
        bearer = f"Bearer {token}" if token else (c.get_api_key_with_prefix("BearerToken") or c.get_api_key_with_prefix("authorization"))
        certificate = {}
        if bearer:
            self.headers["Authorization"] = bearer
        else:
            certificate = {"cert_file": c.cert_file, "key_file": c.key_file}
        for key, value in impersonate or []:
            self.headers.add(key, value)
        self.http = urllib3.PoolManager(ca_certs=c.ssl_ca_cert, **certificate)

    def call(self, method, path, body=None, content_type="application/json", accept="application/json", **query):
        headers = self.headers.copy()
        headers["Content-Type"] = content_type
        headers["Accept"] = accept
        url = self.configuration.host + path
        if query:
            url += ("&" if "?" in path else "?") + urllib.parse.urlencode(query)
        reply = self.http.request(method, url, body=None if body is None else json.dumps(body), headers=headers)
        try:
            return Answer(reply.status, json.loads(reply.data))
        except ValueError:
            return Answer(reply.status, reply.data.decode(errors="replace"))

    @staticmethod
    def path(kind, ns=None, name=None, sub=None):
        base = GROUP if kind in PLURALS else next((base for base, kinds in BUILT_IN.items() if kind in kinds), "/api/v1")
        plural = PLURALS.get(kind, re.sub("ys$", "ies", kind.lower().removesuffix("s") + "s"))
        path = base + (f"/namespaces/{ns}" if ns else "") + f"/{plural}"
        return path + (f"/{name}" if name else "") + (f"/{sub}" if sub else "")

    @functools.cached_property
    def fills_in(self):
        """Whether the API server serves MutatingAdmissionPolicies v1, by which the chart fills in identities."""
        served = self.call("GET", "/apis/admissionregistration.k8s.io/v1").body["resources"]
        return any(each["name"] == "mutatingadmissionpolicies" for each in served)

    def in_my_name(self, obj):
        """The object as kubectl stagekeeper create would send it, where the API server does not fill in identities."""
        field = MADE_BY.get(obj["kind"])
        if not field or self.fills_in or not isinstance(obj.get("spec"), dict) or field in obj["spec"]:
            return obj
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        me = self.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review).body["status"]["userInfo"]
        mine = {"username": me["username"], "groups": sorted(set(me.get("groups", [])))[:512], **({"uid": me["uid"]} if me.get("uid") else {})}
        return {**obj, "spec": {**obj["spec"], field: mine}}

    def create(self, obj, ns=None, dry_run=False, validation="Strict"):
        """Creates an object as a person of this cluster would, saying who he is where nothing else does."""
        obj = self.in_my_name(obj)
        query = {"fieldValidation": validation, **({"dryRun": "All"} if dry_run else {})}
        return self.call("POST", self.path(obj["kind"], ns), obj, **query)

    def get(self, kind, ns, name):
        return self.call("GET", self.path(kind, ns, name))

    def list(self, kind, ns, **query):
        return self.call("GET", self.path(kind, ns), **query)

    def delete(self, kind, ns, name, **query):
        return self.call("DELETE", self.path(kind, ns, name), **query)

    def merge(self, kind, ns, name, patch, sub=None, **query):
        return self.call("PATCH", self.path(kind, ns, name, sub), patch, "application/merge-patch+json", **query)

    def printed(self, kind, ns, name, status):
        """The row of cells that kubectl would print if the status were this one: nothing is stored, so that no operator
        beside has its say."""
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        reply = self.merge(kind, ns, name, {"status": status}, sub="status", dryRun="All", accept=table)
        assert reply.status == 200, reply
        return reply.body["rows"][0]["cells"]

    def json_patch(self, kind, ns, name, patch, **query):
        return self.call("PATCH", self.path(kind, ns, name), patch, "application/json-patch+json", **query)

    def apply(self, obj, ns, manager, **query):
        return self.call("PATCH", self.path(obj["kind"], ns, obj["metadata"]["name"]), obj,
                         "application/apply-patch+yaml", fieldManager=manager, force="false", **query)
