"""stagekeeper-gate says what it could not measure, and never a number it did not see."""

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Gate, digest_of
from servers import Answer, Seen, model, serving

ROWS = 120
TABLE = b"balance,income,student_account,demographic_group,label\n" + b"".join(
    f"{n}.5,{n * 10},{n % 2},{'Yes' if n % 2 else 'No'},{int(n % 3 == 0)}\n".encode() for n in range(ROWS)
)


def balances(rows: list[list[Any]]) -> list[float]:
    return [row[0] for row in rows]


def status(code: int) -> Callable[[Seen], Answer]:
    def respond(request: Seen) -> Answer:
        if request.path == "/ping":
            return Answer(headers={"X-Model-Version": "2"})
        return Answer(b'{"error": "row 3 holds 4711.0815"}', code, {"X-Model-Version": "2"})

    return respond


@pytest.mark.parametrize(
    ("respond", "outcome", "code"),
    [
        (model(lambda rows: balances(rows)[:-1]), "Inconclusive", "PredictionsMismatch"),
        (model(lambda rows: [0.5] * len(rows)), "Inconclusive", "ConstantScores"),
        (model(lambda rows: [float(n % 2) for n in range(len(rows))]), "Inconclusive", "ClassLabels"),
        (model(lambda _: b'{"predictions": [NaN]}'), "Inconclusive", "NotFinite"),
        (model(lambda rows: [None] * len(rows)), "Inconclusive", "NotFinite"),
        (model(lambda rows: ["1"] * len(rows)), "Errored", "BadPredictions"),
        (model(lambda rows: [True] * len(rows)), "Errored", "BadPredictions"),
        (model(lambda rows: [[0.1, 0.9]] * len(rows)), "Errored", "BadPredictions"),
        (model(lambda _: b'{"scores": []}'), "Errored", "BadPredictions"),
        (model(lambda _: b"<html>"), "Errored", "BadPredictions"),
        (model(lambda _: b" " * (5 << 20)), "Errored", "ScoringFailed"),
        (model(balances, lambda request: "2" if request.path == "/ping" else "3"), "Errored", "WrongVersion"),
        (status(400), "Errored", "ScoringRefused"),
        (status(429), "Errored", "ScoringFailed"),
        (status(503), "Errored", "ScoringFailed"),
    ],
)
def test_a_misbehaving_server_measures_nothing(
    gate: Gate, respond: Callable[[Seen], Answer], outcome: str, code: str
) -> None:
    gate.dataset(TABLE)
    with serving(respond) as (origin, _):
        gate.servers(origin, "2")
        ended = gate.run("accuracy")
    assert ended.report is not None
    assert (ended.report["outcome"], ended.report["code"]) == (outcome, code)
    assert ended.code == (0 if outcome == "Inconclusive" else 1)
    assert "accuracy" not in ended.report
    # Neither report nor log repeats what may be rows.
    assert "4711.0815" not in str(ended.report) + ended.log


def test_a_wrong_version_is_named_with_the_right_one(gate: Gate) -> None:
    gate.dataset(TABLE)
    calls = iter(range(1000))
    # The version changes in the middle: the second batch of the second server.
    with (
        serving(model(balances)) as (candidate, _),
        serving(model(balances, lambda _: "1" if next(calls) < 1 else "7")) as (champion, _),
    ):
        gate.servers(candidate, "2", (champion, "1"))
        report = gate.run("accuracy").report
    assert report is not None
    assert report["code"] == "WrongVersion"
    assert "champion" in report["message"]
    assert "version 7" in report["message"]
    assert "version 1" in report["message"]


@pytest.mark.parametrize(
    ("respond", "code", "says"),
    [
        (lambda _: Answer(status=503), "CandidateNotReady", "503"),
        (lambda _: Answer(), "WrongVersion", "without the header X-Model-Version"),
        (lambda _: Answer(headers={"X-Model-Version": "1"}), "WrongVersion", "version 1"),
    ],
)
def test_a_server_that_is_never_ready(
    gate: Gate, respond: Callable[[Seen], Answer], code: str, says: str
) -> None:
    gate.dataset(TABLE)
    with serving(respond) as (origin, seen):
        gate.servers(origin, "2")
        ended = gate.run("accuracy", ready_timeout=2)
    assert ended.code == 1
    assert ended.report is not None
    assert ended.report["code"] == code
    assert says in ended.report["message"]
    assert 3 <= len(seen) <= 5


def test_nobody_listens(gate: Gate) -> None:
    gate.dataset(TABLE)
    report = gate.run("fairness", ready_timeout=1).report
    assert report is not None
    assert report["code"] == "CandidateNotReady"
    assert "127.0.0.1:1" in report["message"]
    assert "NetworkPolicy" in report["message"]


def test_an_unpinned_model_server_is_not_ready(gate: Gate, model_server: Callable[..., str]) -> None:
    gate.dataset(TABLE)
    gate.servers(model_server(None), "2")
    report = gate.run("accuracy", ready_timeout=1).report
    assert report is not None
    assert report["code"] == "CandidateNotReady"
    assert "answered 503" in report["message"]
    assert "NetworkPolicy" not in report["message"], "somebody has answered"


def test_the_gate_waits_for_a_server_that_is_late(gate: Gate) -> None:
    gate.dataset(TABLE)
    pings = iter(range(1000))
    ready = model(balances)

    def late(request: Seen) -> Answer:
        return Answer(status=503) if request.path == "/ping" and next(pings) < 2 else ready(request)

    with serving(late) as (origin, _):
        gate.servers(origin, "2")
        assert gate.run("accuracy").code == 0


def test_smoke_reports_another_version_that_keeps_answering(gate: Gate) -> None:
    gate.dataset(TABLE)
    gate.input["parameters"] = {"golden": "0=0.5"}
    calls = iter(range(1000))
    # Every third connection reaches a pod of the version before.
    with serving(model(balances, lambda _: "1" if next(calls) % 3 == 2 else "2")) as (origin, _):
        gate.servers(origin, "2")
        ended = gate.run("smoke", ready_timeout=2)
    assert ended.code == 0
    assert ended.report is not None
    assert ended.report["smoke"]["servedVersion"] == "1"
    assert "golden" not in ended.report["smoke"]


def test_smoke_waits_until_the_old_pods_are_gone(gate: Gate) -> None:
    gate.dataset(TABLE)
    gate.input["parameters"] = {"golden": "0=0.5"}
    calls = iter(range(1000))
    with serving(model(balances, lambda _: "1" if next(calls) in (0, 5) else "2")) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("smoke").report
    assert report is not None
    assert report["smoke"]["servedVersion"] == "2"


def test_smoke_reports_the_one_row_that_scores_otherwise(gate: Gate) -> None:
    gate.dataset(TABLE)
    gate.input["parameters"] = {"golden": "0=0.5 1=0.5"}
    with serving(model(lambda rows: [0.5] * (len(rows) - 1) + [0.75])) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("smoke").report
    assert report is not None
    assert report["smoke"] == {"servedVersion": "2", "golden": "0=0.5 1=0.75", "healthy": True}


def test_smoke_reports_the_replica_that_scores_otherwise(gate: Gate) -> None:
    gate.dataset(TABLE)
    gate.input["parameters"] = {"golden": "0=0.5"}
    calls = iter(range(1000))
    with serving(model(lambda _: [0.5 if next(calls) < 7 else 0.75])) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("smoke").report
    assert report is not None
    assert report["smoke"] == {"servedVersion": "2", "golden": "0=0.75", "healthy": True}


@pytest.mark.parametrize(
    ("table", "outcome", "code"),
    [
        (TABLE.replace(b",1\n", b",0\n"), "Inconclusive", "OneClass"),
        (TABLE.replace(b"balance", b"amount"), "Errored", "MissingColumn"),
        (TABLE + b"1,2\n", "Errored", "TableInvalid"),
        (TABLE.splitlines()[0] + b"\n", "Inconclusive", "NoRows"),
        (TABLE + b"1,2,0,No,\n", "Inconclusive", "MissingLabel"),
    ],
)
def test_data_that_cannot_tell(gate: Gate, table: bytes, outcome: str, code: str) -> None:
    gate.dataset(table)
    with serving(model(balances)) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("accuracy").report
    assert report is not None
    assert (report["outcome"], report["code"]) == (outcome, code)


def test_a_dataset_changed_after_the_fetch_is_refused(gate: Gate) -> None:
    gate.dataset(TABLE)
    (gate.work / "dataset.csv").write_bytes(TABLE + b"9.5,1,0,No,1\n")
    ended = gate.run("accuracy")
    assert ended.code == 1
    assert ended.report is not None
    assert ended.report["code"] == "DatasetDigestMismatch"
    assert digest_of(TABLE) in ended.report["message"]


def test_more_groups_than_a_report_holds(gate: Gate) -> None:
    gate.dataset(TABLE)
    gate.task["groupColumns"] = ["balance"]
    with serving(model(balances)) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("fairness").report
    assert report is not None
    assert (report["outcome"], report["code"]) == ("Inconclusive", "TooManyGroups")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda given: given.pop("nonce"),
        lambda given: given.update(schema=1),
        lambda given: given["binaryClassification"].update(labelColumn="balance"),
        lambda given: given["binaryClassification"]["scoring"].update(higherMeans="Both"),
        lambda given: given.pop("binaryClassification"),
    ],
)
def test_a_spoiled_input_makes_no_report(gate: Gate, spoil: Callable[[dict[str, Any]], Any]) -> None:
    gate.dataset(TABLE)
    spoil(gate.input)
    ended = gate.run("accuracy")
    assert (ended.code, ended.report) == (2, None)
    assert "bad input" in ended.log


def test_parameters_that_a_kind_does_not_know_are_named(gate: Gate) -> None:
    gate.dataset(TABLE)
    gate.input["parameters"] = {"samples": 100, "parallel": 3}
    report = gate.run("latency").report
    assert report is not None
    assert (report["outcome"], report["code"]) == ("Errored", "UnknownField")
    assert "parameters.parallel" in report["message"]


def test_a_command_for_another_kind_makes_no_report(gate: Gate) -> None:
    gate.dataset(TABLE)
    run = gate.run("latency", kind="Fairness")
    assert (run.code, run.report) == (2, None)
    assert "the input is for fairness, not for latency" in run.log


def test_the_refusal_of_a_server_is_told_by_its_code_word(gate: Gate) -> None:
    def refusing(request: Seen) -> Answer:
        if request.path == "/ping":
            return Answer(headers={"X-Model-Version": "2"})
        body = b'{"error_code": "BAD_REQUEST", "message": "row 3 holds 4711.0815"}'
        return Answer(body, 400, {"X-Model-Version": "2"})

    gate.dataset(TABLE)
    with serving(refusing) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("accuracy").report
    assert report is not None
    assert "answered 400 BAD_REQUEST" in report["message"]
    assert "4711.0815" not in report["message"]


@pytest.mark.parametrize(
    ("last_label", "code", "says"),
    [
        (b"1.0", "UnclearLabels", '"1.0" in row 120'),
        (b"1 ", "UnclearLabels", '"1 " in row 120'),
        (b"NaN", "MissingLabel", "row 120"),
        (b'""', "MissingLabel", "row 120"),
    ],
)
def test_labels_that_are_neither_of_two_values_measure_nothing(
    gate: Gate, last_label: bytes, code: str, says: str
) -> None:
    gate.dataset(TABLE + b"1,2,0,No," + last_label + b"\n")
    with serving(model(balances)) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("accuracy").report
    assert report is not None
    assert (report["outcome"], report["code"]) == ("Inconclusive", code)
    assert says in report["message"]


def test_names_of_as_many_characters_as_the_kinds_allow(gate: Gate) -> None:
    name = "\N{BANK}" * 256
    gate.dataset(TABLE.replace(b",label\n", f",{name}\n".encode()))
    gate.task["labelColumn"] = name
    with serving(model(balances)) as (origin, _):
        gate.servers(origin, "2")
        assert gate.run("accuracy").code == 0
