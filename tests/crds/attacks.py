"""Ways to put another model in front of users, or to have another one measured, with the rights of a namespace's admin: each
with the policy that refuses it, and words of the refusal that stand in one of the policy's rules and nowhere else."""

from dataclasses import dataclass
from typing import Callable

from scene import EU, GATE_JOB, GUARDED, MANAGED, Scene, container, pod, pod_spec, service, workload

STRATEGIC = "application/strategic-merge-patch+json"
OWNER = {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000"}]}


@dataclass(frozen=True)
class Attack:
    name: str
    policy: str
    words: str
    run: Callable
    says: str = ""  # what to do instead


ATTACKS = []




def each(policy, words, says, **runs):
    for name, run in runs.items():
        ATTACKS.append(Attack(name.replace("_", " "), "stagekeeper-" + policy, words, run, says))


def patch(s: Scene, kind, name, change, ns=None, sub=None, who=None, **query):
    api = who or s.nadia
    return api.call("PATCH", api.path(kind, ns or s.ns, name, sub), change, STRATEGIC, dryRun="All", **query)


def merge(s: Scene, kind, name, change, ns=None, sub=None, **query):
    return s.nadia.merge(kind, ns or s.ns, name, change, sub=sub, dryRun="All", **query)


def create(s: Scene, obj, ns=None):
    return s.nadia.create(obj, ns or s.ns, dry_run=True)


def delete(s: Scene, kind, name, ns=None):
    return s.nadia.delete(kind, ns or s.ns, name, dryRun="All")


def enter(s: Scene, name, sub="exec", ns=None):
    return s.nadia.call("POST", s.nadia.path("Pod", ns or s.ns, name, sub) + "?command=id&stdout=true")


def template(**spec):
    return {"spec": {"template": {"spec": spec}}}


def server(**fields):
    return template(containers=[{"name": "server", **fields}])


# --- the entry Service

each("entry-guard", "reach, so it stays", "create a PromotionRequest",
     selector_to_another_Deployment=lambda s: merge(s, "Service", EU, {"spec": {"selector": {"app": "other"}}}),
     selector_widened=lambda s: merge(s, "Service", EU, {"spec": {"selector": {"app": None, "team": "credit"}}}),
     selector_removed_for_slices_by_hand=lambda s: s.nadia.json_patch(
         "Service", s.ns, EU, [{"op": "remove", "path": "/spec/selector"}], dryRun="All"))
each("entry-guard", "lead users of", "by a Service of another name",
     target_port_moved=lambda s: merge(s, "Service", EU, {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9090}]}}),
     port_added=lambda s: merge(s, "Service", EU, {"spec": {"ports": [
         {"name": "http", "port": 80, "targetPort": "http"}, {"name": "other", "port": 81, "targetPort": 9090}]}}))
each("entry-guard", "to ready pods of its model", "use a Service of another name",
     Service_turned_into_an_external_name=lambda s: merge(s, "Service", GUARDED, {"spec": {
         "type": "ExternalName", "externalName": "example.com", "clusterIP": None, "clusterIPs": None}}),
     users_led_to_pods_that_are_not_ready=lambda s: merge(s, "Service", EU, {"spec": {"publishNotReadyAddresses": True}}))
each("entry-guard", "and cannot be deleted meanwhile", "delete the ServingTarget first",
     Service_deleted=lambda s: delete(s, "Service", EU),
     all_Services_deleted=lambda s: s.nadia.call("DELETE", s.nadia.path("Service", s.ns), fieldSelector=f"metadata.name={EU}", dryRun="All"))
each("entry-guard", "decide who routes", "leave them as they are",
     Service_given_to_another_proxy=lambda s: merge(s, "Service", EU, {"metadata": {"labels": {"service.kubernetes.io/service-proxy-name": "mine"}}}))
each("entry-guard", "would let the garbage collector delete", "ask a cluster admin",
     Service_with_an_owner_that_is_gone=lambda s: merge(s, "Service", EU, {"metadata": OWNER}))


def slices(name):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {
        "name": name, "labels": {"kubernetes.io/service-name": EU, "endpointslice.kubernetes.io/managed-by": "nadia"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}], "ports": [{"name": "http", "port": 8080}]}


each("entry-guard", "are written by the cluster from its selector only", "create a PromotionRequest",
     EndpointSlice_beside_the_real_ones=lambda s: create(s, slices("forged")),
     EndpointSlice_changed=lambda s: merge(s, "EndpointSlice", s.slice(EU), {"metadata": {"labels": {"a": "b"}}}),
     EndpointSlice_relabelled=lambda s: merge(s, "EndpointSlice", s.slice("free"), {"metadata": {"labels": {"kubernetes.io/service-name": EU}}}),
     Endpoints_by_hand=lambda s: merge(s, "Endpoints", EU, {"metadata": {"labels": {"a": "b"}}}))

# --- pods beside those of the Deployment

EU_LABELS = {"app": EU, "tier": "shadow"}
each("pod-guard", "would be taken for pods of Deployment", "give them labels of their own",
     second_Deployment_with_the_labels=lambda s: create(s, workload("other", EU_LABELS)),
     Deployment_relabelled=lambda s: merge(s, "Deployment", "free", {"spec": {"template": {"metadata": {"labels": {"app": EU, "free": "yes"}}}}}),
     Deployment_of_before_the_claim_changed=lambda s: patch(s, "Deployment", "early", server(image="example.com/other:3")),
     StatefulSet_with_the_labels=lambda s: create(s, workload("other", EU_LABELS, kind="StatefulSet")),
     DaemonSet_with_the_labels=lambda s: create(s, workload("other", EU_LABELS, kind="DaemonSet")),
     Job_with_the_labels=lambda s: create(s, workload("other", EU_LABELS, kind="Job")),
     CronJob_with_the_labels=lambda s: create(s, {
         "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "other"},
         "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": workload("x", EU_LABELS, kind="Job")["spec"]}}}),
     ReplicationController_with_the_labels=lambda s: create(s, workload("other", EU_LABELS, kind="ReplicationController")),
     pod_with_the_labels=lambda s: create(s, pod("other", EU_LABELS)),
     pod_relabelled=lambda s: merge(s, "Pod", "free", {"metadata": {"labels": {"app": EU}}}))
each("pod-guard", "are made by the cluster and stay as they were made; '\n+ 'change the Deployment", "change the Deployment",
     ReplicaSet_changed=lambda s: patch(s, "ReplicaSet", s.replica_set, server(env=[{"name": "MODEL_VERSION", "value": "3"}])),
     ReplicaSet_with_the_labels=lambda s: create(s, workload("other", EU_LABELS, kind="ReplicaSet")),
     ReplicaSet_that_calls_the_Deployment_its_owner=lambda s: create(s, workload(EU + "-bcdfg", {"x": "y"}, kind="ReplicaSet", ownerReferences=[s.reference("Deployment", EU)])),
     ReplicaSet_of_a_clone_changed=lambda s: patch(s, "ReplicaSet", s.clone_set, server(image="example.com/other:3")),
     ReplicaSet_disowned=lambda s: merge(s, "ReplicaSet", s.replica_set, {"metadata": {"ownerReferences": None}}))
each("pod-guard", "are made by the cluster and stay as they were made; '\n+ 'change the pod template", "change the pod template",
     image_of_a_pod_changed=lambda s: patch(s, "Pod", s.pod, {"spec": {"containers": [{"name": "server", "image": "example.com/other:3"}]}}),
     image_of_a_clone_s_pod_changed=lambda s: patch(s, "Pod", s.clone_pod, {"spec": {"containers": [{"name": "server", "image": "example.com/other:3"}]}}),
     pod_that_calls_the_ReplicaSet_its_owner=lambda s: create(s, pod("other", {"x": "y"}, ownerReferences=[s.reference("ReplicaSet", s.replica_set)])),
     pod_that_calls_the_clone_s_ReplicaSet_its_owner=lambda s: create(s, pod("other", {"x": "y"}, ownerReferences=[s.reference("ReplicaSet", s.clone_set)])),
     pod_disowned=lambda s: merge(s, "Pod", s.pod, {"metadata": {"ownerReferences": None}}))
each("pod-guard", "is a clone that gates measure or a ReplicaSet of", "instead",
     clone_scaled_to_nothing=lambda s: merge(s, "Deployment", EU + "-candidate", {"spec": {"replicas": 0}}, sub="scale"),
     ReplicaSet_scaled=lambda s: merge(s, "ReplicaSet", s.replica_set, {"spec": {"replicas": 3}}, sub="scale"))

# --- pod templates

each("template-guard", "stays as it was approved", "set Record for the time of the change",
     guarded_command_changed=lambda s: patch(s, "Deployment", GUARDED, server(command=["/other"])),
     guarded_args_changed=lambda s: patch(s, "Deployment", GUARDED, server(args=["--model=3"])),
     guarded_image_changed=lambda s: patch(s, "Deployment", GUARDED, server(image="example.com/other:3")),
     guarded_variable_added=lambda s: patch(s, "Deployment", GUARDED, server(env=[{"name": "X", "value": "3"}])),
     guarded_container_added=lambda s: patch(s, "Deployment", GUARDED, template(containers=[container("real")])),
     guarded_init_container_added=lambda s: patch(s, "Deployment", GUARDED, template(initContainers=[container("swap")])),
     guarded_volume_added=lambda s: patch(s, "Deployment", GUARDED, template(volumes=[{"name": "v", "emptyDir": {}}])),
     guarded_service_account_changed=lambda s: patch(s, "Deployment", GUARDED, template(serviceAccountName="robot")),
     guarded_template_labelled=lambda s: patch(s, "Deployment", GUARDED, {"spec": {"template": {"metadata": {"labels": {"inject": "yes"}}}}}),
     guarded_template_annotated=lambda s: patch(s, "Deployment", GUARDED, {"spec": {"template": {"metadata": {"annotations": {"inject": "yes"}}}}}))
each("template-guard", "change the pod template of Deployment '", "let one of them do it",
     image_changed_by_who_is_no_manager=lambda s: patch(s, "Deployment", MANAGED, server(image="example.com/other:3")))
each("template-guard", "envFrom could bring variables into Deployment", "name each variable in env",
     decoy_that_is_told_its_version_by_a_ConfigMap=lambda s: patch(s, "Deployment", EU, template(containers=[
         {**container("real"), "envFrom": [{"configMapRef": {"name": "versions"}}]}])))
each("template-guard", "pins variables of Deployment", "create it without them",
     Deployment_made_again_with_a_version=lambda s: create(s, workload("later", {"app": "later"}, pod_spec(container("server", MODEL_VERSION="3")))))
each("template-guard", "nobody enters a clone while gates measure it", "kubectl logs",
     exec_in_a_clone=lambda s: enter(s, s.clone_pod),
     attach_to_a_clone=lambda s: enter(s, s.clone_pod, "attach"),
     debug_container_in_a_clone=lambda s: debug(s, s.clone_pod))
each("template-guard", "so nobody enters its pods or adds containers to them", "set Record meanwhile",
     exec_in_a_guarded_pod=lambda s: enter(s, s.guarded_pod),
     debug_container_in_a_guarded_pod=lambda s: debug(s, s.guarded_pod))


def debug(s, name):
    return patch(s, "Pod", name, {"spec": {"ephemeralContainers": [{"name": "d", "image": "example.com/d:1"}]}}, sub="ephemeralcontainers")


each("alias-guard", "an alias in a command or an argument", "take the version from a pinned variable",
     alias_in_an_argument=lambda s: patch(s, "Deployment", EU, server(args=["serve", "--model=models:/credit-risk/Production"])),
     alias_in_a_command=lambda s: patch(s, "Deployment", EU, server(command=["sh", "-c", "serve models:/credit-risk@champion"])),
     alias_in_an_init_container=lambda s: patch(s, "Deployment", EU, template(initContainers=[{"name": "fetch", "args": ["credit-risk@prod"]}])))

# --- owners, finalizers, managers

each("pin-guard", "owners and finalizers of this Deployment", "delete its ServingTarget first",
     Deployment_with_an_owner_that_is_gone=lambda s: merge(s, "Deployment", EU, {"metadata": OWNER}),
     Deployment_with_a_finalizer=lambda s: merge(s, "Deployment", EU, {"metadata": {"finalizers": ["example.com/mine"]}}),
     clone_with_another_owner=lambda s: merge(s, "Deployment", EU + "-candidate", {"metadata": OWNER}))
each("pin-guard", "serves a promoted model and cannot be deleted while ServingTarget", "delete the ServingTarget first",
     Deployment_deleted_by_the_garbage_collector=lambda s: s.collector.delete("Deployment", s.ns, EU, dryRun="All"))


def squat(s, name):
    """The pins as they are, and a command that the operator's next apply would take away again."""
    body = s.pins(name, "46") if name == EU else {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
                                                  **template(containers=[{"name": "server"}])}
    body["spec"]["template"]["spec"]["containers"][0]["command"] = ["/other"]
    return s.nadia.call("PATCH", s.nadia.path("Deployment", s.ns, name), body, "application/apply-patch+yaml",
                        fieldManager="stagekeeper-pin", force="true", dryRun="All")


def written(s, name):
    """managedFields given by hand: the template's image as ours."""
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"server"}': {".": {}, "f:name": {}, "f:image": {}}}}}}}
    entry = {"manager": "stagekeeper-pin", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
    return merge(s, "Deployment", name, {"metadata": {"managedFields": [entry]}})


each("manager-guard", "field managers stagekeeper… are Stagekeeper's own", "use another field manager",
     field_manager_of_ours=lambda s: squat(s, EU),
     field_manager_of_ours_before_the_claim=lambda s: squat(s, "free"),
     field_manager_of_ours_as_a_User_Agent=lambda s: s.called("stagekeeper/1").call(
         "PATCH", s.nadia.path("Deployment", s.ns, EU), server(command=["/other"]), STRATEGIC, dryRun="All"),
     field_manager_of_ours_by_scale=lambda s: merge(s, "Deployment", EU, {"spec": {"replicas": 2}}, sub="scale", fieldManager="stagekeeper"),
     field_manager_of_ours_on_a_Service=lambda s: merge(s, "Service", EU, {"metadata": {"labels": {"a": "b"}}}, fieldManager="stagekeeper-traffic"),
     managedFields_written=lambda s: written(s, EU),
     managedFields_written_before_the_claim=lambda s: written(s, "free"),
     managedFields_written_after_the_release=lambda s: written(s, "released"),
     managedFields_reset=lambda s: merge(s, "Deployment", EU, {"metadata": {"managedFields": [{}]}}))

ADVICE = "can do it"
each("object-guard", "let the garbage collector delete an object that records speak of", ADVICE,
     request_with_an_owner=lambda s: merge(s, "PromotionRequest", s.request, {"metadata": OWNER}),
     version_with_an_owner=lambda s: merge(s, "ModelVersion", "credit-risk-47", {"metadata": OWNER}),
     version_made_with_an_owner=lambda s: create(s, s.version("48", OWNER)),
     target_with_an_owner=lambda s: merge(s, "ServingTarget", EU, {"metadata": OWNER}))
each("object-guard", "finalizers of this object are Stagekeeper", ADVICE,
     finalizer_of_a_request_removed=lambda s: s.hold_request() or merge(s, "PromotionRequest", s.request, {"metadata": {"finalizers": None}}),
     finalizer_on_a_target=lambda s: merge(s, "ServingTarget", EU, {"metadata": {"finalizers": ["example.com/mine"]}}))
each("object-guard", "is written by Stagekeeper only and computed anew", ADVICE,
     status_that_carries_a_ledger_forged=lambda s: merge(s, "ServingTarget", EU, {"status": {"serving": {"version": "3"}}}, sub="status"))

# --- labels of ours

OURS = {"stagekeeper.dev/clone": "candidate"}
each("label-guard", "labels and annotations stagekeeper.dev/… are written by Stagekeeper only; leave them out", "leave them out",
     pod_that_calls_itself_a_clone=lambda s: create(s, pod("other", OURS)),
     pod_that_begins_to_call_itself_a_clone=lambda s: merge(s, "Pod", "free", {"metadata": {"labels": OURS}}),
     clone_s_pod_relabelled=lambda s: merge(s, "Pod", s.clone_pod, {"metadata": {"labels": {"stagekeeper.dev/clone": "baseline"}}}),
     Service_that_calls_itself_ours=lambda s: merge(s, "Service", "free", {"metadata": {"labels": {"stagekeeper.dev/target": EU}}}))
each("label-guard", "say that a pod is a clone or a gate of Stagekeeper", "leave them out of pod templates",
     Deployment_whose_pods_call_themselves_clones=lambda s: create(s, workload("other", OURS)),
     StatefulSet_whose_pods_call_themselves_clones=lambda s: create(s, workload("other", OURS, kind="StatefulSet")),
     ReplicaSet_whose_pods_call_themselves_clones=lambda s: create(s, workload("other", OURS, kind="ReplicaSet")))
each("label-guard", "in a selector would send requests to clones", "select pods by labels of your own",
     Service_that_selects_clones=lambda s: create(s, service("other", OURS)),
     Service_that_begins_to_select_clones=lambda s: merge(s, "Service", "free", {"spec": {"selector": OURS}}))

# --- the gate namespace, for who has rights there

GATES = "gate-namespace"


def here(s, kind):
    made = workload("other", {"x": "y"}, kind=kind)
    made["spec"]["template"]["spec"] = s.gate_job("x")["spec"]["template"]["spec"] | {"restartPolicy": "Never" if kind == "Job" else "Always"}
    return made


def cron(s):
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "other"},
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": here(s, "Job")["spec"]}}}


each(GATES, "nothing but gate Jobs runs in the gate namespace", "in another namespace",
     **{f"{kind}_in_the_gate_namespace": lambda s, kind=kind: create(s, here(s, kind), s.gates)
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")},
     CronJob_in_the_gate_namespace=lambda s: create(s, cron(s), s.gates))
each(GATES, "only Stagekeeper creates, changes and deletes Jobs", "create a PromotionRequest",
     Job_in_the_gate_namespace=lambda s: create(s, here(s, "Job"), s.gates),
     Job_made_by_the_CronJob_controller=lambda s: s.cronjobs.create(here(s, "Job"), s.gates, dry_run=True),
     gate_Job_deleted=lambda s: delete(s, "Job", GATE_JOB, s.gates),
     gate_Job_changed=lambda s: merge(s, "Job", GATE_JOB, {"metadata": {"annotations": {"a": "b"}}}, s.gates))
each(GATES, "pods of the gate namespace come from gate Jobs only", "create a PromotionRequest",
     pod_in_the_gate_namespace=lambda s: create(s, {**pod("other", {"x": "y"}), "spec": here(s, "Job")["spec"]["template"]["spec"]}, s.gates))
each(GATES, "pods of the gate namespace and their results are changed by nobody", "create a new PromotionRequest",
     result_of_a_gate_forged=lambda s: merge(s, "Pod", s.gate_pod, {"status": {"message": "pass"}}, s.gates, sub="status"),
     gate_s_pod_changed=lambda s: merge(s, "Pod", s.gate_pod, {"metadata": {"labels": {"a": "b"}}}, s.gates))
each(GATES, "pods of the gate namespace are deleted by nobody", "delete the PromotionRequest",
     gate_s_pod_deleted=lambda s: delete(s, "Pod", s.gate_pod, s.gates))
each(GATES, "pods of the gate namespace are evicted by who drains nodes only", "delete the PromotionRequest",
     gate_s_pod_evicted=lambda s: s.evict(s.gate_pod, s.gates))
each(GATES, "nobody enters a gate pod while it measures", "kubectl logs",
     exec_in_a_gate=lambda s: enter(s, s.gate_pod, ns=s.gates),
     attach_to_a_gate=lambda s: enter(s, s.gate_pod, "attach", ns=s.gates))
