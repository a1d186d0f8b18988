"""Runs the real stagekeeper-gate against real and against misbehaving model servers.

Environment: STAGEKEEPER_GATE is the program to test (default: build/release/stagekeeper-gate).
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NONCE = "00112233445566778899aabbccddeeff"
ARTIFACT = b'{"coefficients": [0.25, -1.5]}'
FEATURES = [
    {"name": "balance", "type": "double", "required": True},
    {"name": "income", "type": "double", "required": True},
    {"name": "student_account", "type": "long", "required": True},
]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def golden_of(measured: dict[str, Any]) -> dict[int, float]:
    """The golden rows of an accuracy gate with the candidate's scores."""
    return {int(row): float(score) for row, score in (one.split("=") for one in measured["golden"].split(" "))}


@dataclass
class Ended:
    """What a run of the program left behind."""

    code: int
    report: dict[str, Any] | None
    log: str


@dataclass
class Gate:
    """One gate Job's pod, without the pod: an input, a work directory, a termination log."""

    binary: Path
    folder: Path
    input: dict[str, Any] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        path = self.folder / "work"
        path.mkdir(exist_ok=True)
        return path

    def dataset(self, content: bytes) -> None:
        """Puts the evaluation file where `fetch` would."""
        (self.work / "dataset.csv").write_bytes(content)
        self.input["dataset"] = {"uri": "s3://models/e.csv", "version": "t", "digest": digest_of(content)}

    def servers(self, candidate: str, version: str, champion: tuple[str, str] | None = None) -> None:
        self.input["candidate"] = {"url": candidate, "version": version}
        self.input["version"] = version
        if champion is not None:
            self.input["champion"] = {"url": champion[0], "version": champion[1]}

    @property
    def task(self) -> dict[str, Any]:
        """How predictions are compared with labels."""
        return self.input["binaryClassification"]

    def run(
        self,
        command: str,
        *,
        kind: str | None = None,
        env: dict[str, str] | None = None,
        ready_timeout: int = 20,
    ) -> Ended:
        if command != "fetch":
            self.input["kind"] = kind or command.capitalize()
        report = self.folder / "termination-log"
        report.unlink(missing_ok=True)
        ended = subprocess.run(
            [
                *(str(self.binary), command, "--dir", str(self.work), "--report", str(report)),
                *("--ready-timeout", str(ready_timeout)),
            ],
            env={"STAGEKEEPER_GATE_INPUT": json.dumps(self.input), **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ended.stdout == ""
        for line in ended.stderr.splitlines():
            json.loads(line)
        content = report.read_bytes() if report.exists() else None
        if content is not None:
            assert len(content) <= 4096
        return Ended(ended.returncode, json.loads(content) if content else None, ended.stderr)


@pytest.fixture(scope="session")
def binary() -> Path:
    path = Path(os.environ.get("STAGEKEEPER_GATE", ROOT / "build/release/stagekeeper-gate"))
    if not path.exists():
        pytest.fail(f"{path} does not exist: build it, or set STAGEKEEPER_GATE")
    return path


@pytest.fixture
def gate(binary: Path, tmp_path: Path) -> Gate:
    empty = digest_of(b"")
    artifact = {"uri": "s3://models/2/model.json", "digest": digest_of(ARTIFACT)}
    return Gate(
        binary,
        tmp_path,
        {
            "schema": 3,
            "requestUid": "5f0c",
            "gate": "a_gate",
            "kind": "Accuracy",
            "attempt": 1,
            "nonce": NONCE,
            "model": "credit-risk",
            "version": "2",
            "dataset": {"uri": "s3://models/e.csv", "version": "t", "digest": empty},
            "artifact": artifact,
            "binaryClassification": {
                "labelColumn": "label",
                "positiveLabel": "1",
                "groupColumns": ["demographic_group"],
                "scoring": {"higherMeans": "Positive"},
            },
            "features": FEATURES,
            "inference": {
                "protocol": "MLflow",
                "versionProof": {"type": "Header", "header": "X-Model-Version"},
            },
            "candidate": {"url": "http://127.0.0.1:1", "version": "2"},
            "parameters": {},
        },
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's data and models, made anew; skipped only where they cannot be made."""
    pytest.importorskip("sklearn", reason="the demo's models are trained with scikit-learn: "
                        "run with the environment of e2e/demo/data/requirements.txt")
    out = tmp_path_factory.mktemp("demo")
    made = subprocess.run(
        [sys.executable, "-m", "data.make_models", "--out", str(out)],
        cwd=ROOT / "e2e/demo",
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        pytest.fail(f"make_models failed: {made.stderr[-2000:]}")
    return out


@pytest.fixture(scope="session")
def manifest(demo: Path) -> dict[str, Any]:
    return json.loads((demo / "manifest.json").read_text())


@pytest.fixture(scope="session")
def evaluation(demo: Path, manifest: dict[str, Any]) -> bytes:
    return (demo / manifest["evaluation"]["path"]).read_bytes()


@pytest.fixture
def model_server(demo: Path, manifest: dict[str, Any]) -> Iterator[Callable[..., str]]:
    """Starts the demo's model server on a version of the demo; None: without a pin."""
    started: list[subprocess.Popen[str]] = []

    def start(version: str | None, delay_ms: int = 0) -> str:
        env = {"PORT": "0", "MODEL_DELAY_MS": str(delay_ms), "PATH": os.environ.get("PATH", "")}
        if version is not None:
            facts = manifest["versions"][version]
            env |= {
                "MODEL_VERSION": version,
                "MODEL_URI": f"file://{demo / facts['path']}",
                "MODEL_DIGEST": facts["digest"],
            }
        server = subprocess.Popen(
            [sys.executable, "-m", "model_server"],
            cwd=ROOT / "e2e/demo",
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(server)
        assert server.stdout is not None
        listening = json.loads(server.stdout.readline())
        return f"http://127.0.0.1:{listening['port']}"

    yield start
    for server in started:
        server.kill()
        server.wait()
