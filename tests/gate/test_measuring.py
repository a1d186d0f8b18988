"""stagekeeper-gate measures what scikit-learn and the demo's script measure, through real servers."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import NONCE, Gate, digest_of, golden_of
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
    golden = golden_of(measured)
    assert len(golden) == 8
    assert all(0 <= row < 5000 and 0 < score < 1 for row, score in golden.items())


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
    assert report["fairness"]["columns"] == ["demographic_group"]
    groups = {value: (auc, positives, negatives) for _, value, auc, positives, negatives in report["fairness"]["groups"]}
    assert groups.keys() == facts["groups"].keys()
    for name, expected in facts["groups"].items():
        auc, positives, negatives = groups[name]
        assert float(auc) == pytest.approx(expected["auc"], abs=1e-12)
        assert positives == expected["positives"]
        assert positives + negatives == expected["rows"]


def test_latency_times_single_rows_on_kept_connections(gate: Gate) -> None:
    content = b"balance,income,student_account\n1.5,10,0\n2.5,20,1\n"  # it needs no labels
    gate.dataset(content)
    del gate.input["binaryClassification"]
    gate.input["parameters"] = {"samples": 100, "warmup": 3}
    with serving(model(lambda rows: ["no", "score"][:len(rows)])) as (origin, seen):
        gate.servers(origin, "2")
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
    gate.input["parameters"] = {"samples": 100, "warmup": 2}
    gate.servers(model_server("2", delay_ms=8), "2")
    report = gate.run("latency").report
    assert report is not None
    assert 8 <= float(report["latency"]["p50"]) < 60


def test_smoke_asks_again_on_new_connections(gate: Gate, evaluation: bytes) -> None:
    gate.dataset(evaluation)
    gate.input["parameters"] = {"golden": "3=0.25 7=0.25"}
    with serving(model(lambda rows: [0.25] * len(rows))) as (origin, seen):
        gate.servers(origin, "2")
        ended = gate.run("smoke")
    assert ended.code == 0
    assert ended.report is not None
    assert ended.report["smoke"] == {"servedVersion": "2", "golden": "3=0.25 7=0.25", "healthy": True}
    assert len({request.client_port for request in seen}) == len(seen) == 20
    all_rows = list(csv.DictReader(io.StringIO(evaluation.decode())))
    assert rows_of(seen[-1]) == [
        [float(row["balance"]), float(row["income"]), int(row["student_account"])] for row in (all_rows[3], all_rows[7])
    ]


def test_smoke_of_the_real_server_repeats_the_golden_scores(
    gate: Gate, evaluation: bytes, model_server: Servers
) -> None:
    gate.dataset(evaluation)
    origin = model_server("4")
    gate.servers(origin, "4")
    accuracy = gate.run("accuracy").report
    assert accuracy is not None
    golden = accuracy["accuracy"]["golden"]
    gate.input["parameters"] = {"golden": golden}
    report = gate.run("smoke").report
    assert report is not None
    assert report["smoke"] == {"servedVersion": "4", "golden": golden, "healthy": True}


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
    gate.task["scoring"] = scoring
    with serving(model(lambda rows: [wrap(row[0]) for row in rows])) as (origin, _):
        gate.servers(origin, "2")
        wrapped = gate.run("accuracy").report
    assert plain is not None
    assert wrapped is not None
    assert wrapped["accuracy"] == plain["accuracy"]


def test_each_attempt_chooses_golden_rows_of_its_own(gate: Gate, evaluation: bytes) -> None:
    gate.dataset(evaluation)
    balances = [float(row["balance"]) for row in csv.DictReader(io.StringIO(evaluation.decode()))]
    chosen = set()
    with serving(model(lambda rows: [row[0] / 1000 for row in rows])) as (origin, _):
        gate.servers(origin, "2")
        for attempt in range(3):
            gate.input["nonce"] = f"{attempt:032x}"
            report = gate.run("accuracy").report
            assert report is not None
            golden = golden_of(report["accuracy"])
            assert golden == {row: balances[row] / 1000 for row in golden}
            assert report["message"] == ""
            chosen |= golden.keys()
    assert len(chosen) > 20


def test_smoke_without_a_dataset_looks_at_health_and_version(gate: Gate) -> None:
    del gate.input["dataset"]
    del gate.input["binaryClassification"]
    gate.input["features"] = []
    with serving(model(lambda rows: [0.5] * len(rows))) as (origin, seen):
        gate.servers(origin, "2")
        ended = gate.run("smoke")
    assert ended.report is not None
    assert ended.report["smoke"] == {"servedVersion": "2", "healthy": True}
    assert "dataset" not in ended.report
    assert {request.path for request in seen} == {"/ping"}


def test_smoke_without_a_known_score_tries_a_row(gate: Gate, evaluation: bytes) -> None:
    gate.dataset(evaluation)
    with serving(model(lambda rows: ["class a"] * len(rows))) as (origin, seen):
        gate.servers(origin, "2")
        report = gate.run("smoke").report
    assert report is not None
    assert report["smoke"] == {"servedVersion": "2", "healthy": True}
    assert [request.path for request in seen].count("/invocations") == 1


def test_connections_that_the_server_closes_meanwhile_fail_no_gate(gate: Gate, evaluation: bytes) -> None:
    gate.dataset(evaluation)
    with serving(model(lambda rows: [row[0] / 1000 for row in rows]), close_after_each=True) as (origin, seen):
        gate.servers(origin, "2", (origin, "2"))
        ended = gate.run("accuracy")
    assert ended.report is not None
    assert ended.report["outcome"] == "Measured", ended.report
    assert len({request.client_port for request in seen}) > 10


def test_fairness_of_sixty_four_groups(gate: Gate) -> None:
    rows = "".join(
        f"{n}.5,{n},{n % 2},the district of number {n % 64:02},{int(n % 3 == 0)}\n" for n in range(64 * 12)
    )
    gate.dataset(b"balance,income,student_account,demographic_group,label\n" + rows.encode())
    with serving(model(lambda rows: [row[0] % 97 / 97 for row in rows])) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("fairness").report
    assert report is not None
    assert report["outcome"] == "Measured"
    assert len(report["fairness"]["groups"]) == 64
