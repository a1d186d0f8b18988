"""What goes on while the guards stand: the control plane's own work, and the everyday work of a namespace's admin."""

import time
import uuid

import pytest

from attacks import create, enter, merge, patch, server, template
from cluster import valid
from scene import EU, GUARDED, MANAGED, container, made, pod, pod_spec, service, target, until, workload

RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-25T00:00:00Z"}}}}}
FREE = {
    "the Deployment scales": lambda s: merge(s, "Deployment", EU, {"spec": {"replicas": 3}}, sub="scale"),
    "a guarded Deployment scales": lambda s: merge(s, "Deployment", GUARDED, {"spec": {"replicas": 3}}),
    "a guarded Deployment restarts": lambda s: patch(s, "Deployment", GUARDED, RESTART),
    "a guarded Deployment gets metadata": lambda s: merge(s, "Deployment", GUARDED, {"metadata": {"labels": {"team": "a"}, "annotations": {"note": "x"}}}),
    "Record: an image changes": lambda s: patch(s, "Deployment", EU, server(image="example.com/server:2")),
    "Record: a container comes": lambda s: patch(s, "Deployment", EU, template(containers=[container("logs")])),
    "a manager changes the template": lambda s: manager(s),
    "a released Deployment gets another version": lambda s: patch(s, "Deployment", "released", server(env=[{"name": "MODEL_VERSION", "value": "3"}])),
    "a released Deployment loses a container": lambda s: patch(s, "Deployment", "released", template(initContainers=[{"$patch": "delete", "name": "fetch"}])),
    "an argument names a version": lambda s: patch(s, "Deployment", EU, server(args=["--model=models:/credit-risk/47", "--owner=team@example.com"])),
    "the Service gets metadata": lambda s: merge(s, "Service", EU, {"metadata": {"labels": {"helm.sh/chart": "a-2"}, "annotations": {"note": "x"}}}),
    "the Service gets a node port": lambda s: merge(s, "Service", EU, {"spec": {"type": "NodePort"}}),
    "another Service to the same pods": lambda s: create(s, service("metrics", {"app": EU}, ports=[{"port": 9090}])),
    "another Service changes": lambda s: merge(s, "Service", "free", {"spec": {"selector": {"app": "x"}, "ports": [{"port": 1}]}}),
    "another Service goes": lambda s: s.nadia.delete("Service", s.ns, "free", dryRun="All"),
    "an unrelated pod": lambda s: create(s, pod("own", {"app": "own"})),
    "an unrelated pod is labelled": lambda s: merge(s, "Pod", "free", {"metadata": {"labels": {"a": "b"}}}),
    "a pod of the Deployment is taken out": lambda s: merge(s, "Pod", s.pod, {"metadata": {"labels": {"app": None}}}),
    "a pod of the Deployment is deleted": lambda s: s.nadia.delete("Pod", s.ns, s.pod, dryRun="All"),
    "a pod of the Deployment is evicted": lambda s: s.evict(s.pod),
    "a ReplicaSet is annotated": lambda s: merge(s, "ReplicaSet", s.replica_set, {"metadata": {"annotations": {"note": "x"}}}),
    "a Deployment of before the claim scales": lambda s: merge(s, "Deployment", "early", {"spec": {"replicas": 2}}),
    "a debug container under Record": lambda s: patch(s, "Pod", s.pod, {"spec": {"ephemeralContainers": [
        {"name": "d", "image": "example.com/d:1"}]}}, sub="ephemeralcontainers"),
    "a clone is deleted": lambda s: s.nadia.delete("Deployment", s.ns, EU + "-candidate", dryRun="All"),
    "a Deployment comes without its pins": lambda s: create(s, workload("later", {"app": "later"})),
    "observed: the Service leads elsewhere": lambda s: merge(s, "Service", "observed", {"spec": {"selector": {"app": "other"}}}),
    "observed: the Service is deleted": lambda s: s.nadia.delete("Service", s.ns, "observed", dryRun="All"),
    "observed: another version": lambda s: patch(s, "Deployment", "observed", server(env=[{"name": "MODEL_VERSION", "value": "46"}])),
    "observed: a second Deployment": lambda s: create(s, workload("other", {"app": "observed"})),
    "observed: a Deployment comes with its version": lambda s: create(s, workload("observed-later", {"app": "x"}, pod_spec(
        container("server", MODEL_VERSION="45")))),
    "a request is annotated": lambda s: merge(s, "PromotionRequest", s.request, {"metadata": {"annotations": {"note": "x"}}}),
    **{f"an unrelated {kind}": lambda s, kind=kind: create(s, workload("own", {"app": "own"}, kind=kind))
       for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job")},
    # The control plane, with its own rights.
    "the HPA scales": lambda s: scaled(s, s.controller("horizontal-pod-autoscaler")),
    "the node controller deletes a pod": lambda s: s.controller("node-controller").delete("Pod", s.ns, s.pod, dryRun="All"),
    "a gate's pod is collected": lambda s: s.controller("pod-garbage-collector").delete("Pod", s.gates, s.gate_pod, dryRun="All"),
    "a node is drained of a gate": lambda s: s.evict(s.gate_pod, s.gates, who=s.admin),
    "an administrator releases a request": lambda s: s.admin.merge("PromotionRequest", s.ns, s.request, {"metadata": {"finalizers": None}}, dryRun="All"),
}


def scaled(s, api):
    path = api.path("Deployment", s.ns, EU, "scale")
    scale = api.call("GET", path).body
    scale["spec"]["replicas"] = 2
    return api.call("PUT", path, scale, dryRun="All")


def manager(s):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "priya-edits"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "priya"}]}
    s.admin.create(role, s.ns)
    return until("priya's right", lambda: [r for r in [patch(s, "Deployment", MANAGED, server(image="example.com/server:2"), who=s.priya)]
                                           if "cannot patch" not in r.message])[0]


@pytest.mark.parametrize("what", FREE)
def test_is_free(what, scene):
    reply = FREE[what](scene)
    assert reply.status in (200, 201), reply


def test_a_pod_under_record_can_be_entered(scene):
    """As far as a cluster without a node can tell."""
    assert "ValidatingAdmissionPolicy" not in enter(scene, scene.pod).message


def test_slices_of_the_entry_service_are_the_cluster_s_own(scene):
    assert scene.slice(EU)


def test_a_new_version_rolls_out(scene):
    """Deployment, ReplicaSet and pods, by the controllers."""
    scene.pin(EU, "47")

    def rolled():
        for each in scene.admin.list("Pod", scene.ns, labelSelector=f"app={EU}").body["items"]:
            for one in each["spec"]["containers"]:
                if {"name": "MODEL_VERSION", "value": "47"} in one.get("env", []):
                    return each["metadata"]["name"]
        return None

    until("a pod of version 47", rolled, 30)


def test_the_collector_deletes_no_claimed_deployment(scene):
    """The owner was there, and honest, until somebody deleted it."""
    owner = made(scene.nadia.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}}, scene.ns))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    for name in ("owned", "not-claimed"):
        made(scene.nadia.create(workload(name, {"app": name}, ownerReferences=[reference]), scene.ns))
    made(scene.operator.merge("Deployment", scene.ns, "owned", {"metadata": {"labels": {"stagekeeper.dev/target": "owned"}}}))
    assert scene.nadia.delete("ConfigMap", scene.ns, "owner").status == 200
    until("the other one is collected", lambda: scene.admin.get("Deployment", scene.ns, "not-claimed").status == 404, 60)
    time.sleep(2)
    assert scene.admin.get("Deployment", scene.ns, "owned").status == 200


def test_clones_are_collected_with_their_request(scene):
    request = made(scene.priya.create({**valid("PromotionRequest"), "metadata": {"name": "short"}}, scene.ns))
    reference = {"apiVersion": "stagekeeper.dev/v1alpha1", "kind": "PromotionRequest", "name": "short", "uid": request["metadata"]["uid"],
                 "controller": True, "blockOwnerDeletion": True}
    clone = workload("short-candidate", {"stagekeeper.dev/clone": "candidate"}, labels={"stagekeeper.dev/clone": "candidate"}, ownerReferences=[reference])
    made(scene.operator.create(clone, scene.ns))
    assert scene.priya.delete("PromotionRequest", scene.ns, "short", propagationPolicy="Foreground").status == 200
    until("the clone is collected", lambda: scene.admin.get("Deployment", scene.ns, "short-candidate").status == 404, 60)
    until("and the request", lambda: scene.admin.get("PromotionRequest", scene.ns, "short").status == 404, 60)


def test_a_large_template_costs_no_more_than_the_api_server_gives(scene):
    """Rules that run out of their budget refuse everything."""
    def many(name):
        return {**container(name, **{f"VARIABLE_{i}": "x" * 200 for i in range(100)}), "args": ["--flag=" + "y" * 200] * 50}
    big = pod_spec(*(many(n) for n in ["server"] + [f"side-{i}" for i in range(19)]), initContainers=[container("fetch")])
    made(scene.nadia.create(workload("big", {"app": "big"}, big), scene.ns))
    names = ",".join(["server/MODEL_VERSION"] + [f"side-{i}/PINNED_{i}" for i in range(15)])
    claim = {"metadata": {"labels": {"stagekeeper.dev/target": "big"}, "annotations": {"stagekeeper.dev/pin-env": names, "stagekeeper.dev/sequence": "1"}}}
    made(scene.admin.create(target("big", template={"managers": ["nadia"]}), scene.ns))
    made(scene.operator.merge("Deployment", scene.ns, "big", claim))
    time.sleep(1)
    assert made(patch(scene, "Deployment", "big", server(image="example.com/server:2")))
    for kind in ("Pod", "ReplicaSet"):
        until("it exists", lambda: [e for e in scene.admin.list(kind, scene.ns).body["items"] if e["metadata"]["name"].startswith("big-")])
    large = pod("large", {f"label-{i}": "x" * 60 for i in range(100)}, big)
    made(create(scene, large))


def test_a_namespace_with_all_of_it_can_be_deleted(admin, users, operator, installed, scene):
    name = "crdtest-gone-" + uuid.uuid4().hex[:6]
    made(admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
    made(admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "s"},
                       "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stagekeeper-serving"},
                       "subjects": [{"kind": "ServiceAccount", "name": "stagekeeper", "namespace": installed["operator"]}]}, name))
    made(admin.create(target(EU), name))
    made(admin.create(workload(EU, {"app": EU}), name))
    made(admin.create(service(EU, {"app": EU}), name))
    claim = {"metadata": {"labels": {"stagekeeper.dev/target": EU}}}
    until("the operator's right", lambda: operator.merge("Deployment", name, EU, claim).status == 200)
    until("pods", lambda: admin.list("Pod", name).body["items"])
    assert admin.delete("Namespace", None, name).status == 200
    until("gone", lambda: admin.get("Namespace", None, name).status == 404, 60)
