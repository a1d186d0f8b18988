"""The admission policies, each with the right and the wrong user, on a real API server."""

import copy
import time

import pytest

from cluster import Api, valid
from scene import until

GROUPS = ["system:authenticated"]


def request(name="r", **spec):
    obj = valid("PromotionRequest")
    obj["metadata"] = {"generateName": name + "-"}
    obj["spec"] = {key: value for key, value in {**obj["spec"], **spec}.items() if value is not None}
    return obj


def approval(**spec):
    obj = valid("Approval")
    obj["spec"].update(spec)
    return obj


# --- who asks, who approves -------------------------------------------------------------------------------------------

def test_requester_and_approver_are_filled_in(filled_in, users, ns):
    made = users["priya"].create(request(), ns)
    assert made.status == 201, made
    assert made.body["spec"]["requester"]["username"] == "priya"
    assert made.body["spec"]["requester"]["uid"] == "uid-priya"
    assert set(made.body["spec"]["requester"]["groups"]) == {"data-science", "system:authenticated"}
    made = users["alice"].create(approval(), ns)
    assert made.status == 201, made
    assert made.body["spec"]["approver"]["username"] == "alice" and "mrm" in made.body["spec"]["approver"]["groups"]


@pytest.mark.parametrize("given", [{"username": "priya"}, {"username": "priya", "groups": ["data-science"]}, {}, {"uid": "uid-priya"}])
def test_what_is_written_truly_is_kept_and_the_rest_filled_in(given, filled_in, users, ns):
    made = users["priya"].create(request(requester=copy.deepcopy(given)), ns, dry_run=True)
    assert made.status == 201, made
    got = made.body["spec"]["requester"]
    assert got["username"] == "priya" and got["uid"] == "uid-priya"
    assert got["groups"] == given.get("groups", got["groups"])


def test_a_user_without_uid_or_with_many_odd_groups_can_ask(admin, ns):
    """Certificates and impersonation give no uid; directories give many, long and doubled groups."""
    groups = [f"g{i}" for i in range(600)] + ["g0", "x" * 600]
    carol = Api(like=admin, impersonate=[("Impersonate-User", "carol"), *[("Impersonate-Group", g) for g in groups]])
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "g7"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stagekeeper-requester"},
            "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "g7"}]}
    assert admin.create(role, ns).status == 201
    asks = copy.deepcopy(role)
    asks["metadata"]["name"], asks["roleRef"] = "g7-asks", {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "asks"}
    assert admin.create(asks, ns).status == 201
    time.sleep(1)
    reply = carol.create(request(), ns, dry_run=True)
    assert reply.status == 201, reply
    requester = reply.body["spec"]["requester"]
    assert requester["username"] == "carol" and "uid" not in requester
    assert len(requester["groups"]) == 512 == len(set(requester["groups"]))


@pytest.mark.parametrize("spec", [None, "x", [], {"requester": None}, {"requester": "priya"}, {"requester": []}])
def test_filling_in_never_fails_itself(spec, filled_in, users, ns):
    """Whatever is wrong, the schema says so, not the mutation."""
    obj = request()
    obj["spec"] = {**obj["spec"], **spec} if isinstance(spec, dict) else spec
    reply = users["priya"].create(obj, ns, dry_run=True)
    assert "MutatingAdmissionPolicy" not in reply.message and "stamp" not in reply.message, reply
    assert reply.status in (201, 400, 422), reply


def test_applying_again_changes_nothing(filled_in, users, ns):
    """As GitOps tools do, with a manifest that does not know who was filled in."""
    manifest = valid("PromotionRequest")
    manifest["metadata"]["name"] = "applied"
    first = users["priya"].apply(manifest, ns, "gitops")
    assert first.status == 201 and first.body["spec"]["requester"]["username"] == "priya", first
    again = users["priya"].apply(manifest, ns, "gitops")
    assert again.status == 200 and again.body["spec"] == first.body["spec"], again
    manifest["spec"]["version"] = "48"
    assert "spec is immutable" in users["priya"].apply(manifest, ns, "gitops").message


@pytest.mark.parametrize("claim,message", [
    ({"username": "alice"}, "spec.requester.username must be your own user name, priya"),
    ({"username": "priya", "uid": "uid-alice"}, "spec.requester.uid must be your own uid"),
    ({"username": "priya", "groups": ["data-science", "mrm"]}, "spec.requester.groups must be groups of your own"),
])
def test_nobody_asks_in_another_name(claim, message, users, ns):
    reply = users["priya"].create(request(requester=claim), ns, dry_run=True)
    assert reply.status == 403 and message in reply.message, reply


@pytest.mark.parametrize("claim,message", [
    ({"username": "bob"}, "spec.approver.username must be your own user name, alice"),
    ({"username": "alice", "uid": "uid-bob"}, "spec.approver.uid must be your own uid"),
    ({"username": "alice", "groups": ["retail-credit"]}, "spec.approver.groups must be groups of your own"),
])
def test_nobody_approves_in_another_name(claim, message, users, ns):
    reply = users["alice"].create(approval(approver=claim), ns, dry_run=True)
    assert reply.status == 403 and message in reply.message, reply


def version(number, **spec):
    obj = valid("ModelVersion")
    obj["metadata"]["name"] = f"credit-risk-{number}"
    obj["spec"].update(version=str(number), **spec)
    return obj


def test_who_does_not_say_who_he_is_is_refused_where_nothing_fills_it_in(admin, users, ns):
    """And told what to do. Up to Kubernetes 1.35, or where the chart was told to fill in nothing."""
    if admin.fills_in:
        pytest.skip("this API server fills it in")
    for user, made, field in [("priya", request(), "requester"), ("alice", approval(), "approver"), ("priya", version(104), "registeredBy")]:
        reply = users[user].call("POST", Api.path(made["kind"], ns), made, dryRun="All")
        assert reply.status in (403, 422) and f"spec.{field}" in reply.message, reply
        assert "kubectl stagekeeper create" in reply.message, reply


def test_who_registers_a_version_is_filled_in(filled_in, users, robot, ns):
    made = users["priya"].create(version(101), ns)
    assert made.status == 201, made
    assert made.body["spec"]["registeredBy"]["username"] == "priya" and made.body["spec"]["registeredBy"]["uid"] == "uid-priya"
    assert "data-science" in made.body["spec"]["registeredBy"]["groups"]
    again = users["priya"].apply(version(101), ns, "gitops")
    assert again.status == 200 and again.body["spec"] == made.body["spec"], again
    made = robot.create(version(102), ns, dry_run=True)
    assert made.status == 201 and made.body["spec"]["registeredBy"]["username"].endswith(":robot"), made


@pytest.mark.parametrize("claim,message", [
    ({"username": "alice"}, "spec.registeredBy.username must be your own user name, priya"),
    ({"username": "priya", "uid": "uid-alice"}, "spec.registeredBy.uid must be your own uid"),
    ({"username": "priya", "groups": ["mrm"]}, "spec.registeredBy.groups must be groups of your own"),
])
def test_nobody_registers_in_another_name(claim, message, users, ns):
    reply = users["priya"].create(version(103, registeredBy=claim), ns, dry_run=True)
    assert reply.status == 403 and message in reply.message, reply


def test_service_accounts_ask_but_do_not_approve(robot, ns):
    assert robot.create(request(), ns, dry_run=True).status == 201
    reply = robot.create(approval(), ns, dry_run=True)
    assert reply.status == 403 and "cannot approve, because it is not a person" in reply.message, reply


# --- verbs ------------------------------------------------------------------------------------------------------------

def test_promote_needs_its_verb(users, ns):
    reply = users["mallory"].create(request(), ns, dry_run=True)
    assert reply.status == 403, reply
    assert (f"mallory lacks the verb promote on modelstages.stagekeeper.dev named production or credit-risk.production in namespace {ns}"
            in reply.message)
    assert "--verb=promote --resource=modelstages.stagekeeper.dev --resource-name=credit-risk.production" in reply.message


@pytest.mark.parametrize("spec,status,verb", [
    ({}, 201, ""),                                                   # credit-risk.production
    ({"stage": "Staging"}, 201, ""),                                 # staging, any model
    ({"stage": "Staging", "model": "fraud"}, 201, ""),
    ({"model": "fraud"}, 403, "promote on modelstages.stagekeeper.dev named production or fraud.production"),
    ({"stage": "QA"}, 403, "promote on modelstages.stagekeeper.dev named qa or credit-risk.qa"),
    ({"action": "Rollback"}, 201, ""),
    ({"action": "Rollback", "model": "fraud"}, 403, "rollback on modelstages.stagekeeper.dev named production"),
    ({"action": "Archive", "stage": "Archived"}, 201, ""),
    ({"action": "Archive", "stage": "Archived", "model": "fraud"}, 201, ""),
    ({"action": "Abort", "request": {"name": "r"}, "version": None}, 403, "abort on modelstages.stagekeeper.dev named production"),
    ({"action": "Adopt"}, 403, "adopt on modelstages.stagekeeper.dev named production"),
])
def test_verb_by_action_and_stage(spec, status, verb, users, ns):
    reply = users["priya"].create(request(**spec), ns, dry_run=True)
    assert reply.status == status and verb in reply.message, reply


def test_approve_needs_its_verb(users, ns):
    assert users["alice"].create(approval(), ns, dry_run=True).status == 201
    for user, spec in [("bob", {}), ("alice", {"stage": "Staging"}), ("alice", {"model": "fraud"}), ("mallory", {})]:
        reply = users[user].create(approval(**spec), ns, dry_run=True)
        assert reply.status == 403 and f"{user} lacks the verb approve on modelstages.stagekeeper.dev named" in reply.message, reply


def test_approvals_are_only_created(users, ns):
    name = users["alice"].create(approval(), ns).body["metadata"]["name"]
    assert users["alice"].merge("Approval", ns, name, {"metadata": {"labels": {"a": "b"}}}).status == 403
    assert users["alice"].delete("Approval", ns, name).status == 403
    assert users["nadia"].create(approval(), ns, dry_run=True).status == 403     # a namespace admin is no approver
    assert users["nadia"].delete("Approval", ns, name).status == 403


# --- pins -------------------------------------------------------------------------------------------------------------

def deployment(name="eu", **env):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 0, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [
            {"name": "server", "image": "example.com/server:1", "env": [{"name": k, "value": v} for k, v in env.items()]},
            {"name": "sidecar", "image": "example.com/sidecar:1"}],
            "initContainers": [{"name": "fetch", "image": "example.com/fetch:1"}]}}}}


@pytest.fixture
def pinned(users, operator, admin, ns, request):
    """A Deployment of nadia's that the operator has claimed and pinned to version 46."""
    name = "d" + str(abs(hash(request.node.nodeid)))[:10]
    assert users["nadia"].create(deployment(name, LOG_LEVEL="info"), ns).status == 201
    head = {"apiVersion": "apps/v1", "kind": "Deployment"}
    claim = {**head, "metadata": {"name": name, "labels": {"stagekeeper.dev/target": "credit-risk-eu"}, "annotations": {
        "stagekeeper.dev/pin-env": "server/MODEL_VERSION,fetch/MODEL_URI"}}}
    assert operator.apply(claim, ns, "stagekeeper").status == 200
    pin = {**head, "metadata": {"name": name, "annotations": {"stagekeeper.dev/sequence": "1", "stagekeeper.dev/record": "sha256:00"}},
           "spec": {"template": {"spec": {
               "containers": [{"name": "server", "env": [{"name": "MODEL_VERSION", "value": "46"}]}],
               "initContainers": [{"name": "fetch", "env": [{"name": "MODEL_URI", "value": "models:/credit-risk/46"}]}]}}}}
    reply = operator.apply(pin, ns, "stagekeeper-pin")
    assert reply.status == 200, reply
    yield name
    operator.delete("Deployment", ns, name)


def init(**env):
    return {"spec": {"template": {"spec": {"initContainers": [
        {"name": "fetch", "env": [{"name": k, "value": v} for k, v in env.items()]}]}}}}


def containers(**env):
    return {"spec": {"template": {"spec": {"containers": [
        {"name": "server", "env": [{"name": k, "value": v} for k, v in env.items()]}]}}}}


PIN = "say which model version serves, and are written by Stagekeeper only; create a PromotionRequest instead"
LABELS = "labels stagekeeper.dev/… are written by Stagekeeper only"
ANNOTATIONS = "annotations stagekeeper.dev/… are written by Stagekeeper only"
STRATEGIC = "application/strategic-merge-patch+json"
EDITS = [
    (containers(MODEL_VERSION="47"), PIN),
    (init(MODEL_URI="models:/credit-risk/47"), PIN),
    ({"spec": {"template": {"spec": {"initContainers": [{"name": "fetch", "env": [{"$patch": "delete", "name": "MODEL_URI"}]}]}}}}, PIN),
    ({"spec": {"template": {"spec": {"initContainers": [{"$patch": "delete", "name": "fetch"}]}}}}, PIN),
    ({"spec": {"template": {"spec": {"containers": [{"name": "server", "env": [{"$patch": "delete", "name": "MODEL_VERSION"}]}]}}}}, PIN),
    ({"spec": {"template": {"spec": {"containers": [{"$patch": "delete", "name": "server"}]}}}}, PIN),
    ({"metadata": {"labels": {"stagekeeper.dev/target": None}}}, LABELS),
    ({"metadata": {"labels": {"stagekeeper.dev/target": "other"}}}, LABELS),
    ({"metadata": {"labels": {"stagekeeper.dev/clone": "candidate"}}}, LABELS),
    ({"metadata": {"annotations": {"stagekeeper.dev/sequence": "2"}}}, ANNOTATIONS),
    ({"metadata": {"annotations": {"stagekeeper.dev/record": None}}}, ANNOTATIONS),
    ({"metadata": {"annotations": {"stagekeeper.dev/pin-env": "OTHER"}}}, ANNOTATIONS),
    ({"metadata": {"annotations": {"stagekeeper.dev/pinned-at": "2026-11-21T09:30:00Z"}}}, ANNOTATIONS),
]


@pytest.mark.parametrize("edit,message", EDITS, ids=range(len(EDITS)))
def test_pins_change_only_by_the_operator(edit, message, pinned, users, operator, admin, ns):
    path = users["nadia"].path("Deployment", ns, pinned)
    for who in (users["nadia"], admin):
        reply = who.call("PATCH", path, edit, STRATEGIC, dryRun="All")
        assert reply.status == 403 and message in reply.message, reply
    assert operator.call("PATCH", path, edit, STRATEGIC, dryRun="All").status in (200, 422)


@pytest.mark.parametrize("annotations", [
    {"stagekeeper.dev/sequence": "999"}, {"stagekeeper.dev/record": None}], ids=["raised", "removed"])
def test_a_write_of_the_status_changes_no_annotation(annotations, pinned, admin, ns):
    """The API server keeps spec and labels then, but not annotations."""
    patch = {"metadata": {"annotations": annotations}}
    reply = admin.merge("Deployment", ns, pinned, patch, sub="status", dryRun="All")
    assert reply.status == 403 and ANNOTATIONS in reply.message, reply
    note = {"metadata": {"annotations": {"note": "x"}}}
    assert admin.merge("Deployment", ns, pinned, note, sub="status", dryRun="All").status == 200


def test_unlabel_and_repin_at_once_is_refused(pinned, users, ns):
    edit = {**containers(MODEL_VERSION="47"), "metadata": {"labels": {"stagekeeper.dev/target": None}, "annotations": {
        "stagekeeper.dev/pin-env": None, "stagekeeper.dev/sequence": None, "stagekeeper.dev/record": None}}}
    assert users["nadia"].call("PATCH", users["nadia"].path("Deployment", ns, pinned), edit, STRATEGIC).status == 403


@pytest.mark.parametrize("edit", [
    {"spec": {"replicas": 3}},
    containers(LOG_LEVEL="debug"),
    init(LOG_LEVEL="debug"),
    # The same names in containers that are not pinned are somebody else's.
    {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "env": [{"name": "MODEL_VERSION", "value": "own"}]}]}}}},
    containers(MODEL_URI="x"),
    {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "example.com/sidecar:2"}]}}}},
    {"spec": {"template": {"spec": {"containers": [{"name": "extra", "image": "example.com/x:1", "env": [{"name": "A", "value": "b"}]}]}}}},
    {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T09:30:00Z"}}}}},
    {"metadata": {"labels": {"team": "credit"}, "annotations": {"note": "x"}}},
], ids=range(9))
def test_other_edits_pass(edit, pinned, users, ns):
    reply = users["nadia"].call("PATCH", users["nadia"].path("Deployment", ns, pinned), edit, STRATEGIC, dryRun="All")
    assert reply.status == 200, reply


def test_scaling_passes(pinned, users, ns):
    assert users["nadia"].merge("Deployment", ns, pinned, {"spec": {"replicas": 0}}, sub="scale").status == 200


def test_a_manifest_without_pins_applies(pinned, users, ns):
    manifest = deployment(pinned, LOG_LEVEL="warn")
    reply = users["nadia"].call("PATCH", users["nadia"].path("Deployment", ns, pinned), manifest, "application/apply-patch+yaml",
                                fieldManager="kubectl", force="true")
    assert reply.status == 200, reply
    env = {e["name"]: e["value"] for e in reply.body["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["MODEL_VERSION"] == "46" and env["LOG_LEVEL"] == "warn"


def test_deletion(pinned, users, admin, operator, ns):
    for who in (users["nadia"], admin):
        reply = who.delete("Deployment", ns, pinned)
        assert reply.status == 403 and "while ServingTarget credit-risk-eu claims it" in reply.message, reply
    reply = users["nadia"].call("DELETE", users["nadia"].path("Deployment", ns), fieldSelector=f"metadata.name={pinned}")
    assert reply.status == 403, reply
    assert operator.delete("Deployment", ns, pinned, dryRun="All").status == 200


@pytest.mark.parametrize("metadata", [
    {"labels": {"stagekeeper.dev/target": "x"}}, {"labels": {"stagekeeper.dev/clone": "candidate"}},
    {"annotations": {"stagekeeper.dev/sequence": "1"}}])
def test_our_metadata_is_not_forged(metadata, users, operator, ns):
    kind, obj = "Deployment", deployment("forged")
    obj["metadata"].update(metadata)
    reply = users["nadia"].create(obj, ns, dry_run=True)
    assert reply.status == 403 and "are written by Stagekeeper only; create the object without them" in reply.message, reply
    assert operator.create(obj, ns, dry_run=True).status == 201
    plain = copy.deepcopy(obj)
    plain["metadata"] = {"name": "plain-" + kind.lower()}
    assert users["nadia"].create(plain, ns).status in (201, 409)
    assert users["nadia"].merge(kind, ns, plain["metadata"]["name"], {"metadata": metadata}).status == 403


def test_a_clone_stays_what_the_operator_made(users, operator, admin, ns):
    clone = deployment("eu-candidate", MODEL_VERSION="47")
    clone["metadata"]["labels"] = {"stagekeeper.dev/clone": "candidate"}
    assert operator.create(clone, ns).status == 201
    reply = users["nadia"].merge("Deployment", ns, "eu-candidate", {"spec": {"template": {"spec": {"hostNetwork": True}}}})
    assert reply.status == 403 and "a clone that gates measure" in reply.message, reply
    assert users["nadia"].delete("Deployment", ns, "eu-candidate").status == 200


def test_namespaces_with_pinned_deployments_can_be_deleted(admin, operator, installed):
    name = f"crdtest-gone-{int(time.time())}"
    assert admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).status == 201
    owned = deployment("eu")
    owned["metadata"]["labels"] = {"stagekeeper.dev/target": "x"}
    assert admin.create({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "s"},
                         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stagekeeper-serving"},
                         "subjects": [{"kind": "ServiceAccount", "name": "stagekeeper", "namespace": installed["operator"]}]}, name).status == 201
    time.sleep(1)
    assert operator.create(owned, name).status == 201
    assert admin.delete("Namespace", None, name).status == 200
    for _ in range(60):
        if admin.get("Namespace", None, name).status == 404:
            return
        time.sleep(0.5)
    pytest.fail(str(admin.get("Namespace", None, name)))


# --- aliases ----------------------------------------------------------------------------------------------------------

ALIASES = [("OTHER", "models:/credit-risk/Production"), ("OTHER", "models:/credit-risk@champion"), ("OTHER", "MODELS:/x/latest"),
           ("OTHER", "@champion"), ("OTHER", "credit-risk@Prod"), ("MODEL_VERSION", "Latest"), ("MODEL_VERSION", "champion"),
           ("MODEL_VERSION", "STABLE"), ("MODEL_VERSION", "@blue")]


@pytest.mark.parametrize("name,value", ALIASES)
def test_aliases_are_refused_for_everybody(name, value, pinned, operator, ns):
    reply = operator.call("PATCH", operator.path("Deployment", ns, pinned), containers(**{name: value}), STRATEGIC, dryRun="All")
    assert reply.status == 403 and ("an alias such as" in reply.message or "never an alias" in reply.message), reply


@pytest.mark.parametrize("name,value", [("OTHER", "models:/credit-risk/47"), ("OTHER", "models:/m-0a1b2c"), ("OTHER", "team@example.com"),
                                        ("OTHER", "production"), ("MODEL_VERSION", "47"), ("MODEL_URI", "s3://models/credit-risk/47/model.json")])
def test_versions_pass(name, value, pinned, operator, ns):
    reply = operator.call("PATCH", operator.path("Deployment", ns, pinned), containers(**{name: value}), STRATEGIC, dryRun="All")
    assert reply.status == 200, reply


def test_a_deployment_with_an_alias_cannot_be_claimed(users, operator, ns):
    assert users["nadia"].create(deployment("aliased", MODEL="models:/credit-risk/Production"), ns).status == 201
    reply = operator.merge("Deployment", ns, "aliased", {"metadata": {"labels": {"stagekeeper.dev/target": "x"}}})
    assert reply.status == 403 and "write the version number" in reply.message, reply


def test_a_deployment_that_takes_its_pin_from_elsewhere_cannot_be_claimed(users, operator, ns):
    obj = deployment("taken")
    reference = {"name": "MODEL_VERSION", "valueFrom": {"configMapKeyRef": {"name": "versions", "key": "v"}}}
    obj["spec"]["template"]["spec"]["containers"][0]["env"] = [reference]
    assert users["nadia"].create(obj, ns).status == 201
    claim = {"metadata": {"labels": {"stagekeeper.dev/target": "x"}, "annotations": {"stagekeeper.dev/pin-env": "server/MODEL_VERSION"}}}
    reply = operator.merge("Deployment", ns, "taken", claim)
    assert reply.status == 403 and "remove its valueFrom" in reply.message, reply


# --- gate namespace ---------------------------------------------------------------------------------------------------

def job(name):
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never", "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "gate", "image": "example.com/gate:1", "securityContext": {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}]}}}}


def test_only_the_operator_makes_gate_jobs(admin, operator, installed):
    gates = installed["gates"]
    reply = admin.create(job("forged"), gates)
    assert reply.status == 403 and "only Stagekeeper creates, changes and deletes Jobs" in reply.message, reply
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "forged"}, "spec": job("x")["spec"]["template"]["spec"]}
    reply = admin.create(pod, gates)
    assert reply.status == 403 and "come from gate Jobs only" in reply.message, reply
    assert operator.create(pod, gates).status == 403

    name = f"g-test-{int(time.time())}"
    assert operator.create(job(name), gates).status == 201
    try:
        for _ in range(40):
            pods = operator.list("Pod", gates, labelSelector=f"job-name={name}").body["items"]
            if pods:
                break
            time.sleep(0.5)
        assert pods, "the Job controller could not create the pod"
        pod = pods[0]["metadata"]["name"]
        reply = admin.merge("Job", gates, name, {"metadata": {"annotations": {"stagekeeper.dev/nonce": "00"}}})
        assert reply.status == 403 and "only Stagekeeper creates, changes and deletes Jobs" in reply.message, reply
        for sub in (None, "status"):
            reply = admin.merge("Pod", gates, pod, {"metadata": {"labels": {"a": "b"}}}, sub=sub)
            assert reply.status == 403 and "their results are changed by nobody" in reply.message, reply
        reply = admin.call("POST", f"/api/v1/namespaces/{gates}/pods/{pod}/exec?command=id&container=gate&stdout=true")
        assert reply.status == 403 and "nobody enters a gate pod" in reply.message, reply
    finally:
        assert operator.delete("Job", gates, name, propagationPolicy="Background").status == 200


# --- rights -----------------------------------------------------------------------------------------------------------

def allowed(admin, user, ns, verb, group, resource, name=""):
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": user, "groups": GROUPS + (
        ["system:serviceaccounts"] if user.startswith("system:serviceaccount") else []), "resourceAttributes": {
            "namespace": ns, "verb": verb, "group": group, "resource": resource.split("/")[0], "name": name,
            "subresource": resource.split("/")[1] if "/" in resource else ""}}}
    return admin.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review).body["status"]["allowed"]


OTHER = {"username": "stagekeeper:somebody-else"}


def forged(kind):
    """What the operator sends to try whether forgeries are refused; see src/promotion/admission."""
    if kind == "Deployment":
        obj = deployment("stagekeeper-canary")
        obj["metadata"]["labels"] = {"stagekeeper.dev/target": "stagekeeper-canary"}
        return obj
    obj = approval(stage="StagekeeperCanary", approver=OTHER) if kind == "Approval" else request(stage="StagekeeperCanary", requester=OTHER)
    obj["metadata"] = {"name": "stagekeeper-canary"}
    return obj


@pytest.mark.parametrize("kind, policy, says", [
    ("Approval", "stagekeeper-approver", "spec.approver.username must be your own user name"),
    ("PromotionRequest", "stagekeeper-requester", "spec.requester.username must be your own user name"),
    ("Deployment", "stagekeeper-pin-guard", "written by Stagekeeper only")])
def test_the_policy_that_is_tried_refuses_the_forgery_and_no_other_does(kind, policy, says, operator, admin, ns):
    tried = operator.create(forged(kind), ns, dry_run=True)
    assert tried.status == 403, tried
    assert f"ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request" in tried.message
    assert says in tried.message
    if kind == "Deployment":
        return  # the operator makes clones with its labels: only this name is refused, and only as a dry run
    kept = operator.create(forged(kind), ns)
    assert kept.status == 403 and admin.get(kind, ns, "stagekeeper-canary").status == 404


def test_without_its_policy_a_forgery_is_let_through_as_a_dry_run_only(operator, admin, ns):
    """The control: the binding is what refuses it, and what is left refuses to store it."""
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/stagekeeper-approver"
    binding = admin.call("GET", path).body
    assert admin.call("DELETE", path).status == 200
    try:
        until("the forgery is let through", lambda: operator.create(forged("Approval"), ns, dry_run=True).status == 201)
        kept = operator.create(forged("Approval"), ns)
        assert kept.status == 403 and "stagekeeper-operator-guard" in kept.message, kept
    finally:
        metadata = {key: binding["metadata"][key] for key in ("name", "labels", "annotations") if key in binding["metadata"]}
        put_back = admin.call("POST", path.rpartition("/")[0], {**binding, "metadata": metadata})
        assert put_back.status == 201, put_back
    until("it is refused again", lambda: operator.create(forged("Approval"), ns, dry_run=True).status == 403)


def test_rights_of_the_operator(admin, ns, installed):
    me = f"system:serviceaccount:{installed['operator']}:stagekeeper"
    outside = "kube-system"
    yes = [(ns, "patch", "apps", "deployments"), (ns, "list", "apps", "replicasets"), (ns, "list", "", "pods"),
           (outside, "patch", "stagekeeper.dev", "gateclasses/status"), (ns, "list", "policy", "poddisruptionbudgets"),
           (outside, "list", "apps", "deployments"), (outside, "patch", "stagekeeper.dev", "promotionrequests/status"),
           (installed["gates"], "create", "batch", "jobs"), (installed["gates"], "list", "", "pods"),
           (outside, "create", "stagekeeper.dev", "approvals"), (outside, "create", "stagekeeper.dev", "promotionrequests"),
           (outside, "promote", "stagekeeper.dev", "modelstages", "stagekeepercanary"),
           (outside, "create", "events.k8s.io", "events"), ("", "create", "authorization.k8s.io", "subjectaccessreviews")]
    no = [(outside, "patch", "apps", "deployments"), (ns, "create", "", "services"), (ns, "delete", "", "services"),
          (outside, "list", "", "pods"), (outside, "list", "apps", "replicasets"), (ns, "delete", "", "pods"), (ns, "get", "", "secrets"),
          (installed["operator"], "get", "", "secrets"), (installed["gates"], "list", "", "secrets"), (ns, "create", "", "pods/exec"),
          ("", "impersonate", "", "users"), ("", "escalate", "rbac.authorization.k8s.io", "clusterroles"),
          ("", "bind", "rbac.authorization.k8s.io", "clusterroles"), (ns, "patch", "stagekeeper.dev", "approvals"),
          (ns, "patch", "stagekeeper.dev", "modelversions"), (ns, "patch", "stagekeeper.dev", "promotionpolicies"),
          (ns, "create", "", "pods"), (installed["gates"], "create", "", "pods"), (ns, "create", "batch", "jobs"),
          (ns, "approve", "stagekeeper.dev", "modelstages"), (ns, "promote", "stagekeeper.dev", "modelstages")]
    assert [r for r in yes if not allowed(admin, me, *r)] == []
    assert [r for r in no if allowed(admin, me, *r)] == []


def test_rights_of_people(admin, ns):
    """Namespace admins see and ask; they neither approve nor set what is demanded."""
    for verb, resource in [("list", "approvals"), ("create", "promotionrequests"), ("create", "modelversions")]:
        assert allowed(admin, "nadia", ns, verb, "stagekeeper.dev", resource), resource
    for verb, resource, name in [("create", "approvals", ""), ("approve", "modelstages", "production"), ("promote", "modelstages", "production"),
                                 ("patch", "promotionpolicies", ""), ("patch", "servingtargets", ""), ("patch", "promotionrequests/status", "")]:
        assert not allowed(admin, "nadia", ns, verb, "stagekeeper.dev", resource, name), resource
    assert allowed(admin, "alice", ns, "approve", "stagekeeper.dev", "modelstages", "credit-risk.production")
    assert not allowed(admin, "alice", ns, "approve", "stagekeeper.dev", "modelstages", "production")


# --- policies ---------------------------------------------------------------------------------------------------------

def test_policies_fail_closed_and_deny(admin):
    base = "/apis/admissionregistration.k8s.io/v1/"
    policies = [p for p in admin.call("GET", base + "validatingadmissionpolicies").body["items"] if p["metadata"]["name"].startswith("stagekeeper-")]
    bindings = {b["spec"]["policyName"]: b["spec"] for b in admin.call("GET", base + "validatingadmissionpolicybindings").body["items"]}
    assert len(policies) == 15
    for policy in policies:
        name = policy["metadata"]["name"]
        assert policy["spec"]["failurePolicy"] == "Fail", name
        # Every parameter of the namespace counts, and a namespace without one is free.
        binding = copy.deepcopy(bindings[name])
        if name in ("stagekeeper-entry-guard", "stagekeeper-template-guard", "stagekeeper-pod-guard"):
            # Never a built-in kind: the API server goes on with an old copy of it once a policy was removed and comes again.
            assert policy["spec"].pop("paramKind") == {"apiVersion": "stagekeeper.dev/v1alpha1", "kind": "ServingTarget"}
            assert binding.pop("paramRef") == {"selector": {}, "parameterNotFoundAction": "Allow"}, name
        assert "paramKind" not in policy["spec"], name
        assert binding == {"policyName": name, "validationActions": ["Deny", "Audit"]}, name
        assert not policy.get("status", {}).get("typeChecking", {}).get("expressionWarnings"), policy["status"]
    if not admin.fills_in:
        return
    stamps = [p for p in admin.call("GET", base + "mutatingadmissionpolicies").body["items"] if p["metadata"]["name"].startswith("stagekeeper-")]
    assert [p["spec"]["failurePolicy"] for p in stamps] == ["Fail"] * 3
