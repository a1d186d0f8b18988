"""Fixtures: a model artifact on disk and servers that run as processes of their own."""

import hashlib
import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).parents[1]
VERSION_2 = {
    "schema": "stagekeeper.dev/demo-model/v1",
    "model": "credit-risk",
    "version": "2",
    "form": "bands",
    "edges": [800.0, 1600.0],
    "scores": [0.001, 0.02, 0.4],
}
CUSTOMER: dict[str, float] = {"balance": 900.5, "income": 31_000, "student_account": 0}


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    json: Any


class Running:
    """A started server process and its log lines so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self._lines = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.port = int(self.wait_for("listening")["port"])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._lines:
                self.events.append(json.loads(line))
                self._lines.notify_all()

    def wait_for(self, event: str) -> dict[str, Any]:
        """The first log line of `event`, waiting at most ten seconds for it."""

        def found() -> dict[str, Any] | None:
            return next((e for e in self.events if e["event"] == event), None)

        with self._lines:
            line = self._lines.wait_for(found, timeout=10)
        assert line, f"no log line {event}: {self.events}"
        return line

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """One request on a connection of its own; `body` is JSON unless it is bytes already."""
        payload = body if isinstance(body, bytes) or body is None else json.dumps(body)
        return call(self.connect(), method, path, payload)

    def score(self, *records: dict[str, float]) -> Answer:
        return self.call("POST", "/invocations", {"dataframe_records": list(records)})


def call(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | bytes | None = None
) -> Answer:
    connection.request(method, path, body)
    response = connection.getresponse()
    return Answer(response.status, response.headers, json.loads(response.read()))


Launch = Callable[..., subprocess.Popen[str]]
Start = Callable[..., Running]


@pytest.fixture
def pin(tmp_path: Path) -> dict[str, str]:
    """The environment that pins a correct version 2 on disk."""
    return pin_to(tmp_path, VERSION_2)


def pin_to(folder: Path, artifact: dict[str, Any]) -> dict[str, str]:
    content = json.dumps(artifact).encode()
    path = folder / "2" / "model.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return {
        "MODEL_VERSION": "2",
        "MODEL_URI": f"file://{path}",
        "MODEL_DIGEST": "sha256:" + hashlib.sha256(content).hexdigest(),
    }


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Starts a server process with `env` and nothing else of ours; ends it after the test."""
    processes: list[subprocess.Popen[str]] = []

    def launch_one(env: dict[str, str]) -> subprocess.Popen[str]:
        base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(DEMO), "PORT": "0"}
        process = subprocess.Popen(
            [sys.executable, "-m", "model_server"],
            env=base | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield launch_one
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def start(launch: Launch) -> Start:
    """A server that listens, and has loaded its model if `env` pins one."""

    def start_one(env: dict[str, str]) -> Running:
        running = Running(launch(env))
        if "MODEL_VERSION" in env:
            running.wait_for("loaded")
        return running

    return start_one
