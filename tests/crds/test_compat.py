"""Objects of earlier days are taken by today's definitions, and the definitions only widen (docs/api-versioning.md)."""

import pytest
import yaml

from cluster import HERE, ROOT
from test_objects import where, who
from test_schema import CRDS, schema, walk

DAYS = sorted((HERE / "compat").glob("v1alpha1-*"))
OBJECTS = [(day.name, file.stem, i, obj) for day in DAYS for file in sorted((day / "objects").glob("*.yaml"))
           for i, obj in enumerate(yaml.safe_load_all(file.read_text()))]
SAMPLES = [(file.stem, i, obj) for file in sorted((ROOT / "charts/stagekeeper/samples").glob("*.yaml"))
           for i, obj in enumerate(yaml.safe_load_all(file.read_text()))]
DEMO = [(file.stem, yaml.safe_load(file.read_text())) for file in sorted((ROOT / "e2e/demo/manifests").glob("*.yaml"))]
PLACEHOLDERS = {"${EVALUATION_URI}": "s3://models/e.csv", "${EVALUATION_VERSION}": "1", "${EVALUATION_DIGEST}": "sha256:" + "0" * 64}


def lost(wanted, got, path=""):
    """What of an object the answer lacks or says otherwise."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            yield from lost(value, got.get(key) if isinstance(got, dict) else None, f"{path}.{key}")
    elif isinstance(wanted, list):
        if not isinstance(got, list) or len(got) != len(wanted):
            yield path
        else:
            for i, value in enumerate(wanted):
                yield from lost(value, got[i], f"{path}[{i}]")
    elif wanted != got:
        yield path


def taken(obj, admin, users, ns):
    obj["metadata"].pop("namespace", None)
    kind = obj["kind"]
    api = users["alice"] if kind == "Approval" else admin if obj.get("spec", {}).get("action", "Adopt") in ("Adopt", "Abort") else who(kind, admin, users)
    reply = api.create(obj, where(kind, ns), dry_run=True)
    assert reply.status == 201, reply
    assert list(lost(obj.get("spec", {}), reply.body.get("spec", {}))) == []


def test_there_is_a_day_to_compare_with():
    assert DAYS and {obj["kind"] for _, _, _, obj in OBJECTS} == {crd["spec"]["names"]["kind"] for crd in CRDS.values()}


@pytest.mark.parametrize("day,file,i,obj", OBJECTS, ids=[f"{d}-{f}-{i}" for d, f, i, _ in OBJECTS])
def test_objects_of_earlier_days_are_taken(day, file, i, obj, admin, users, ns):
    taken(obj, admin, users, ns)


@pytest.mark.parametrize("file,i,obj", SAMPLES, ids=[f"{f}-{i}" for f, i, _ in SAMPLES])
def test_samples_are_taken(file, i, obj, admin, users, ns):
    taken(obj, admin, users, ns)


@pytest.mark.parametrize("file,obj", [(f, o) for f, o in DEMO if o["apiVersion"].startswith("stagekeeper")], ids=lambda v: v if isinstance(v, str) else "")
def test_manifests_of_the_demo_are_taken(file, obj, admin, users, ns):
    dataset = obj["spec"].get("evaluation", {}).get("dataset", {})
    for key, value in dataset.items():
        dataset[key] = PLACEHOLDERS[value]
    taken(obj, admin, users, ns)


def test_samples_carry_the_numbers_that_are_no_defaults():
    policy = next(o for _, _, o in SAMPLES if o["kind"] == "PromotionPolicy")
    accuracy, latency, fairness = policy["spec"]["stages"][0]["gates"]
    assert (accuracy["accuracy"]["minAbsolute"], accuracy["accuracy"]["minImprovement"]) == ("0.82", "0.005")
    assert (latency["latency"]["p95Budget"], fairness["fairness"]["maxDisparity"]) == ("50ms", "0.05")


# Defaults that are given by the operator now, with the same meaning: what the API server has written into stored objects stays
# and says the same. They could not stay, because another protocol has other paths.
MOVED_DEFAULTS = {".spec.inference.scoringPath": "/invocations", ".spec.inference.healthPath": "/ping"}


# Members that have another name now. The old one could only hold the value that the absence of the new one means, so that what
# the API server drops of a stored object says nothing.
RENAMED = {".spec.artifact.digestType": ".spec.artifact.type"}


def shrunk(old, new, path):
    """What the new schema of a field refuses or reads otherwise, but the old one did not."""
    if new is None:
        yield f"{path} is gone"
        return
    refused = "not supported by this version" in old.get("description", "").lower() and old.get("x-kubernetes-preserve-unknown-fields")
    if refused:
        return  # nothing of it was ever stored
    for key in ("type", "default", "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "format"):
        moved = key == "default" and key not in new and old.get(key) is not None and MOVED_DEFAULTS.get(path) == old[key]
        if old.get(key) != new.get(key) and not moved:
            yield f"{path}: {key} was {old.get(key)} and is {new.get(key)}"
    for key in ("maxLength", "maxItems", "maximum"):
        if key in new and new[key] < old.get(key, new[key] + 1):
            yield f"{path}: {key} was {old.get(key)} and is {new[key]}"
    for key in ("minLength", "minItems", "minimum"):
        if key in new and new[key] > old.get(key, new[key] - 1):
            yield f"{path}: {key} was {old.get(key)} and is {new[key]}"
    if "enum" in new and ("enum" not in old or set(old["enum"]) - set(new["enum"])):
        yield f"{path}: enum was {old.get('enum')} and is {new['enum']}"
    if set(new.get("required", [])) - set(old.get("required", [])):
        yield f"{path}: required was {old.get('required')} and is {new.get('required')}"


@pytest.mark.parametrize("day", DAYS, ids=lambda day: day.name)
def test_definitions_only_widen(day):
    worse = []
    for file in sorted((day / "crds").glob("*.yaml")):
        old = dict(walk(schema(yaml.safe_load(file.read_text()))))
        new = dict(walk(schema(CRDS[file.stem])))
        for path, node in old.items():
            above = [p for p in old if path.startswith(p + ".") and old[p].get("x-kubernetes-preserve-unknown-fields")]
            worse += [f"{file.stem}{w}" for w in ([] if above else shrunk(node, new.get(RENAMED.get(path, path)), path))]
    assert worse == []


def test_a_narrower_definition_is_noticed():
    """Each way to break stored objects, as shrunk() sees it."""
    old = {"type": "string", "description": "x", "maxLength": 8, "enum": ["A", "B"], "required": ["a"], "default": "A"}
    for change in ({"type": "object"}, {"maxLength": 7}, {"minLength": 1}, {"enum": ["A"]}, {"required": ["a", "b"]}, {"default": "B"}):
        assert list(shrunk(old, {**old, **change}, ".x")), change
    for change in ({"maxLength": 9}, {"enum": ["A", "B", "C"]}, {"required": []}, {"description": "y"}):
        assert not list(shrunk(old, {**old, **change}, ".x")), change
    assert list(shrunk(old, None, ".x"))
    moved = {"type": "string", "description": "x", "default": "/ping"}
    assert not list(shrunk(moved, {"type": "string", "description": "x"}, ".spec.inference.healthPath"))
    assert list(shrunk(moved, {"type": "string", "description": "x"}, ".spec.inference.scoringPath"))
    assert list(shrunk(moved, {"type": "string", "description": "x", "default": "/x"}, ".spec.inference.healthPath"))
