"""The demo's input: reproducible, honest about what it is, and what the gates will see."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import upload
from data.dataset import SPLIT_SEED, Customer, load_customers, split_in_halves, to_csv
from data.evaluation import GroupResult, Result, broken_fates, evaluate, improvement_margin, score
from data.make_models import make_models
from data.render import evaluation_uri, model_version
from data.training import train_versions
from model_server.model import Logistic, parse_model

# On every machine: the split does not depend on a library, nor the coefficients on the last bits.
DIGESTS = {
    "evaluation": "sha256:259767ebb359bc07b7a39892a80317070b079d66a7ca9f80e019cb45adabefd9",
    "training": "sha256:9c528902f47cd00fdd8b9edbb0055809275e7d88f299adf12d3b88f771a80130",
    "1": "sha256:ae689840e4c7cef630667063da5d722009def9bafb1a935bf85a54b932fa6c6f",
    "2": "sha256:8c3d93fce084d84fb75ec4987dc937847cb850e5dd7a502692171a0cfdec9541",
    "3": "sha256:a882762ed8d052bed0d3a8de71efbb45ad614bd6fa950d4fc14cd707d9da84ca",
    "4": "sha256:f631d78a3779893a0eefbabf340f57c07a09eb4217feda879b98b27b20862698",
    "5": "sha256:0c5de4aeb4c395a5323438e6838babdd3ca8e4c6925f626dbb7e8b6a1b322b87",
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_models(folder)
    return folder


@pytest.fixture(scope="module")
def manifest(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    return loaded


def test_digests_reproduce(manifest: dict[str, Any]) -> None:
    found = {version: facts["digest"] for version, facts in manifest["versions"].items()}
    found["evaluation"] = manifest["evaluation"]["digest"]
    found["training"] = manifest["training"]["digest"]
    assert found == DIGESTS


def test_a_second_run_writes_the_same_bytes(out: Path, tmp_path: Path) -> None:
    make_models(tmp_path)
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert len(files) == 8
    for file in files:
        assert (tmp_path / file).read_bytes() == (out / file).read_bytes(), file


def test_halves_are_disjoint_and_equal_in_every_stratum() -> None:
    customers = load_customers()
    training, evaluation = split_in_halves(customers, SPLIT_SEED)
    assert Counter(training) + Counter(evaluation) == Counter(customers)
    assert len(training) == len(evaluation) == 5_000
    strata = Counter((c.defaulted, c.student) for c in evaluation)
    assert strata == {
        (True, True): 64,
        (True, False): 103,
        (False, True): 1408,
        (False, False): 3425,
    }


def test_another_seed_splits_otherwise() -> None:
    customers = load_customers()
    halves = [to_csv(split_in_halves(customers, seed)[1]) for seed in (1, 2)]
    assert halves[0] != halves[1]


def test_evaluation_file_has_the_columns_the_gates_read(out: Path) -> None:
    lines = (out / "evaluation/2026-11.csv").read_text().splitlines()
    assert lines[0] == "balance,income,student_account,demographic_group,label"
    assert {tuple(line.split(",")[2:4]) for line in lines[1:]} == {("1", "Yes"), ("0", "No")}
    assert sum(line.endswith(",1") for line in lines[1:]) == 167


def test_auc_is_the_exact_share_of_pairs_with_half_ties(
    manifest: dict[str, Any], out: Path
) -> None:
    evaluation = split_in_halves(load_customers(), SPLIT_SEED)[1]
    labels = np.array([c.defaulted for c in evaluation])
    for version, facts in manifest["versions"].items():
        scores = score((out / version / "model.json").read_bytes(), evaluation)
        higher = scores[labels][:, None] - scores[~labels][None, :]
        exact = ((higher > 0).sum() + 0.5 * (higher == 0).sum()) / higher.size
        assert facts["auc"] == pytest.approx(exact, abs=1e-12)


def test_logistic_form_scores_what_was_fitted(out: Path) -> None:
    """An independent formula in numpy, defects of 3 and 5 included, against the server's code."""
    evaluation = split_in_halves(load_customers(), SPLIT_SEED)[1]
    balance, income, student = (
        np.array([float(getattr(c, name)) for c in evaluation])
        for name in ("balance", "income", "student")
    )
    for version, limit, shift in (("3", 1100.0, 0.0), ("4", np.inf, 0.0), ("5", np.inf, 2.0)):
        artifact = (out / version / "model.json").read_bytes()
        c = json.loads(artifact)["coefficients"]
        capped = np.where(student == 1, np.minimum(balance, limit), balance) / 1e3
        logit = (
            json.loads(artifact)["intercept"] + c["balance"] * capped + c["income"] * income / 1e4
            + student * (c["student"] + shift) + c["balance_student"] * student * capped
        )  # fmt: skip
        assert score(artifact, evaluation) == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-12)


def test_extreme_rows_have_finite_scores() -> None:
    form = Logistic(0.0, 1.0, 0.0, 0.0, 0.0, None, 0.0)
    assert [form.score((b, 0.0, 0.0)) for b in (-1e300, 0.0, 1e300)] == [0.0, 0.5, 1.0]


def test_each_broken_fate_is_named(manifest: dict[str, Any]) -> None:
    results = {
        version: _with_gap(facts["auc"], 0.2 if version == "3" else 0.01)
        for version, facts in manifest["versions"].items()
    }
    assert broken_fates(results) == []
    spoiled = {
        "every version has AUC >= 0.82": ("1", _with_gap(0.8199, 0.01)),
        "version 2 improves on 1": ("2", _with_gap(results["1"].auc + 0.0049, 0.01)),
        "version 3 improves on 2": ("3", _with_gap(results["2"].auc, 0.2)),
        "version 3 fails fairness": ("3", _with_gap(results["3"].auc, 0.05)),
        "version 4 passes fairness": ("4", _with_gap(results["4"].auc, 0.0501)),
        "version 5 does not improve on 4": ("5", _with_gap(results["4"].auc + 0.005, 0.01)),
    }
    for sentence, (version, result) in spoiled.items():
        assert broken_fates(results | {version: result}) == [sentence]


def _with_gap(auc: float, gap: float) -> Result:
    return Result(auc, {"Yes": GroupResult(auc - gap, gap, 1, 1)})


def test_the_margin_is_zero_against_itself_and_small_for_nearly_equal_models() -> None:
    training, evaluation = split_in_halves(load_customers(), SPLIT_SEED)
    artifacts = train_versions(training)
    two, four = (score(artifacts[v], evaluation) for v in ("2", "4"))
    assert improvement_margin(two, two, evaluation) == 0
    assert 0.005 < improvement_margin(four, two, evaluation) < 0.03


def test_margin_equals_the_definition_on_a_small_sample() -> None:
    customers = [Customer("0", "0", False, defaulted) for defaulted in (True, True, False, False)]
    candidate, champion = np.array([0.9, 0.3, 0.3, 0.1]), np.array([0.4, 0.6, 0.5, 0.1])
    # Placements by hand: candidate cases (1, 0.75), others (0.75, 1); champion (0.5, 1), (0.5, 1).
    # Differences (0.5, -0.25) and (0.25, 0): sample variances 0.28125 and 0.03125, each over 2.
    assert improvement_margin(candidate, champion, customers) == pytest.approx(
        1.959964 * (0.28125 / 2 + 0.03125 / 2) ** 0.5
    )


def test_groups_are_judged_on_their_own_rows() -> None:
    customers = [Customer("0", "0", student, d) for student in (False, True) for d in (False, True)]
    result = evaluate(np.array([0.1, 0.9, 0.9, 0.1]), customers)
    assert (result.groups["No"].auc, result.groups["Yes"].auc, result.auc) == (1.0, 0.0, 0.5)
    assert (result.largest_gap, result.groups["Yes"].rows) == (0.5, 2)


def test_artifacts_parse_and_carry_their_version(out: Path) -> None:
    for version in "12345":
        model = parse_model((out / version / "model.json").read_bytes())
        assert (model.name, model.version) == ("credit-risk", version)


def test_manifest_becomes_a_model_version(manifest: dict[str, Any], out: Path) -> None:
    rendered = model_version(manifest, "4")
    spec = rendered["spec"]
    assert rendered["metadata"] == {"name": "credit-risk-4", "namespace": "credit"}
    assert spec["artifact"] == {
        "uri": "s3://models/credit-risk/4/model.json",
        "digest": manifest["versions"]["4"]["digest"],
        "type": "File",
    }
    assert spec["training"]["dataset"]["digest"] != manifest["evaluation"]["digest"]
    (metric,) = spec["metrics"]
    assert metric["value"] == f"{manifest['versions']['4']['auc']:.6f}"
    inputs = json.loads((out / "4" / "model.json").read_bytes())["inputs"]
    assert spec["signature"]["inputs"] == inputs


def test_uploaded_keys_are_those_the_manifests_name(manifest: dict[str, Any]) -> None:
    keys = {f"s3://models/{key}" for key in upload.objects(manifest)}
    named = {model_version(manifest, v)["spec"]["artifact"]["uri"] for v in "12345"}
    assert keys == named | {evaluation_uri(manifest)}
