"""Needs KUBECONFIG (a cluster admin), and users with tokens in users/<name>.kubeconfig beside it or in STAGEKEEPER_USERS.
Where Stagekeeper is not installed yet, the chart is installed with no running pods, and removed at the end."""

import contextlib
import os
import pathlib
import subprocess
import time
import uuid

import pytest

from cluster import Api, ROOT, HERE, valid
from scene import Scene

USERS = ["priya", "alice", "bob", "nadia", "mallory"]


def pytest_collection_modifyitems(items):
    # Static checks first: they are the fastest to fail.
    order = ["test_schema", "test_chart", "test_compat", "test_objects", "test_admission", "test_attacks", "test_control_plane"]
    items.sort(key=lambda i: order.index(i.module.__name__) if i.module.__name__ in order else 99)


@pytest.fixture(scope="session")
def kubeconfig():
    path = os.environ.get("KUBECONFIG", "")
    if not path or not pathlib.Path(path).is_file():
        pytest.fail("set KUBECONFIG to the kubeconfig of a cluster admin (e2e/cluster/up prints one)", pytrace=False)
    return path


@pytest.fixture(scope="session")
def installed(kubeconfig):
    """Stagekeeper's CRDs, roles and policies are in the cluster: operator namespace and gate namespace."""
    admin = Api(kubeconfig)
    binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/stagekeeper-operator"
    mine = admin.call("GET", binding).status == 404
    if mine:
        take_over = ["--take-ownership"] if admin.call("GET", "/apis/stagekeeper.dev/v1alpha1").status == 200 else []
        subprocess.run(["helm", "install", "stagekeeper", ROOT / "charts/stagekeeper", "--namespace", "crdtest-system",
                        "--create-namespace", "--values", HERE / "valid/values.yaml", *take_over], check=True)
        time.sleep(3)  # policies reach the evaluator within about a second
    operator_ns = admin.call("GET", binding).body["subjects"][0]["namespace"]
    policy = admin.call("GET", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/stagekeeper-gate-namespace")
    gates_ns = policy.body["spec"]["matchConstraints"]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    yield {"operator": operator_ns, "gates": gates_ns}
    if mine:
        subprocess.run(["helm", "uninstall", "stagekeeper", "--namespace", "crdtest-system"], check=True)
        subprocess.run(["kubectl", "delete", "namespace", "crdtest-system", "--wait=false"], check=True)


@pytest.fixture(scope="session")
def admin(kubeconfig, installed):
    return Api(kubeconfig)


@pytest.fixture(scope="session")
def users(kubeconfig, installed):
    folder = pathlib.Path(os.environ.get("STAGEKEEPER_USERS", pathlib.Path(kubeconfig).parent / "users"))
    return {name: Api(folder / f"{name}.kubeconfig") for name in USERS}


@pytest.fixture(scope="session")
def filled_in(admin):
    """For tests of what the API server fills in, which it does from Kubernetes 1.36 on."""
    if not admin.fills_in:
        pytest.skip("this API server serves no MutatingAdmissionPolicies v1")


def service_account(admin, ns, name):
    token = admin.call("POST", f"/api/v1/namespaces/{ns}/serviceaccounts/{name}/token",
                       {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}})
    assert token.status == 201, token
    return Api(token=token.body["status"]["token"], like=admin)


@pytest.fixture(scope="session")
def operator(admin, installed):
    return service_account(admin, installed["operator"], "stagekeeper")


@contextlib.contextmanager
def namespace(admin):
    """A namespace with the rights the tests speak of."""
    name = "crdtest-" + uuid.uuid4().hex[:8]
    assert admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).status == 201

    def bind(who, role, kind="ClusterRole", subject="User"):
        short = f"{who}-{role}".replace(":", "-")
        assert admin.create({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": short},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": who, "namespace": name} if subject == "ServiceAccount"
                         else {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": who}]}, name).status == 201

    def verbs(role, *rules):
        assert admin.create({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": role},
            "rules": [{"apiGroups": ["stagekeeper.dev"], "resources": ["modelstages"], "verbs": v, "resourceNames": n}
                      for v, n in rules]}, name).status == 201

    verbs("asks", (["promote", "rollback"], ["staging", "credit-risk.production"]), (["archive"], ["archived"]))
    verbs("approves", (["approve"], ["credit-risk.production"]))
    bind("priya", "stagekeeper-requester")
    bind("priya", "asks", "Role")
    bind("mallory", "stagekeeper-requester")
    bind("mallory", "stagekeeper-approver")
    bind("alice", "stagekeeper-approver")
    bind("alice", "approves", "Role")
    bind("bob", "stagekeeper-approver")
    bind("nadia", "admin")
    assert admin.call("POST", f"/api/v1/namespaces/{name}/serviceaccounts",
                      {"metadata": {"name": "robot"}}).status == 201
    for role, kind in [("stagekeeper-requester", "ClusterRole"), ("stagekeeper-approver", "ClusterRole"),
                       ("asks", "Role"), ("approves", "Role")]:
        bind("robot", role, kind, "ServiceAccount")
    # What servingNamespaces of the chart gives the operator.
    assert admin.create({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "stagekeeper-serving"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stagekeeper-serving"},
        "subjects": [{"kind": "ServiceAccount", "name": "stagekeeper",
                      "namespace": admin.call("GET", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/stagekeeper-operator")
                      .body["subjects"][0]["namespace"]}]}, name).status == 201
    time.sleep(1)
    yield name
    admin.delete("Namespace", None, name)


@pytest.fixture(scope="session")
def ns(admin):
    with namespace(admin) as name:
        yield name


@pytest.fixture(scope="session")
def robot(admin, ns):
    return service_account(admin, ns, "robot")


@pytest.fixture(scope="session")
def scene(admin, users, operator, installed):
    with namespace(admin) as name:
        it = Scene(admin, users["nadia"], operator, users["priya"], name, installed["gates"])
        yield it
        it.close()


TABLE = []


@pytest.fixture(scope="session")
def table():
    """Rows (attack, policy, rule) of attacks that were refused, and worked without the rule."""
    return TABLE


def pytest_terminal_summary(terminalreporter):
    if TABLE:
        terminalreporter.write_sep("=", "attacks of a namespace's admin: refused, and accepted without the rule")
        for attack, policy, rule in TABLE:
            terminalreporter.write_line(f"{attack:55} {policy:28} {rule}")
