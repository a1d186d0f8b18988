"""The server as its callers meet it: a process, HTTP, signals, exit status."""

import json
import signal
import socket
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from model_server.conftest import CUSTOMER, VERSION_2, Launch, Start, call, pin_to
from model_server.log import report_refusal
from model_server.protocol import MAX_BODY_BYTES, MAX_ROWS


def test_pinned_server_is_ready_and_scores(start: Start, pin: dict[str, str]) -> None:
    server = start(pin)
    ping = server.call("GET", "/ping")
    assert (ping.status, ping.json) == (200, {"model": "credit-risk", "version": "2"})
    answer = server.score(CUSTOMER, CUSTOMER | {"balance": 1600}, CUSTOMER | {"balance": 0})
    assert (answer.status, answer.json) == (200, {"predictions": [0.02, 0.4, 0.001]})


def test_split_and_records_score_alike_whatever_the_column_order(
    start: Start, pin: dict[str, str]
) -> None:
    server = start(pin)
    columns = ["student_account", "balance", "income"]
    split = {"dataframe_split": {"columns": columns, "data": [[0, 900.5, 31_000]]}}
    assert server.call("POST", "/invocations", split).json == server.score(CUSTOMER).json


def test_unpinned_server_stays_up_and_says_who_pins_it(start: Start) -> None:
    server = start({})
    for answer in (server.call("GET", "/ping"), server.score(CUSTOMER)):
        assert answer.status == 503
        assert answer.json["error"].startswith("not pinned: the Stagekeeper operator sets")
        assert answer.headers["X-Model-Version"] == "none"
    assert server.process.poll() is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MODEL_DIGEST": "sha256:" + "0" * 64}, "but MODEL_DIGEST pins sha256:0000"),
        ({"MODEL_VERSION": "3"}, "is version 2, but MODEL_VERSION pins 3"),
        ({"MODEL_NAME": "churn"}, 'is model "credit-risk", but MODEL_NAME pins "churn"'),
        ({"MODEL_URI": "file:///nowhere/2/model.json"}, "cannot read /nowhere/2/model.json"),
        ({"MODEL_VERSION": "latest"}, "an alias: pin an explicit version number"),
        ({"PORT": "65536"}, 'PORT is "65536": give a whole number from 0 to 65535'),
        ({"MODEL_DELAY_MS": "-1"}, 'MODEL_DELAY_MS is "-1"'),
    ],
)
def test_refuses_to_start(
    launch: Launch, pin: dict[str, str], change: dict[str, str], reason: str
) -> None:
    process = launch(pin | change)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert reason in errors
    assert errors.startswith("refusing to start: ")
    assert errors.count("\n") == 1


def test_refuses_an_artifact_that_is_no_model(launch: Launch, tmp_path: Path) -> None:
    process = launch(pin_to(tmp_path, VERSION_2 | {"form": "forest"}))
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, 'form "forest" is unknown' in errors) == (1, True)


def test_refusal_reaches_the_termination_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    termination_log = tmp_path / "termination-log"
    termination_log.write_text("a longer message that an earlier container left behind")
    report_refusal("wrong\ndigest", str(termination_log))
    assert termination_log.read_text() == "refusing to start: wrong digest\n"
    assert capsys.readouterr().err == "refusing to start: wrong digest\n"


def test_refusal_makes_no_termination_log_outside_a_pod(tmp_path: Path) -> None:
    report_refusal("wrong digest", str(tmp_path / "absent"))
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/ping", None, 200),
        ("POST", "/invocations", {"dataframe_records": [CUSTOMER]}, 200),
        ("POST", "/invocations", b"not json", 400),
        ("GET", "/version", None, 404),
        ("GET", "/invocations", None, 405),
        ("DELETE", "/ping", None, 501),
    ],
)
def test_every_response_names_the_version(
    start: Start, pin: dict[str, str], method: str, path: str, body: Any, status: int
) -> None:
    answer = start(pin).call(method, path, body)
    assert (answer.status, answer.headers["X-Model-Version"]) == (status, "2")
    assert answer.headers["Content-Type"] == "application/json"


def test_connection_is_kept_alive_over_errors(start: Start, pin: dict[str, str]) -> None:
    connection = start(pin).connect()
    connection.connect()
    first_socket = connection.sock
    statuses = [
        call(connection, "GET", "/ping").status,
        call(connection, "POST", "/invocations", "{}").status,
        call(connection, "POST", "/nowhere", "a body nobody wants").status,
        call(connection, "GET", "/ping").status,
    ]
    assert statuses == [200, 400, 404, 200]
    assert connection.sock is first_socket  # http.client drops it when the server closes


def test_too_large_a_body_is_answered_before_the_connection_closes(
    start: Start, pin: dict[str, str]
) -> None:
    answer = start(pin).call("POST", "/invocations", b" " * (MAX_BODY_BYTES + 1))
    assert (answer.status, answer.headers["Connection"]) == (413, "close")
    assert f"send at most {MAX_BODY_BYTES}" in answer.json["error"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: minus one", b"400"),
        (b"Content-Length: -1", b"400"),
    ],
)
def test_body_of_unknown_length_is_refused(
    start: Start, pin: dict[str, str], header: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", start(pin).port), timeout=10) as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
        assert raw.makefile("rb").read().startswith(b"HTTP/1.1 " + status)  # and closes


def test_scores_5000_rows_in_one_request_quickly(start: Start, pin: dict[str, str]) -> None:
    started = time.monotonic()
    answer = start(pin).score(*[CUSTOMER] * 5_000)
    assert len(answer.json["predictions"]) == 5_000 <= MAX_ROWS
    assert time.monotonic() - started < 5  # 0.1 s on an idle machine


def test_delay_is_added_to_every_scoring_call_but_not_to_ping(
    start: Start, pin: dict[str, str]
) -> None:
    server = start(pin | {"MODEL_DELAY_MS": "300"})
    started = time.monotonic()
    server.score(CUSTOMER)
    assert time.monotonic() - started >= 0.3
    pings = []
    for _ in range(5):
        started = time.monotonic()
        server.call("GET", "/ping")
        pings.append(time.monotonic() - started)
    assert statistics.median(pings) < 0.3


def test_sigterm_fails_ping_first_and_serves_on_until_the_end(
    start: Start, pin: dict[str, str]
) -> None:
    server = start(pin)
    kept_alive = server.connect()
    assert call(kept_alive, "GET", "/ping").status == 200
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    server.wait_for("draining")
    ping, scored = server.call("GET", "/ping"), server.score(CUSTOMER)
    assert (ping.status, ping.json["error"]) == (503, "draining: this server is shutting down")
    assert (scored.status, scored.headers["Connection"]) == (200, "close")
    assert server.process.wait(timeout=10) == 0
    assert time.monotonic() - started < 5
    assert server.wait_for("drained")["complete"] is True


def test_a_request_in_flight_at_sigterm_is_answered(start: Start, pin: dict[str, str]) -> None:
    server = start(pin | {"MODEL_DELAY_MS": "2500"})  # longer than the server keeps accepting
    connection = server.connect()
    connection.request("POST", "/invocations", json.dumps({"dataframe_records": [CUSTOMER]}))
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    assert connection.getresponse().status == 200
    assert server.process.wait(timeout=10) == 0
