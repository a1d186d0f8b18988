"""The chart, without a cluster: linted, rendered, and looked through."""

import json
import re
import shutil
import subprocess
import tarfile

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


STAMPS = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"


def render(*args, kubernetes="1.37.1", served=(STAMPS,), chart=CHART):
    """The chart's objects, as a cluster of that version that serves these kinds beside the common ones gets them."""
    out = helm("template", "stagekeeper", chart, "--namespace", "stagekeeper-system", "--kube-version", kubernetes, "--include-crds",
               "--values", VALUES, *(f"--api-versions={kind}" for kind in served), *args).stdout
    return [d for d in yaml.safe_load_all(out) if d]


@pytest.fixture(scope="module")
def objects():
    return render("--set", "servingNamespaces={credit,fraud}")


def one(objects, kind, name):
    return next(o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name)


def test_lint():
    helm("lint", "--strict", CHART, "--values", VALUES)


def test_packaged_where_links_are_lost(tmp_path):
    """A plain checkout may have no symbolic links: GitOps tools and some systems drop them."""
    assert not [f for f in CHART.rglob("*") if f.is_symlink()]
    copy = tmp_path / "checkout"
    shutil.copytree(CHART, copy)
    helm("package", copy, "--destination", tmp_path)
    archive = next(tmp_path.glob("*.tgz"))
    with tarfile.open(archive) as tar:
        assert all(member.isreg() for member in tar), "an archive of files and nothing else"
    assert render(chart=archive) == render()
    shutil.unpack_archive(archive, tmp_path)
    packed = {f.name: f.read_text() for f in (tmp_path / "stagekeeper/crds").glob("*.yaml")}
    assert packed == {f.name: f.read_text() for f in (CHART / "crds").glob("*.yaml")} and len(packed) == 7


def test_crds_have_one_source():
    """/crds is the chart's folder under a shorter name, and no file of the repository repeats one."""
    assert (ROOT / "crds").resolve() == CHART / "crds"
    marker = "\nkind: CustomResourceDefinition\n"
    listed = subprocess.run(["git", "ls-files", "*.yaml"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    holders = {f for f in listed if (ROOT / f).is_file() and marker in "\n" + (ROOT / f).read_text()}
    kept = {f for f in holders if f.startswith("tests/crds/compat/")}
    assert holders - kept == {f"charts/stagekeeper/crds/{f.name}" for f in (CHART / "crds").glob("*.yaml")}


def test_crds_are_made_before_the_rest_and_never_deleted(objects):
    for file in (CHART / "crds").glob("*.yaml"):
        plain = yaml.safe_load(file.read_text())
        assert one(objects, "CustomResourceDefinition", plain["metadata"]["name"]) == plain
    release = helm("template", "x", CHART, "--namespace", "stagekeeper-system", "--values", VALUES).stdout
    assert "kind: CustomResourceDefinition" not in release


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
    ("auditStore.retention=", "auditStore.retention must be set: it says for how long every audit record is locked"),
    ("auditStore.retention=null", "auditStore.retention must be set"),
    ("prometheusRule.enabled=true", "prometheusRule.runbookBase must be set"),
    ("prometheusRule.runbookBase=docs/runbooks.md", "runbookBase"),
    ("prometheusRule.disabled={Watchdog}", "disabled"),
    ("networkPolicies.operator.auditStoreCIDRs={s3.example.com}", "auditStoreCIDRs"),
    ("networkPolicies.operator.apiServerPorts={70000}", "apiServerPorts"),
    ("networkPolicies.enabled=true", "networkPolicies"),
    ("podDisruptionBudget.minAvailable=1", "minAvailable"),
    ("podDisruptionBudget.maxUnavailable=0", "maxUnavailable"),
    ("tolerations[0].effect=Never", "effect"),
    ("affinity.antiAffinity.x=1", "antiAffinity"),
    ("topologySpreadConstraints[0].maxSkew=1", "topologyKey"),
    ("gateClasses.accuracy.type=Drift", "type"),
    ("gateClasses.accuracy.image=example.com/gate:1", "image"),
    ("crds.install=true", "install"),
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
    """Rights that the chart gives for good: those of helm test go with it."""
    for o in objects:
        if o["kind"] in ("Role", "ClusterRole") and "helm.sh/hook" not in o["metadata"].get("annotations", {}):
            for rule in o["rules"]:
                yield o["metadata"]["name"], rule


def test_rights_have_no_wildcards_secrets_or_ways_up(objects):
    for name, rule in rules(objects):
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"], name
        if rule.get("resourceNames") == ["stagekeepercanary"]:
            assert name == "stagekeeper-operator"  # verbs for the stage of forgeries, which no policy has
            continue
        assert not {"impersonate", "escalate", "bind", "approve", "promote", "rollback", "archive", "adopt", "abort", "breakglass"} & set(rule["verbs"]), name
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
    assert granting == {"stagekeeper-approver", "stagekeeper-operator"}  # the latter as dry runs only: stagekeeper-operator-guard
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


def test_gate_classes_are_plain_objects_of_the_release(objects):
    assert not [o for o in objects if o["kind"] == "GateClass" and "annotations" in o["metadata"]]
    names = [o["metadata"]["name"] for o in render("--set", "gateClasses.fairness=null", "--set", "gateClasses.own.type=Smoke")
             if o["kind"] == "GateClass"]
    assert sorted(names) == ["stagekeeper-accuracy", "stagekeeper-latency", "stagekeeper-own", "stagekeeper-smoke"]


def test_only_helm_test_is_a_hook(objects):
    hooks = {(o["kind"], o["metadata"]["name"]): o["metadata"]["annotations"]["helm.sh/hook"]
             for o in objects if "helm.sh/hook" in o["metadata"].get("annotations", {})}
    assert set(hooks.values()) == {"test"} and ("Pod", "stagekeeper-test") in hooks
    assert {name for _, name in hooks} == {"stagekeeper-test"}


def test_helm_test_is_neither_selected_by_services_nor_budgets(objects):
    labels = one(objects, "Pod", "stagekeeper-test")["metadata"]["labels"]
    selector = one(objects, "Service", "stagekeeper-metrics")["spec"]["selector"]
    assert not selector.items() <= labels.items()
    args = one(objects, "Pod", "stagekeeper-test")["spec"]["containers"][0]["args"]
    assert "--forge-in=stagekeeper-system" in args and len([a for a in args if a.startswith("--gate-class=")]) == 4
    bare = one(render("--set", "admissionPolicies.enabled=false", "--set", "gateClasses.smoke=null"), "Pod", "stagekeeper-test")
    args = bare["spec"]["containers"][0]["args"]
    assert not [a for a in args if a.startswith("--forge-in")] and "--gate-class=stagekeeper-smoke" not in args


def test_the_operator_writes_no_services_and_reads_pods_where_it_serves(objects):
    assert {v for n, r in rules(objects) if "services" in r["resources"] for v in r["verbs"]} == {"get", "list", "watch"}
    serving = {res: set(r["verbs"]) for n, r in rules(objects) if n == "stagekeeper-serving" for res in r["resources"]}
    assert serving == {"deployments": {"create", "patch", "delete"}, "replicasets": {"get", "list"}, "pods": {"get", "list"},
                       "poddisruptionbudgets": {"list"}}


def test_an_upgrade_leaves_policies_about_identities_alone():
    """What was approved before one of them last changed does not count: no label may change with the version."""
    for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"):
        for name in ("stagekeeper-approver", "stagekeeper-requester"):
            labels = one(render(), kind, name)["metadata"]["labels"]
            assert not {"helm.sh/chart", "app.kubernetes.io/version"} & set(labels)


def test_policies_can_be_left_out_and_name_the_operator():
    assert not [o for o in render("--set", "admissionPolicies.enabled=false") if "AdmissionPolicy" in o["kind"]]
    kinds = {o["kind"] for o in render("--set", "admissionPolicies.stampIdentity=false")}
    assert "ValidatingAdmissionPolicy" in kinds and "MutatingAdmissionPolicy" not in kinds
    guard = one(render("--namespace", "elsewhere"), "ValidatingAdmissionPolicy", "stagekeeper-pin-guard")
    assert "system:serviceaccount:elsewhere:stagekeeper" in guard["spec"]["matchConditions"][0]["expression"]


@pytest.mark.parametrize("kubernetes,served,stamps", [
    ("1.33.0", (), False), ("1.35.4", (), False), ("1.35.4", ("admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy",), False),
    ("1.36.0", (STAMPS,), True), ("1.37.2", (STAMPS,), True)])
def test_identities_are_filled_in_where_that_is_served(kubernetes, served, stamps):
    them = render(kubernetes=kubernetes, served=served)
    assert bool([o for o in them if o["kind"] == "MutatingAdmissionPolicy"]) is stamps
    checks = one(them, "ValidatingAdmissionPolicy", "stagekeeper-requester")["spec"]["validations"]
    assert "request.userInfo.username" in checks[0]["expression"]
    assert ("it is filled in" in checks[0]["message"]) is stamps
    assert ("kubectl stagekeeper create" in checks[0]["messageExpression"]) is not stamps


def test_older_kubernetes_is_refused():
    done = helm("template", "x", CHART, "--values", VALUES, "--kube-version", "1.32.9", check=False)
    assert done.returncode != 0 and "incompatible with Kubernetes v1.32.9" in done.stderr


def test_where_pods_run():
    spec = one(render(), "Deployment", "stagekeeper")["spec"]["template"]["spec"]
    assert list(spec["affinity"]) == ["podAntiAffinity"] and "topologySpreadConstraints" not in spec
    them = render("--set-json", 'affinity={"nodeAffinity":{"x":1}}', "--set-json", 'tolerations=[{"key":"a","operator":"Exists"}]',
                  "--set", "nodeSelector.disk=ssd,priorityClassName=high,podLabels.team=ml", "--set-json",
                  'topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule"}]')
    template = one(them, "Deployment", "stagekeeper")["spec"]["template"]
    spec = template["spec"]
    assert spec["affinity"] == {"nodeAffinity": {"x": 1}} and spec["tolerations"] == [{"key": "a", "operator": "Exists"}]
    assert spec["nodeSelector"] == {"disk": "ssd"} and spec["priorityClassName"] == "high"
    assert spec["topologySpreadConstraints"][0]["topologyKey"] == "zone" and template["metadata"]["labels"]["team"] == "ml"


def test_budget_lets_a_node_be_drained():
    assert not [o for o in render() if o["kind"] == "PodDisruptionBudget"]
    budget = one(render("--set", "podDisruptionBudget.enabled=true"), "PodDisruptionBudget", "stagekeeper")["spec"]
    assert budget["maxUnavailable"] == 1 and "minAvailable" not in budget
    pods = one(render(), "Deployment", "stagekeeper")["spec"]["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"].items() <= pods.items()


def test_network_of_the_operator():
    assert not [o for o in render() if o["kind"] == "NetworkPolicy"]
    on = "networkPolicies.operator.enabled=true"
    policy = one(render("--set", on), "NetworkPolicy", "stagekeeper-operator")["spec"]
    pods = one(render(), "Deployment", "stagekeeper")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= pods.items() and policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": 8080}], "from": [{"namespaceSelector": {}}]}]
    assert [[p["port"] for p in rule["ports"]] for rule in policy["egress"]] == [[53, 53], [443, 6443], [7443]]
    narrow = one(render("--set", on, "--set", "networkPolicies.operator.auditStoreCIDRs={10.1.0.0/16},networkPolicies.operator.apiServerCIDRs={10.2.0.1/32}",
                        "--set-json", 'networkPolicies.operator.from=[{"namespaceSelector":{"matchLabels":{"a":"b"}}}]'),
                 "NetworkPolicy", "stagekeeper-operator")["spec"]
    assert narrow["egress"][1]["to"] == [{"ipBlock": {"cidr": "10.2.0.1/32"}}] and narrow["egress"][2]["to"] == [{"ipBlock": {"cidr": "10.1.0.0/16"}}]
    assert narrow["ingress"][0]["from"] == [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]
    node = one(render("--set", on, "--set", "auditStore.credentialsSecretRef=null"), "NetworkPolicy", "stagekeeper-operator")["spec"]
    assert {"ipBlock": {"cidr": "169.254.0.0/16"}} in node["egress"][2]["to"]


@pytest.mark.parametrize("endpoint,port", [
    ("https://s3.example.com", 443), ("https://s3.example.com:7443/", 7443), ("HTTPS://[fd00::1]:9000", 9000), ("https://[fd00::1]", 443)])
def test_network_follows_the_port_of_the_store(endpoint, port):
    them = render("--set", "networkPolicies.operator.enabled=true,networkPolicies.gates.enabled=true", "--set-string", f"auditStore.endpoint={endpoint}")
    for name in ("stagekeeper-operator", "stagekeeper-gates"):
        assert one(them, "NetworkPolicy", name)["spec"]["egress"][-1]["ports"] == [{"protocol": "TCP", "port": port}]


def test_network_of_gates():
    them = render("--set", "networkPolicies.gates.enabled=true,servingNamespaces={credit},networkPolicies.gates.servingNamespaces={fraud}")
    policy = one(them, "NetworkPolicy", "stagekeeper-gates")
    assert policy["metadata"]["namespace"] == "crdtest-gates" and policy["spec"]["podSelector"] == {}
    spec = policy["spec"]
    assert spec["ingress"] == [] and spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"][1]["to"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["credit", "fraud"]
    reachable = [p.get("ipBlock", {}).get("cidr") for rule in spec["egress"] for p in rule["to"]]
    assert "169.254.0.0/16" not in reachable and "169.254.169.254/32" not in reachable
    assert spec["egress"][2]["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"]


RUNBOOKS = "https://docs.example.com/runbooks.md"
MONITORING = ("--set", f"serviceMonitor.enabled=true,prometheusRule.enabled=true,prometheusRule.runbookBase={RUNBOOKS}")


def alerts(*args):
    rule = one(render(*MONITORING, *args), "PrometheusRule", "stagekeeper")
    return {a["alert"]: a for a in rule["spec"]["groups"][0]["rules"]}


def test_every_alert_has_a_section_in_the_runbooks():
    text = (ROOT / "docs/runbooks.md").read_text()
    anchors = {re.sub(r"[^a-z0-9 -]", "", line[3:].strip().lower()).replace(" ", "-") for line in text.splitlines() if line.startswith("## ")}
    named = {a["annotations"]["runbook_url"] for a in alerts().values()}
    assert len(named) == len(alerts()) >= 8
    assert {url.partition("#")[2] for url in named} <= anchors, named
    assert all(url.startswith(RUNBOOKS + "#") for url in named)
    assert all(a["labels"]["severity"] in ("critical", "warning") and a["annotations"]["summary"] for a in alerts().values())


def test_alerts_ask_for_metrics_that_the_operator_has():
    sources = "\n".join(f.read_text() for folder in ("src/runtime", "operator") for f in (ROOT / folder).rglob("*.cc"))
    for name, alert in alerts().items():
        asked = set(re.findall(r"\b([a-z_]+)(?:\{|\[| unless| offset|\))", re.sub(r"\b(by|rate|sum|increase|max|vector|unless|or) ?\(", "", alert["expr"])))
        asked = {re.sub("_bucket$", "", a) for a in asked if "_" in a and a != "histogram_quantile"}
        assert asked, name
        for metric in asked:
            assert f'"{metric}"' in sources, f"{name} asks for {metric}"


def test_alerts_can_be_left_out():
    assert "StagekeeperNobodyLeads" in alerts()
    assert "StagekeeperNobodyLeads" not in alerts("--set", "prometheusRule.disabled={StagekeeperNobodyLeads}")
    assert not [o for o in render() if o["kind"] in ("PrometheusRule", "ServiceMonitor")]


def test_the_monitor_selects_the_service_and_its_port():
    them = render(*MONITORING, "--set", "serviceMonitor.labels.release=prom,prometheusRule.labels.release=prom")
    monitor, service = one(them, "ServiceMonitor", "stagekeeper"), one(them, "Service", "stagekeeper-metrics")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] in [p["name"] for p in service["spec"]["ports"]]
    assert monitor["metadata"]["labels"]["release"] == one(them, "PrometheusRule", "stagekeeper")["metadata"]["labels"]["release"] == "prom"
    # Alerts name their job, which is the Service's name unless the monitor says otherwise.
    assert all('job="stagekeeper-metrics"' in a["expr"] or "stagekeeper_" in a["expr"] for a in alerts().values())


def test_every_value_is_described():
    lines = (CHART / "values.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith((" ", "#", "}")):
            above = lines[number - 1]
            simple = line.split(":")[0] in ("podAnnotations", "podLabels", "priorityClassName", "nodeSelector", "tolerations", "topologySpreadConstraints")
            assert above.startswith("#") or simple, f"values.yaml:{number + 1}: {line} is not described"


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
