"""stagekeeper-gate measures what scikit-learn and the demo's script measure, through real servers."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import NONCE, Gate, digest_of
from servers import model, rows_of, serving

Servers = Callable[..., str]


def test_accuracy_equals_scikit_learn(
    gate: Gate, evaluation: bytes, model_server: Servers, manifest: dict[str, Any]
) -> None:
    gate.dataset(evaluation)
    gate.servers(model_server("4"), "4", (model_server("2"), "2"))
    ended = gate.run("accuracy")
    assert ended.code == 0
    report = ended.report
    assert report is not None
    assert (report["outcome"], report["nonce"], report["requestUid"]) == ("Measured", NONCE, "5f0c")
    assert report["dataset"] == digest_of(evaluation)
    measured = report["accuracy"]
    # manifest.json holds scikit-learn's AUCs of the same scores.
    versions = manifest["versions"]
    assert float(measured["auc"]) == pytest.approx(versions["4"]["auc"], abs=1e-12)
    assert float(measured["championAuc"]) == pytest.approx(versions["2"]["auc"], abs=1e-12)
    assert (measured["rows"], measured["positives"]) == ("5000", "167")
    expected = versions["4"]["versus_2"]
    low, high = float(measured["improvementLow"]), float(measured["improvementHigh"])
    assert (low + high) / 2 == pytest.approx(expected["improvement"], abs=1e-11)
    assert (high - low) / 2 == pytest.approx(expected["margin95"], rel=1e-6)
    assert measured["goldenRow"] == "0"
    assert 0 < float(measured["goldenScore"]) < 1


def test_accuracy_without_a_champion(gate: Gate, evaluation: bytes, model_server: Servers) -> None:
    gate.dataset(evaluation)
    gate.servers(model_server("1"), "1")
    report = gate.run("accuracy").report
    assert report is not None
    assert report["outcome"] == "Measured"  # 3 distinct scores are scores
    assert "championAuc" not in report["accuracy"]
    assert "improvementLow" not in report["accuracy"]


def test_fairness_equals_scikit_learn(
    gate: Gate, evaluation: bytes, model_server: Servers, manifest: dict[str, Any]
) -> None:
    gate.dataset(evaluation)
    gate.servers(model_server("3"), "3")
    report = gate.run("fairness").report
    assert report is not None
    facts = manifest["versions"]["3"]
    assert float(report["fairness"]["auc"]) == pytest.approx(facts["auc"], abs=1e-12)
    groups = {group["value"]: group for group in report["fairness"]["groups"]}
    assert groups.keys() == facts["groups"].keys()
    for name, expected in facts["groups"].items():
        assert float(groups[name]["auc"]) == pytest.approx(expected["auc"], abs=1e-12)
        assert int(groups[name]["positives"]) == expected["positives"]
        assert int(groups[name]["positives"]) + int(groups[name]["negatives"]) == expected["rows"]


def test_latency_times_single_rows_on_kept_connections(gate: Gate) -> None:
    content = b"balance,income,student_account,label\n1.5,10,0,0\n2.5,20,1,1\n"
    gate.dataset(content)
    gate.input["latency"] = {"samples": 100, "warmup": 3}
    with serving(model(lambda rows: [0.5] * len(rows))) as (origin, seen):
        gate.servers(origin, "2")
        gate.input["groupColumns"] = []
        report = gate.run("latency").report
    assert report is not None
    assert report["latency"]["samples"] == "100"
    p50, p95, p99 = (float(report["latency"][name]) for name in ("p50", "p95", "p99"))
    assert 0 < p50 <= p95 <= p99
    calls = [request for request in seen if request.path == "/invocations"]
    assert len(calls) == 103
    assert len({request.client_port for request in seen}) <= 2  # kept alive, and the client has two
    # Warm-ups begin at the first row, the samples too, around and around.
    sent = [rows_of(request) for request in calls]
    assert sent[:5] == [[[1.5, 10.0, 0]], [[2.5, 20.0, 1]], [[1.5, 10.0, 0]], [[1.5, 10.0, 0]], [[2.5, 20.0, 1]]]


def test_latency_sees_a_slow_server(gate: Gate, evaluation: bytes, model_server: Servers) -> None:
    gate.dataset(evaluation)
    gate.input["latency"] = {"samples": 100, "warmup": 2}
    gate.servers(model_server("2", delay_ms=8), "2")
    report = gate.run("latency").report
    assert report is not None
    assert 8 <= float(report["latency"]["p50"]) < 60


def test_smoke_asks_again_on_new_connections(gate: Gate, evaluation: bytes) -> None:
    gate.dataset(evaluation)
    gate.input["smoke"] = {"goldenRow": 3, "goldenScore": "0.25"}
    with serving(model(lambda rows: [0.25] * len(rows))) as (origin, seen):
        gate.servers(origin, "2")
        ended = gate.run("smoke")
    assert ended.code == 0
    assert ended.report is not None
    assert ended.report["smoke"] == {"servedVersion": "2", "goldenScore": "0.25", "healthy": True}
    assert len({request.client_port for request in seen}) == len(seen) == 20
    fourth = list(csv.DictReader(io.StringIO(evaluation.decode())))[3]
    assert rows_of(seen[-1]) == [
        [float(fourth["balance"]), float(fourth["income"]), int(fourth["student_account"])]
    ]


def test_smoke_of_the_real_server_repeats_the_golden_score(
    gate: Gate, evaluation: bytes, model_server: Servers
) -> None:
    gate.dataset(evaluation)
    origin = model_server("4")
    gate.servers(origin, "4")
    accuracy = gate.run("accuracy").report
    assert accuracy is not None
    golden = accuracy["accuracy"]["goldenScore"]
    gate.input["smoke"] = {"goldenRow": 0, "goldenScore": golden}
    report = gate.run("smoke").report
    assert report is not None
    assert report["smoke"] == {"servedVersion": "4", "goldenScore": golden, "healthy": True}


def test_only_the_signature_is_sent_in_batches(gate: Gate, evaluation: bytes) -> None:
    gate.dataset(evaluation)
    with serving(model(lambda rows: [row[0] / 1000 for row in rows])) as (origin, seen):
        gate.servers(origin, "2")
        report = gate.run("accuracy").report
    assert report is not None
    assert report["outcome"] == "Measured"
    batches = [json.loads(request.body) for request in seen if request.path == "/invocations"]
    for batch in batches:
        assert batch.keys() == {"dataframe_split"}
        assert batch["dataframe_split"]["columns"] == ["balance", "income", "student_account"]
    assert [len(batch["dataframe_split"]["data"]) for batch in batches] == [500] * 10
    assert b"label" not in b"".join(request.body for request in seen)


@pytest.mark.parametrize(
    ("scoring", "wrap"),
    [
        ({"positiveIndex": 1}, lambda score: [1 - score, score]),
        ({"path": "/out/risk"}, lambda score: {"out": {"risk": score}, "other": "x"}),
        ({"higherMeans": "Negative"}, lambda score: -score),
    ],
)
def test_scores_are_found_where_the_policy_says(
    gate: Gate, evaluation: bytes, scoring: dict[str, Any], wrap: Callable[[float], Any]
) -> None:
    gate.dataset(evaluation)
    with serving(model(lambda rows: [row[0] for row in rows])) as (origin, _):
        gate.servers(origin, "2")
        plain = gate.run("accuracy").report
    gate.input["scoring"] = scoring
    with serving(model(lambda rows: [wrap(row[0]) for row in rows])) as (origin, _):
        gate.servers(origin, "2")
        wrapped = gate.run("accuracy").report
    assert plain is not None
    assert wrapped is not None
    assert wrapped["accuracy"] == plain["accuracy"]
