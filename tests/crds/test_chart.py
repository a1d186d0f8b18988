"""The chart, without a cluster: linted, rendered, and looked through."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from cluster import HERE, ROOT

CHART = ROOT / "charts/stagekeeper"
VALUES = HERE / "valid/values.yaml"


def helm(*args, check=True):
    done = subprocess.run(["helm", *map(str, args)], capture_output=True, text=True)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def render(*args):
    out = helm("template", "stagekeeper", CHART, "--namespace", "stagekeeper-system", "--kube-version", "1.37.1",
               "--values", VALUES, *args).stdout
    return [d for d in yaml.safe_load_all(out) if d]


@pytest.fixture(scope="module")
def objects():
    return render("--set", "servingNamespaces={credit,fraud}")


def one(objects, kind, name):
    return next(o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name)


def test_lint():
    helm("lint", "--strict", CHART, "--values", VALUES)


def test_packaged_with_the_crds_of_the_repository(tmp_path):
    helm("package", CHART, "--destination", tmp_path)
    shutil.unpack_archive(next(tmp_path.glob("*.tgz")), tmp_path)
    packed = {f.name: f.read_text() for f in (tmp_path / "stagekeeper/files/crds").glob("*.yaml")}
    assert packed == {f.name: f.read_text() for f in (ROOT / "crds").glob("*.yaml")} and len(packed) == 7


def test_crds_are_rendered_unchanged(objects):
    for file in (ROOT / "crds").glob("*.yaml"):
        plain = yaml.safe_load(file.read_text())
        crd = one(objects, "CustomResourceDefinition", plain["metadata"]["name"])
        assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert crd == plain
    kinds = [o["kind"] for o in render("--set", "crds.install=false")]
    assert "CustomResourceDefinition" not in kinds
    loose = [o for o in render("--set", "crds.keep=false") if o["kind"] == "CustomResourceDefinition"]
    assert len(loose) == 7 and all("annotations" not in c["metadata"] for c in loose)


@pytest.mark.parametrize("setting,sentence", [
    ("auditStore.acceptComplianceLock=false", "auditStore.acceptComplianceLock must be true: every audit record is locked"),
    ("auditStore.endpoint=", "auditStore.endpoint must be set"),
    ("auditStore.bucket=", "auditStore.bucket must be set"),
    ("auditStore.credentialsSecretRef.name=", "auditStore.credentialsSecretRef.name must be set"),
    ("auditStore.webIdentity.roleARN=arn:aws:iam::111122223333:role/audit", "auditStore.webIdentity needs auditStore.credentialsSecretRef: null"),
    ("auditStore.webIdentity.stsEndpoint=http://sts", "stsEndpoint"),
    ("auditStore.addressing=Virtual", "addressing"),
    ("image.digest=", "images are used by digest"),
    ("gateImage.repository=", "gateImage.repository and gateImage.digest must be set"),
    ("image.digest=latest", "image"),
    ("servingNamespaces={stagekeeper-system}", "servingNamespaces must not contain stagekeeper-system"),
    ("gates.namespace=stagekeeper-system", "gates.namespace must be a namespace of its own"),
    ("auditStore.retention=10y", "retention"),
    ("auditStore.endpoint=http://s3", "endpoint"),
    ("auditStore.acknowledgedDeviations[0].point=z", "point"),
    ("replica=2", "replica"),
    ("auditStore.acceptCompliance=true", "acceptCompliance"),
])
def test_bad_values_are_refused(setting, sentence):
    done = helm("template", "x", CHART, "--namespace", "stagekeeper-system", "--values", VALUES, "--set", setting, check=False)
    assert done.returncode != 0 and sentence in done.stderr, done.stderr


def test_operator_configuration(objects):
    config = yaml.safe_load(one(objects, "ConfigMap", "stagekeeper-config")["data"]["config.yaml"])
    assert config == {"gateNamespace": "crdtest-gates", "workers": 4, "auditStore": {
        "endpoint": "https://s3.example.com:7443", "region": "us-east-1", "bucket": "audit", "addressing": "Auto",
        "caFile": "/etc/stagekeeper/s3-ca/ca.crt", "credentials": {"source": "Files"},
        "retention": "1h", "acknowledgedDeviations": [{"point": "f", "reason": "test store: COMPLIANCE can be shortened"}]}}


def test_operator_pod(objects):
    spec = one(objects, "Deployment", "stagekeeper")["spec"]["template"]["spec"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                                       "seccompProfile": {"type": "RuntimeDefault"}}
    assert spec["terminationGracePeriodSeconds"] == 30
    (container,) = spec["containers"]
    assert container["command"] + container["args"] == ["/usr/bin/stagekeeper", "--config", "/etc/stagekeeper/config.yaml"]
    assert container["image"].endswith("@sha256:" + "5" * 64)
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["resources"] == {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    assert {e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"] for e in container["env"]} == {
        "POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    modes = {v["name"]: v["secret"]["defaultMode"] for v in spec["volumes"] if "secret" in v}
    assert modes == {"s3": 0o400, "signing": 0o400}
    assert {m["mountPath"] for m in container["volumeMounts"]} == {
        "/etc/stagekeeper/config.yaml", "/etc/stagekeeper/s3", "/etc/stagekeeper/signing", "/etc/stagekeeper/s3-ca"}


def credentials_of(*args):
    """What the operator is told of its credentials, and the volumes that it gets them by."""
    them = render(*args)
    config = yaml.safe_load(one(them, "ConfigMap", "stagekeeper-config")["data"]["config.yaml"])
    spec = one(them, "Deployment", "stagekeeper")["spec"]["template"]["spec"]
    mounts = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
    volumes = {v["name"]: v for v in spec["volumes"]}
    assert mounts.keys() == volumes.keys()
    return config["auditStore"]["credentials"], volumes, mounts


def test_credentials_from_a_secret_with_key_names_of_its_own():
    ref = "auditStore.credentialsSecretRef"
    told, volumes, _ = credentials_of("--set", f"{ref}.accessKeyKey=AWS_ACCESS_KEY_ID,{ref}.secretKeyKey=AWS_SECRET_ACCESS_KEY,{ref}.sessionTokenKey=token")
    assert told == {"source": "Files", "sessionToken": True}
    assert volumes["s3"]["secret"]["items"] == [{"key": "AWS_ACCESS_KEY_ID", "path": "accessKey"},
                                                {"key": "AWS_SECRET_ACCESS_KEY", "path": "secretKey"}, {"key": "token", "path": "sessionToken"}]
    _, plain, _ = credentials_of()
    assert plain["s3"]["secret"]["items"] == [{"key": "accessKey", "path": "accessKey"}, {"key": "secretKey", "path": "secretKey"}]


def test_credentials_of_the_pod():
    without = ("--set", "auditStore.credentialsSecretRef=null")
    told, volumes, _ = credentials_of(*without)
    assert told == {"source": "Auto"} and not {"s3", "sts"} & volumes.keys()
    arn = "arn:aws:iam::111122223333:role/audit"
    told, volumes, mounts = credentials_of(*without, "--set", f"auditStore.webIdentity.roleARN={arn},auditStore.webIdentity.stsEndpoint=https://sts.example:9000")
    assert told == {"source": "WebIdentity", "roleArn": arn, "tokenFile": mounts["sts"] + "/token", "stsEndpoint": "https://sts.example:9000"}
    (source,) = volumes["sts"]["projected"]["sources"]
    assert source["serviceAccountToken"] == {"audience": "sts.amazonaws.com", "expirationSeconds": 3600, "path": "token"}


def test_service_accounts_bear_roles():
    role = r"annotations.eks\.amazonaws\.com/role-arn=arn:aws:iam::111122223333:role/"
    them = render("--set", f"serviceAccount.{role}audit,gates.serviceAccount.{role}reader")
    for name, end in (("stagekeeper", "audit"), ("stagekeeper-gate", "reader")):
        assert one(them, "ServiceAccount", name)["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": f"arn:aws:iam::111122223333:role/{end}"}
    assert "annotations" not in one(render(), "ServiceAccount", "stagekeeper")["metadata"]


def rules(objects):
    for o in objects:
        if o["kind"] in ("Role", "ClusterRole"):
            for rule in o["rules"]:
                yield o["metadata"]["name"], rule


def test_rights_have_no_wildcards_secrets_or_ways_up(objects):
    for name, rule in rules(objects):
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"], name
        assert not {"impersonate", "escalate", "bind", "approve", "promote", "rollback", "archive", "adopt", "breakglass"} & set(rule["verbs"]), name
        assert not {"secrets", "pods/exec", "pods/attach", "serviceaccounts/token", "nodes/proxy"} & set(rule["resources"]), name
    assert not any(o.get("roleRef", {}).get("name") in ("admin", "edit", "cluster-admin") for o in objects)


def test_writing_deployments_is_bound_by_namespace_only(objects):
    writers = {n for n, r in rules(objects) if "deployments" in r["resources"] and set(r["verbs"]) - {"get", "list", "watch"}}
    assert writers == {"stagekeeper-serving"}
    bound = [(o["kind"], o["metadata"].get("namespace")) for o in objects if o.get("roleRef", {}).get("name") == "stagekeeper-serving"]
    assert bound == [("RoleBinding", "credit"), ("RoleBinding", "fraud")]


def test_approver_is_part_of_no_other_role(objects):
    labels = one(objects, "ClusterRole", "stagekeeper-approver")["metadata"]["labels"]
    assert not [k for k in labels if "aggregate" in k]
    granting = {n for n, r in rules(objects) if "approvals" in r["resources"] and set(r["verbs"]) - {"get", "list", "watch"}}
    assert granting == {"stagekeeper-approver"}
    assert [r["verbs"] for n, r in rules(objects) if n == "stagekeeper-approver"][-1] == ["create"]


def test_gate_namespace_and_account(objects):
    labels = one(objects, "Namespace", "crdtest-gates")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert one(objects, "ServiceAccount", "stagekeeper-gate")["automountServiceAccountToken"] is False
    assert not any(s["name"] == "stagekeeper-gate" for o in objects for s in o.get("subjects", []))


def test_gate_classes(objects):
    classes = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "GateClass"}
    assert {n: s["type"] for n, s in classes.items()} == {"stagekeeper-accuracy": "Accuracy", "stagekeeper-latency": "Latency",
                                                          "stagekeeper-fairness": "Fairness", "stagekeeper-smoke": "Smoke"}
    assert all(re.search("@sha256:4{64}$", s["image"]) and s["image"] == s["fetch"]["image"] for s in classes.values())
    assert all(s["fetch"]["endpoint"] == "https://s3.example.com:7443" for s in classes.values())
    assert all(s["fetch"]["credentialsSecretRef"] == {"name": "stagekeeper-gate-s3"} and "caConfigMapRef" not in s["fetch"] for s in classes.values())
    other = [o["spec"]["fetch"] for o in render("--set", "gates.fetch.credentialsSecretRef=null", "--set", "gates.fetch.caConfigMapRef.name=s3-ca")
             if o["kind"] == "GateClass"]
    assert all("credentialsSecretRef" not in f and f["caConfigMapRef"] == {"name": "s3-ca"} for f in other) and len(other) == 4


def test_the_operator_writes_no_services_and_reads_pods_where_it_serves(objects):
    assert {v for n, r in rules(objects) if "services" in r["resources"] for v in r["verbs"]} == {"get", "list", "watch"}
    serving = {res: set(r["verbs"]) for n, r in rules(objects) if n == "stagekeeper-serving" for res in r["resources"]}
    assert serving == {"deployments": {"create", "patch", "delete"}, "replicasets": {"get", "list"}, "pods": {"get", "list"},
                       "poddisruptionbudgets": {"list"}}


def test_policies_can_be_left_out_and_name_the_operator():
    assert not [o for o in render("--set", "admissionPolicies.enabled=false") if "AdmissionPolicy" in o["kind"]]
    kinds = {o["kind"] for o in render("--set", "admissionPolicies.stampIdentity=false")}
    assert "ValidatingAdmissionPolicy" in kinds and "MutatingAdmissionPolicy" not in kinds
    guard = one(render("--namespace", "elsewhere"), "ValidatingAdmissionPolicy", "stagekeeper-pin-guard")
    assert "system:serviceaccount:elsewhere:stagekeeper" in guard["spec"]["matchConditions"][0]["expression"]


def test_every_value_is_in_the_schema():
    declared = json.loads((CHART / "values.schema.json").read_text())

    def missing(values, schema, path=""):
        if "$ref" in schema:
            schema = declared["definitions"][schema["$ref"].rsplit("/", 1)[1]]
        for key, value in (values or {}).items():
            if "properties" in schema and schema.get("additionalProperties") is False:
                if key not in schema["properties"]:
                    yield f"{path}.{key}"
                elif isinstance(value, dict):
                    yield from missing(value, schema["properties"][key], f"{path}.{key}")

    assert declared["additionalProperties"] is False
    assert list(missing(yaml.safe_load((CHART / "values.yaml").read_text()), declared)) == []


@pytest.mark.skipif(not shutil.which("kubeconform"), reason="kubeconform is not installed")
def test_kubeconform_reads_the_file(objects, tmp_path):
    """Without schemas of the net it checks form and duplicate keys; types are checked by the API server in the other tests."""
    file = tmp_path / "all.yaml"
    file.write_text(helm("template", "x", CHART, "--namespace", "stagekeeper-system", "--values", VALUES).stdout)
    done = subprocess.run(["kubeconform", "-strict", "-ignore-missing-schemas", "-schema-location", str(tmp_path), "-summary", str(file)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
