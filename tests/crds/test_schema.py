"""Checks of the files in /crds that need no cluster."""

import re

import pytest
import yaml

from cluster import ROOT

FILES = sorted((ROOT / "crds").glob("*.yaml"))
CRDS = {f.stem: yaml.safe_load(f.read_text()) for f in FILES}


def schema(crd):
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def walk(node, path=""):
    """Every schema node below one, with its path."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    if "items" in node:
        yield from walk(node["items"], path + "[]")


def test_the_seven_kinds():
    names = {c["spec"]["names"]["kind"]: c["spec"]["names"]["shortNames"] for c in CRDS.values()}
    assert names == {"ModelVersion": ["mver"], "PromotionPolicy": ["ppol"], "ServingTarget": ["starget"],
                     "PromotionRequest": ["promreq"], "Approval": ["appr"], "GateClass": ["gclass"], "ModelStage": ["mstage"]}


@pytest.mark.parametrize("name", CRDS)
def test_head(name):
    spec = CRDS[name]["spec"]
    assert spec["group"] == "stagekeeper.dev" and spec["names"]["categories"] == ["stagekeeper"]
    assert spec["scope"] == ("Cluster" if name == "gateclasses" else "Namespaced")
    assert [v["name"] for v in spec["versions"]] == ["v1alpha1"]
    assert spec["versions"][0]["subresources"] == {"status": {}}


@pytest.mark.parametrize("name", CRDS)
def test_small_enough_for_client_side_apply(name):
    assert (ROOT / "crds" / f"{name}.yaml").stat().st_size < 256 * 1024


@pytest.mark.parametrize("name", CRDS)
def test_every_field_is_described(name):
    short = [p for p, n in walk(schema(CRDS[name])) if len(n.get("description", "")) < 10]
    assert short == []


@pytest.mark.parametrize("name", CRDS)
def test_every_leaf_of_a_spec_has_an_example_or_a_closed_set(name):
    spec = schema(CRDS[name])["properties"].get("spec", {})
    bare = [p for p, n in walk(spec) if n.get("type") in ("string", "integer", "array") and not p.endswith("[]")
            and not any(w in n["description"] for w in ("Example:", "Default:", "Not supported")) and "enum" not in n]
    assert bare == []


@pytest.mark.parametrize("name", CRDS)
def test_no_release_takes_the_kinds_with_it(name):
    """With a kind go all objects of it. Releases of before held the kinds among their templates."""
    assert CRDS[name]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


@pytest.mark.parametrize("name", CRDS)
def test_defaults_are_described(name):
    silent = [p for p, n in walk(schema(CRDS[name]))
              if "default" in n and str(n["default"]).lower() not in n["description"].lower()]
    assert silent == []


@pytest.mark.parametrize("name", CRDS)
def test_everything_is_bounded(name):
    loose = []
    for path, node in walk(schema(CRDS[name])):
        kind = node.get("type")
        if kind == "string" and not (node.keys() & {"maxLength", "enum"} or node.get("format") == "date-time"):
            loose.append(path)
        if kind == "array" and "maxItems" not in node:
            loose.append(path)
        if kind == "object" and "additionalProperties" in node and "maxProperties" not in node:
            loose.append(path)
    assert loose == []


@pytest.mark.parametrize("name", CRDS)
def test_structural_and_without_floats(name):
    for path, node in walk(schema(CRDS[name])):
        assert node.get("type") in ("object", "array", "string", "integer", "boolean"), path
        if node.get("x-kubernetes-preserve-unknown-fields"):
            assert "ot supported by this version" in node["description"], path
        if node["type"] == "array":
            assert node.get("x-kubernetes-list-type") in ("map", "set", "atomic"), path


@pytest.mark.parametrize("name", CRDS)
def test_conditions(name):
    conditions = schema(CRDS[name])["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert set(conditions["items"]["properties"]) == {"type", "status", "observedGeneration", "lastTransitionTime", "reason", "message"}


@pytest.mark.parametrize("name", CRDS)
def test_every_rule_says_what_to_do(name):
    for path, node in walk(schema(CRDS[name])):
        for rule in node.get("x-kubernetes-validations", []):
            assert len(rule.get("message", "")) > 20, f"{path}: {rule['rule']}"


@pytest.mark.parametrize("name", ["modelversions", "promotionrequests", "approvals"])
def test_whole_spec_is_immutable(name):
    rules = schema(CRDS[name])["properties"]["spec"]["x-kubernetes-validations"]
    assert "self == oldSelf" in [r["rule"] for r in rules]


COLUMNS = {
    "promotionrequests": ("MODEL ACTION VERSION STAGE PHASE GATES APPROVALS WAITING-FOR READY AGE", "REASON REQUESTER TARGETS FROM"),
    "approvals": ("REQUEST APPROVER DECISION COUNTED REASON AGE", "STAGE ROLE"),
    "servingtargets": ("MODEL SEGMENT SERVING SINCE RECORD READY AGE", "WORKLOAD DRIFTED REASON ENFORCEMENT"),
    "modelversions": ("MODEL VERSION STAGE DIGEST READY AGE", "REGISTERED-BY ARTIFACT-DIGEST"),
    "modelstages": ("MODEL STAGE VERSION SINCE WAITING AGE", "RECORD"),
    "promotionpolicies": ("RISK READY AGE", "REASON RESOLVED"),
    "gateclasses": ("TYPE ACCEPTED AGE", "IMAGE"),
}


@pytest.mark.parametrize("name", CRDS)
def test_columns(name):
    columns = CRDS[name]["spec"]["versions"][0]["additionalPrinterColumns"]
    for shown, names in zip((0, 1), COLUMNS[name]):
        assert {c["name"].upper() for c in columns if c.get("priority", 0) == shown} == set(names.split())
    narrow = [c["name"].upper() for c in columns if not c.get("priority")]
    assert narrow == COLUMNS[name][0].split()


@pytest.mark.parametrize("name", CRDS)
def test_columns_print_no_lists(name):
    """kubectl prints an empty list as []."""
    root = {"properties": {"spec": schema(CRDS[name])["properties"].get("spec", {}), "status": schema(CRDS[name])["properties"]["status"]}}
    for column in CRDS[name]["spec"]["versions"][0]["additionalPrinterColumns"]:
        node = root
        for step in column["jsonPath"].lstrip(".").split("[")[0].split("."):
            node = node.get("properties", {}).get(step, {})
        assert node.get("type") != "array" or "[?(" in column["jsonPath"], column


def test_no_limit_of_a_gate_has_a_default():
    """A limit that nobody wrote is nobody's decision; metric, mode, samples and warmup are none."""
    gate = dict(walk(schema(CRDS["promotionpolicies"])))[".spec.stages[].gates[]"]["properties"]
    given = {f"{member}.{p}" for member in ("accuracy", "latency", "fairness") for p, n in gate[member]["properties"].items() if "default" in n}
    assert given == {"accuracy.metric", "latency.mode", "latency.samples", "latency.warmup", "fairness.metric"}
    assert {m: set(gate[m]["required"]) for m in ("accuracy", "latency", "fairness")} == {
        "accuracy": {"minAbsolute"}, "latency": {"p95Budget"},
        "fairness": {"maxDisparity", "minPositivesPerGroup", "minNegativesPerGroup"}}


def test_statuses_have_room_for_later_words():
    """An older CRD must take what a newer operator writes: phases and reasons are patterns, not lists."""
    closed = {f"{name}{p}" for name, crd in CRDS.items() for p, n in walk(schema(crd)["properties"]["status"], ".status") if "enum" in n}
    assert {c for c in closed if not c.endswith(".conditions[].status")} == {
        "promotionrequests.status.gates[].enforcement", "promotionrequests.status.gates[].verdict", "promotionrequests.status.approvals[].decision"}


def test_no_rule_needs_two_variables():
    """Comprehensions over index and item compile on Kubernetes 1.33 and later only."""
    for name, crd in CRDS.items():
        for path, node in walk(schema(crd)):
            for rule in node.get("x-kubernetes-validations", []):
                assert not re.search(r"\.(all|exists|existsOne|transformList)\(\w+, \w+,", rule["rule"]), f"{name}{path}"


def test_selectable_fields():
    def fields(name):
        return [f["jsonPath"] for f in CRDS[name]["spec"]["versions"][0].get("selectableFields", [])]
    assert fields("promotionrequests") == [".spec.model", ".spec.stage", ".spec.version", ".status.phase"]
    assert fields("approvals") == [".spec.request.uid", ".spec.request.name"]
    assert fields("modelversions") == [".spec.model"]
    assert fields("servingtargets") == [".spec.model"]


def enumerators(header, enum):
    """Names of an enum of the code, as statuses and records write them."""
    code = re.sub(r"//[^\n]*", "", (ROOT / header).read_text())
    body = re.search(rf"enum class {enum} \{{(.*?)\}};", code, re.S).group(1)
    return {name[1:] for name in re.findall(r"\bk[A-Z]\w*", body)}


def test_every_reason_of_the_code_is_documented():
    text = dict(walk(schema(CRDS["promotionrequests"])))[".status.reason"]["description"]
    known = enumerators("src/promotion/wait.h", "WaitCode") | enumerators("src/model/record.h", "EndCode") - {"None"}
    named = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][A-Za-z]+|\b)", text))
    assert known - named == set()
    # RollingOut is a phase; the others are what the shell says when a round fails.
    others = {"RollingOut", "ActionFailed", "ObservationFailed", "InternalError"}
    assert {n for n in named if re.search("[a-z][A-Z]", n)} - known - others == set()
