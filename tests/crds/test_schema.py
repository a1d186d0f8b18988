"""Checks of the files in /crds that need no cluster."""

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
                     "PromotionRequest": ["promreq"], "Approval": ["appr"], "GateClass": ["gclass"], "Stage": ["stg"]}


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


def test_columns():
    def shown(name):
        return [c["name"].upper() for c in CRDS[name]["spec"]["versions"][0]["additionalPrinterColumns"] if not c.get("priority")]
    assert shown("promotionrequests") == "MODEL VERSION STAGE PHASE GATES APPROVALS WAITING-FOR READY AGE".split()
    assert shown("approvals") == "REQUEST APPROVER DECISION COUNTED REASON AGE".split()
    assert shown("servingtargets") == "MODEL SEGMENT SERVING SINCE RECORD READY".split()
    assert shown("modelversions") == "MODEL VERSION STAGE DIGEST AGE".split()
    assert shown("stages") == "MODEL STAGE VERSION SINCE WAITING".split()


def test_selectable_fields():
    def fields(name):
        return [f["jsonPath"] for f in CRDS[name]["spec"]["versions"][0].get("selectableFields", [])]
    assert fields("promotionrequests") == [".spec.model", ".spec.stage", ".spec.version", ".status.phase"]
    assert fields("approvals") == [".spec.request.uid"]
    assert fields("modelversions") == [".spec.model"]
