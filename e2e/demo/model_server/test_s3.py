"""Loading from an object store, against a small imposter that answers as S3 does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from model_server.conftest import CUSTOMER, VERSION_2, Launch, Running, Start

KEY = "/models/credit-risk/2/model.json"


class Store(ThreadingHTTPServer):
    """Holds objects by path; `outages` requests are answered 503 first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _StoreHandler)
        self.objects = {KEY: json.dumps(VERSION_2).encode()}
        self.outages = 0
        self.authorizations: list[str] = []


class _StoreHandler(BaseHTTPRequestHandler):
    server: Store

    def do_GET(self) -> None:
        self.server.authorizations.append(self.headers["Authorization"])
        if self.server.outages:
            self.server.outages -= 1
            self._answer(503, b"<Error><Code>SlowDown</Code></Error>")
        elif (content := self.server.objects.get(self.path)) is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, content)

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def s3_pin(pin: dict[str, str], store: Store) -> dict[str, str]:
    return pin | {
        "MODEL_URI": f"s3:/{KEY}",
        "S3_ENDPOINT": f"http://127.0.0.1:{store.server_port}",
        "S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }


def test_loads_the_object_with_a_signed_request(
    start: Start, s3_pin: dict[str, str], store: Store
) -> None:
    assert start(s3_pin).score(CUSTOMER).json == {"predictions": [0.02]}
    assert "Credential=reader/" in store.authorizations[0]


def test_waits_not_ready_while_the_store_is_down_and_then_serves(
    launch: Launch, s3_pin: dict[str, str], store: Store
) -> None:
    store.outages = 2  # pauses of 0.5 s and 1 s
    server = Running(launch(s3_pin))
    server.wait_for("store-unavailable")
    waiting = server.call("GET", "/ping")
    assert waiting.status == 503
    assert waiting.json["error"].startswith("waiting for version 2: S3 answered 503")
    server.wait_for("loaded")
    assert server.call("GET", "/ping").status == 200


def test_waits_while_nothing_listens(launch: Launch, s3_pin: dict[str, str]) -> None:
    server = Running(launch(s3_pin | {"S3_ENDPOINT": "http://127.0.0.1:1"}))
    assert "cannot read s3:/" in server.wait_for("store-unavailable")["error"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MODEL_URI": "s3://models/credit-risk/2/other.json"}, "S3 answered 404"),
        ({"MODEL_DIGEST": "sha256:" + "0" * 64}, "but MODEL_DIGEST pins"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "are not set"),
        ({"S3_CA_FILE": "/nowhere/ca.crt"}, 'S3_CA_FILE is "/nowhere/ca.crt": no such file'),
        ({"S3_ENDPOINT": "no endpoint"}, "loading version 2 failed"),
    ],
)
def test_refuses_what_waiting_cannot_mend(
    launch: Launch, s3_pin: dict[str, str], change: dict[str, str], reason: str
) -> None:
    process = launch(
        s3_pin | {"HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"} | change
    )
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert reason in errors


def test_refuses_too_large_an_object(launch: Launch, s3_pin: dict[str, str], store: Store) -> None:
    store.objects[KEY] = b" " * ((1 << 20) + 1)
    process = launch(s3_pin)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, "larger than 1048576 bytes" in errors) == (1, True)
