"""What the attacks are made on: three Deployments that ServingTargets claim, as they are while a version serves and the next
one is measured. Everything is made by who makes it in truth, so the control plane has its say."""

import copy
import time

from cluster import Api, valid

EU, GUARDED, MANAGED = "credit-risk-eu", "guarded", "managed"
GATE_JOB = "g-attacked"
BOUND = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nadia"}


def container(name, **env):
    return {"name": name, "image": f"example.com/{name}:1", "env": [{"name": k, "value": v} for k, v in env.items()]}


def pod_spec(*containers, **rest):
    return {"containers": list(containers) or [container("server")], **rest}


def workload(name, pod_labels, spec=None, kind="Deployment", **rest):
    """A workload of any kind that has a pod template."""
    version = {"Job": "batch/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    template = {"metadata": {"labels": pod_labels}, "spec": spec or pod_spec()}
    selector = {} if kind == "Job" else {"selector": pod_labels if kind == "ReplicationController" else {"matchLabels": pod_labels}}
    if kind == "Job":
        template["spec"]["restartPolicy"] = "Never"
    named = {"serviceName": name} if kind == "StatefulSet" else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **rest}, "spec": {**selector, **named, "template": template}}


def pod(name, labels, spec=None, **rest):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels, **rest}, "spec": spec or pod_spec()}


def service(name, selector, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http"}], **spec}}


def target(name, **spec):
    obj = valid("ServingTarget")
    obj["metadata"]["name"] = name
    obj["spec"].update(workload={"kind": "Deployment", "name": name}, **spec)
    obj["spec"]["inference"]["service"]["name"] = name
    return obj


def until(what, ask, seconds=20):
    """The first true answer."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def made(reply):
    assert reply.status in (200, 201), reply
    return reply.body


class Scene:
    """One namespace with its gate namespace; nadia is admin of both, and may write slices, too."""

    def __init__(self, admin, nadia, operator, priya, ns, gates):
        self.admin, self.nadia, self.operator, self.priya, self.ns, self.gates = admin, nadia, operator, priya, ns, gates
        self.rights()
        made(nadia.create(workload("early", {"app": EU, "early": "yes"}), ns))
        for name, rule in [(EU, {}), (GUARDED, {"template": {"changes": "Guard"}}), (MANAGED, {"template": {"managers": ["priya"]}})]:
            self.serve(name, rule)
        self.bystanders()
        self.release("released")
        clone = workload(EU + "-candidate", {"stagekeeper.dev/clone": "candidate"}, labels={"stagekeeper.dev/clone": "candidate"})
        made(operator.create(clone, ns))
        self.request = made(priya.create({**valid("PromotionRequest"), "metadata": {"name": "attacked"}}, ns))["metadata"]["name"]
        self.hold_request()
        made(operator.create(self.gate_job(GATE_JOB), gates))
        self.replica_set = until("a ReplicaSet", lambda: self.owned("ReplicaSet", EU))
        self.pod = until("a pod", lambda: self.owned("Pod", self.replica_set))
        self.clone_set = until("a clone's ReplicaSet", lambda: self.owned("ReplicaSet", EU + "-candidate"))
        self.clone_pod = until("a clone's pod", lambda: self.owned("Pod", self.clone_set))
        self.guarded_pod = until("a guarded pod", lambda: self.owned("Pod", until("its set", lambda: self.owned("ReplicaSet", GUARDED))))
        self.gate_pod = until("a gate's pod", lambda: self.owned("Pod", GATE_JOB, gates))

    def hold_request(self):
        """The request owns something. An operator that is there takes the finalizer off again: nothing in this scene is real."""
        made(self.operator.merge("PromotionRequest", self.ns, self.request, {"metadata": {"finalizers": ["stagekeeper.dev/promotion"]}}))

    def rights(self):
        """More than an admin has by itself: what custom roles give in many a namespace."""
        for ns in (self.ns, self.gates):
            for name, rules in [
                    ("slices", [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["*"]},
                                {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["*"]}]),
                    ("debugs", [{"apiGroups": [""], "resources": ["pods/ephemeralcontainers", "pods/resize", "pods/status"], "verbs": ["*"]},
                                {"apiGroups": ["stagekeeper.dev"], "resources": ["modelversions", "servingtargets", "servingtargets/status", "promotionrequests"],
                                 "verbs": ["create", "patch", "update"]}])]:
                self.admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}, ns)
                self.admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
                                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}, "subjects": [BOUND]}, ns)
        self.admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "nadia-admin"},
                           "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}, "subjects": [BOUND]}, self.gates)
        time.sleep(1)

    def serve(self, name, rule):
        """Delivered by nadia, claimed and pinned by the operator."""
        made(self.admin.create(target(name, **rule), self.ns))
        fetch = {**container("fetch"), "name": "fetch"}
        made(self.nadia.create(workload(name, {"app": name}, pod_spec(container("server", LOG="info"), initContainers=[fetch])), self.ns))
        made(self.nadia.create(service(name, {"app": name}), self.ns))
        claim = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"stagekeeper.dev/target": name}, "annotations": {
            "stagekeeper.dev/pin-env": "server/MODEL_VERSION,fetch/MODEL_URI,fetch/MODEL_DIGEST"}}}
        made(self.operator.apply(claim, self.ns, "stagekeeper"))
        self.pin(name, "46")
        made(self.operator.merge("ServingTarget", self.ns, name, {"status": {
            "serving": {"version": "46"}, "selector": [{"key": "app", "value": name}]}}, sub="status"))

    def bystanders(self):
        """Things of nadia's that no target speaks of, and a target whose Deployment is still to come."""
        for obj in (workload("free", {"free": "yes"}), pod("free", {"free": "yes"}), service("free", {"free": "yes"})):
            made(self.nadia.create(obj, self.ns))
        made(self.admin.create(target("later"), self.ns))
        made(self.operator.merge("ServingTarget", self.ns, "later", {"status": {"serving": {"version": "46"}}}, sub="status"))
        made(self.priya.create(self.version("47"), self.ns))
        for name in ("observed", "observed-later"):
            made(self.admin.create(target(name, enforcement="Observe"), self.ns))
            # Of a target of that name that was deleted.
            made(self.operator.merge("ServingTarget", self.ns, name, {"status": {
                "serving": {"version": "44"}, "selector": [{"key": "app", "value": "observed"}]}}, sub="status"))
        made(self.nadia.create(workload("observed", {"app": "observed"}, pod_spec(container("server", MODEL_VERSION="45"))), self.ns))
        made(self.nadia.create(service("observed", {"app": "observed"}), self.ns))

    @staticmethod
    def version(number, metadata=None):
        obj = valid("ModelVersion")
        obj["metadata"] = {"name": f"credit-risk-{number}", **(metadata or {})}
        obj["spec"]["version"] = number
        return obj

    def release(self, name):
        """A Deployment that was claimed and pinned, and is its team's again: the pins are left."""
        self.serve(name, {})
        made(self.admin.delete("ServingTarget", self.ns, name))
        marks = ["pin-env", "sequence"]
        made(self.operator.merge("Deployment", self.ns, name, {"metadata": {
            "labels": {"stagekeeper.dev/target": None}, "annotations": {f"stagekeeper.dev/{m}": None for m in marks}}}))

    @staticmethod
    def pins(name, version):
        """All that the field manager of pins applies."""
        env = {"server": {"MODEL_VERSION": version}, "fetch": {"MODEL_URI": f"s3://models/{version}", "MODEL_DIGEST": "sha256:" + version}}
        lists = {"containers": "server", "initContainers": "fetch"}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "annotations": {"stagekeeper.dev/sequence": version}},
                "spec": {"template": {"spec": {where: [{"name": who, "env": [{"name": k, "value": v} for k, v in env[who].items()]}]
                                               for where, who in lists.items()}}}}

    def pin(self, name, version):
        return made(self.operator.apply(self.pins(name, version), self.ns, "stagekeeper-pin"))

    def gate_job(self, name):
        secure = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        spec = pod_spec({"name": "gate", "image": "example.com/gate:1", "securityContext": secure},
                        securityContext={"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}})
        return workload(name, {"stagekeeper.dev/attempt": "1"}, spec, "Job", labels={"stagekeeper.dev/attempt": "1"})

    def owned(self, kind, owner, ns=None):
        """Name of some object that the owner has; None as long as there is none."""
        for each in self.admin.list(kind, ns or self.ns).body["items"]:
            if any(o["name"] == owner for o in each["metadata"].get("ownerReferences", [])):
                return each["metadata"]["name"]
        return None

    def slice(self, service_name):
        return until("a slice", lambda: [each["metadata"]["name"] for each in self.admin.list(
            "EndpointSlice", self.ns, labelSelector=f"kubernetes.io/service-name={service_name}").body["items"]])[0]

    def reference(self, kind, name):
        uid = self.admin.get(kind, self.ns, name).body["metadata"]["uid"]
        return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}

    def evict(self, name, ns=None, who=None):
        api, ns = who or self.nadia, ns or self.ns
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": ns}}
        return api.call("POST", api.path("Pod", ns, name, "eviction"), body, dryRun="All")

    def controller(self, name):
        """A controller of the control plane, with its own rights."""
        return Api(like=self.admin, impersonate=[("Impersonate-User", f"system:serviceaccount:kube-system:{name}")])

    def called(self, agent):
        """nadia, by another program."""
        api = copy.copy(self.nadia)
        api.headers = api.headers.copy()
        api.headers["User-Agent"] = agent
        return api

    @property
    def collector(self):
        return self.controller("generic-garbage-collector")

    @property
    def cronjobs(self):
        return self.controller("cronjob-controller")

    def close(self):
        self.operator.delete("Job", self.gates, GATE_JOB, propagationPolicy="Background")
        self.operator.merge("PromotionRequest", self.ns, self.request, {"metadata": {"finalizers": None}})
        self.admin.delete("RoleBinding", self.gates, "nadia-admin")
