"""stagekeeper-gate through each protocol and each proof of the version, against small servers that keep to the letter of them."""

import json
import math
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Gate, golden_of
from servers import Answer, Respond, Seen, serving

ROWS = b"balance,income,student_account,label\n" + b"".join(
    f"{i}.5,{i * 3},{i % 2},{int(i % 7 in (0, 3))}\n".encode() for i in range(60)
)


def score(row: list[Any]) -> float:
    return 1 / (1 + math.exp(-(row[0] - 30) / 9 + row[2]))


def tensors(request: Seen) -> list[list[Any]]:
    """The rows of an Open Inference request, refused like a strict server where it is not one."""
    inputs = json.loads(request.body)["inputs"]
    columns = []
    for tensor, (name, datatype) in zip(
        inputs, [("balance", "FP64"), ("income", "FP64"), ("student_account", "INT64")], strict=True
    ):
        assert (tensor["name"], tensor["datatype"]) == (name, datatype)
        assert tensor["shape"] == [len(tensor["data"]), 1]
        columns.append(tensor["data"])
    return [list(row) for row in zip(*columns, strict=True)]


def open_inference(version: str = "2", path: str = "/v2/models/credit-risk/versions/2") -> Respond:
    """A V2 server with one version of one model, as MLServer answers."""

    def respond(request: Seen) -> Answer:
        if request.path == f"{path}/ready":
            return Answer(b"")
        if request.path != f"{path}/infer":
            return Answer(b'{"error":"Model credit-risk with version v1 not found"}', 404)
        scores = [score(row) for row in tensors(request)]
        output = {"name": "predict_proba", "shape": [len(scores), 2], "datatype": "FP64",
                  "data": [value for one in scores for value in (1 - one, one)]}
        return Answer(json.dumps({"model_name": "credit-risk", "model_version": version, "outputs": [output]}).encode())

    return respond


def told(gate: Gate, proof: dict[str, Any], **inference: Any) -> None:
    gate.dataset(ROWS)
    gate.input["inference"] = {"versionProof": proof, **inference}
    gate.input["binaryClassification"]["groupColumns"] = []


def measured(gate: Gate) -> dict[str, Any]:
    ended = gate.run("accuracy")
    assert ended.report is not None, ended.log
    assert ended.report["outcome"] == "Measured", ended.report
    return ended.report["accuracy"]


def reason(gate: Gate, command: str = "accuracy", ready_timeout: int = 1) -> tuple[str, str, str]:
    report = gate.run(command, ready_timeout=ready_timeout).report
    assert report is not None
    return report["outcome"], report["code"], report["message"]


@pytest.mark.parametrize("proof", [{"type": "Path"}, {"type": "Body", "pointer": "/model_version"}, {"type": "Pods"}],
                         ids=lambda proof: proof["type"])
def test_open_inference_with_each_proof(gate: Gate, proof: dict[str, Any]) -> None:
    told(gate, proof, protocol="OpenInference", output="predict_proba")
    gate.task["scoring"]["positiveIndex"] = 1
    path = "/v2/models/credit-risk" + ("/versions/2" if proof["type"] == "Path" else "")
    with serving(open_inference(path=path)) as (origin, seen):
        gate.servers(origin, "2")
        found = measured(gate)
    assert found["rows"] == "60"
    golden = golden_of(found)
    assert golden == {row: score(row_of(row)) for row in golden}
    assert {request.path for request in seen} == {f"{path}/ready", f"{path}/infer"}


def row_of(index: int) -> list[Any]:
    return [index + 0.5, index * 3.0, index % 2]


@pytest.mark.parametrize("template,rows", [
    ({"signature_name": "serving_default", "instances": "${rows}"}, lambda body: body["instances"]),
    ({"input": {"names": "${columns}", "records": "${records}"}},
     lambda body: [[record[name] for name in body["input"]["names"]] for record in body["input"]["records"]]),
], ids=["rows", "records"])
def test_json_by_a_template(gate: Gate, template: Any, rows: Callable[[Any], list[list[Any]]]) -> None:
    told(gate, {"type": "Path"}, protocol="Json", template=json.dumps(template), predictions="/out/scores",
         scoringPath="/v1/models/${model}/versions/${version}:predict", healthPath="/v1/models/${model}/versions/${version}")

    def respond(request: Seen) -> Answer:
        if request.path == "/v1/models/credit-risk/versions/2":
            return Answer()
        assert request.path == "/v1/models/credit-risk/versions/2:predict"
        return Answer(json.dumps({"out": {"scores": [score(row) for row in rows(json.loads(request.body))]}}).encode())

    with serving(respond) as (origin, _):
        gate.servers(origin, "2")
        assert measured(gate)["rows"] == "60"


def test_another_version_in_the_body_is_no_measurement(gate: Gate) -> None:
    told(gate, {"type": "Body", "pointer": "/model_version"}, protocol="OpenInference")
    gate.task["scoring"]["positiveIndex"] = 1
    with serving(open_inference("1", "/v2/models/credit-risk")) as (origin, _):
        gate.servers(origin, "2")
        outcome, code, message = reason(gate)
    assert (outcome, code) == ("Errored", "WrongVersion")
    assert "answers with version 1, expected version 2" in message


def test_a_version_that_is_not_at_its_path_is_no_measurement(gate: Gate) -> None:
    told(gate, {"type": "Path"}, protocol="OpenInference")
    with serving(open_inference()) as (origin, _):
        gate.servers(origin, "3")
        outcome, code, message = reason(gate)
    assert (outcome, code) == ("Errored", "WrongVersion")
    assert "does not serve version 3" in message


@pytest.mark.parametrize("body,code,says", [
    (b"<html><h1>502 Bad Gateway</h1>", "BadPredictions", '"<html><h1>502 Bad Gateway</h1>"'),
    (b'{"predictions": [0.5]}', "BadPredictions", "an object with predictions"),
    (b'{"outputs": [{"name": "o", "shape": [59], "data": []}]}', "PredictionsMismatch", "59 predictions for 60 rows"),
    (b'{"outputs": [{"name": "o", "shape": [60], "data": [NaN]}]}', "NotFinite", "NaN"),
    (json.dumps({"outputs": [{"name": "o", "shape": [60], "data": ["x"] * 60}]}).encode(), "BadPredictions", "a string"),
    (b"[" + b" " * (5 << 20) + b"]", "ScoringFailed", "larger than"),
], ids=["page", "other protocol", "too few", "nan", "strings", "huge"])
def test_answers_that_are_none(gate: Gate, body: bytes, code: str, says: str) -> None:
    told(gate, {"type": "Pods"}, protocol="OpenInference")
    with serving(lambda request: Answer(b"" if request.path.endswith("ready") else body)) as (origin, _):
        gate.servers(origin, "2")
        _, found, message = reason(gate)
    assert found == code
    assert says in message


def test_a_gap_cannot_be_a_tensor(gate: Gate) -> None:
    told(gate, {"type": "Pods"}, protocol="OpenInference")
    gate.dataset(ROWS + b",1,0,1\n")
    with serving(open_inference(path="/v2/models/credit-risk")) as (origin, seen):
        gate.servers(origin, "2")
        outcome, code, message = reason(gate)
    assert (outcome, code) == ("Inconclusive", "MissingValue")
    assert "row 61 has no value in column balance" in message


@pytest.mark.parametrize("inference,says", [
    ({"protocol": "Grpc", "versionProof": {"type": "Pods"}}, "protocol is none"),
    ({"protocol": "MLflow", "versionProof": {"type": "Path"}}, "has none of its own"),
    ({"protocol": "MLflow", "versionProof": {"type": "Body"}}, "no JSON Pointer"),
    ({"protocol": "Json", "versionProof": {"type": "Pods"}, "template": "{}", "scoringPath": "/", "healthPath": "/"}, "exactly one string"),
])
def test_what_cannot_be_asked_is_said_at_once(gate: Gate, inference: dict[str, Any], says: str) -> None:
    told(gate, {"type": "Pods"})
    gate.input["inference"] = inference
    outcome, code, message = reason(gate)
    assert (outcome, code) == ("Errored", "InvalidInput")
    assert says in message


@pytest.mark.parametrize("proof,versions", [({"type": "Pods"}, None), ({"type": "Body", "pointer": "/model_version"}, "2")],
                         ids=["Pods", "Body"])
def test_smoke_says_which_version_it_saw_only_where_it_did(gate: Gate, proof: dict[str, Any], versions: str | None) -> None:
    told(gate, proof, protocol="OpenInference")
    gate.task["scoring"]["positiveIndex"] = 1
    gate.input["parameters"] = {"golden": f"5={score(row_of(5))!r}"}
    with serving(open_inference(path="/v2/models/credit-risk")) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("smoke").report
    assert report is not None
    assert report["smoke"].get("servedVersion") == versions
    assert report["smoke"]["healthy"]


def test_smoke_of_a_body_with_another_version(gate: Gate) -> None:
    told(gate, {"type": "Body", "pointer": "/model_version"}, protocol="OpenInference")
    gate.task["scoring"]["positiveIndex"] = 1
    gate.input["parameters"] = {"golden": "5=0.5"}
    with serving(open_inference("1", "/v2/models/credit-risk")) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("smoke").report
    assert report is not None
    assert report["smoke"]["servedVersion"] == "1"


def test_idle_connections_that_a_server_closes_fail_nothing(gate: Gate) -> None:
    """As uvicorn does after 5 s: the client finds the connection closed when it sends."""
    told(gate, {"type": "Pods"}, protocol="OpenInference")
    gate.task["scoring"]["positiveIndex"] = 1
    with serving(open_inference(path="/v2/models/credit-risk"), close_after_each=True) as (origin, _):
        gate.servers(origin, "2", (origin, "1"))
        assert measured(gate)["championAuc"] == measured(gate)["auc"]


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server for the name of a Service, and the authority that vouches for it."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=test", "-addext", "subjectAltName=DNS:m.credit.svc", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def guarded(request: Seen) -> Answer:
    if request.headers.get("Authorization") != "Bearer s3cret.token":
        return Answer(b"no", 401)
    return open_inference(path="/v2/models/credit-risk")(request)


def test_https_with_an_authority_and_a_token_from_files(gate: Gate, tmp_path: Path, certified: tuple[ssl.SSLContext, Path]) -> None:
    context, cert = certified
    token = tmp_path / "token"
    token.write_text("s3cret.token\n")  # as `echo token | base64` makes a Secret
    told(gate, {"type": "Pods"}, protocol="OpenInference", serverName="m.credit.svc")
    gate.task["scoring"]["positiveIndex"] = 1
    with serving(guarded, tls=context) as (origin, seen):
        gate.servers(origin, "2")
        ended = gate.run("accuracy", env={"INFERENCE_CA_FILE": str(cert), "INFERENCE_TOKEN_FILE": str(token)})
    assert ended.report is not None
    assert ended.report["outcome"] == "Measured", ended.report
    assert {request.headers["Host"] for request in seen} == {"m.credit.svc"}
    assert "s3cret" not in ended.log + json.dumps(ended.report)


@pytest.mark.parametrize("name,trusted,says", [("other.credit.svc", True, "certificate refused"), ("m.credit.svc", False, "certificate refused")])
def test_a_server_that_is_not_certified_is_never_asked(
    gate: Gate, certified: tuple[ssl.SSLContext, Path], name: str, trusted: bool, says: str
) -> None:
    context, cert = certified
    told(gate, {"type": "Pods"}, protocol="OpenInference", serverName=name)
    with serving(guarded, tls=context) as (origin, seen):
        gate.servers(origin, "2")
        report = gate.run("accuracy", ready_timeout=1, env={"INFERENCE_CA_FILE": str(cert)} if trusted else {}).report
    assert report is not None
    assert report["code"] == "CandidateNotReady"
    assert says in report["message"]
    assert seen == []


def test_without_the_token_the_message_says_what_is_missing(gate: Gate, certified: tuple[ssl.SSLContext, Path]) -> None:
    context, cert = certified
    told(gate, {"type": "Pods"}, protocol="OpenInference", serverName="m.credit.svc")
    with serving(lambda r: Answer() if r.path.endswith("ready") else guarded(r), tls=context) as (origin, _):
        gate.servers(origin, "2")
        report = gate.run("accuracy", env={"INFERENCE_CA_FILE": str(cert)}).report
    assert report is not None
    assert (report["code"], "bearerTokenSecretRef" in report["message"]) == ("ScoringRefused", True)


@pytest.mark.parametrize("content", [b"", b"two words", b"line\nbreak", b"\xff"])
def test_what_is_no_token_is_refused_and_not_shown(gate: Gate, tmp_path: Path, content: bytes) -> None:
    token = tmp_path / "token"
    token.write_bytes(content)
    told(gate, {"type": "Pods"}, protocol="OpenInference")
    ended = gate.run("accuracy", env={"INFERENCE_TOKEN_FILE": str(token)})
    assert ended.report is not None
    assert ended.report["code"] == "InvalidInput"
    assert "words" not in ended.log + json.dumps(ended.report)
