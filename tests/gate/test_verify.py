"""stagekeeper-gate verify, as it runs in an init container of a model server."""

import json
import resource
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ARTIFACT, digest_of
from servers import Answer, Seen, serving
from test_fetch import STORE

KEY = "/models/credit-risk/47/model.json"


@dataclass
class Init:
    """The init container without its pod."""

    binary: Path
    volume: Path

    @property
    def place(self) -> Path:
        return self.volume / "47"

    def start(self, origin: str = "http://127.0.0.1:1", **env: str) -> subprocess.Popen[str]:
        pins = {"MODEL_URI": f"s3:/{KEY}", "MODEL_DIGEST": digest_of(ARTIFACT)}
        return subprocess.Popen(
            [self.binary, "verify", f"--to={self.place}", f"--report={self.volume.parent / 'log'}"],
            env={**STORE, "S3_ENDPOINT": origin, **pins, **env},
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, origin: str = "http://127.0.0.1:1", **env: str) -> tuple[int, str]:
        """Its exit code and its termination message."""
        report = self.volume.parent / "log"
        report.unlink(missing_ok=True)
        process = self.start(origin, **env)
        _, log = process.communicate(timeout=60)
        for line in log.splitlines():
            json.loads(line)
        assert STORE["AWS_SECRET_ACCESS_KEY"] not in log
        return process.returncode, report.read_text() if report.exists() else ""

    def found(self) -> list[str]:
        return sorted(str(each.relative_to(self.volume)) for each in self.volume.rglob("*"))


@pytest.fixture
def init(binary: Path, tmp_path: Path) -> Init:
    (tmp_path / "volume").mkdir()
    return Init(binary, tmp_path / "volume")


def bucket(request: Seen) -> Answer:
    return Answer(ARTIFACT) if request.path == KEY else Answer(b"<Error><Code>NoSuchKey</Code></Error>", 404)


def test_the_file_is_in_place_and_after_a_restart_the_store_is_not_asked(init: Init) -> None:
    with serving(bucket) as (origin, seen):
        assert init.run(origin) == (0, "")
        assert (init.place / "model.json").read_bytes() == ARTIFACT
        assert init.run() == (0, "")
    assert (len(seen), init.found()) == (1, ["47", "47/model.json"])


def test_other_bytes_are_refused_with_both_digests(init: Init) -> None:
    expected = digest_of(b"what was approved")
    with serving(bucket) as (origin, _):
        code, said = init.run(origin, MODEL_DIGEST=expected)
    assert code == 1
    assert said.startswith(f"ArtifactDigestMismatch: the artifact has digest {digest_of(ARTIFACT)}, expected {expected}. ")
    assert "Put those back, or register what lies there now as a new version" in said
    assert init.found() == []


def test_nothing_is_in_place_before_the_last_byte(init: Init) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    large = bytes(8 << 20)

    def slow(request: Seen) -> Answer:
        arrived.set()
        assert go_on.wait(30)
        return Answer(large)

    with serving(slow) as (origin, _):
        process = init.start(origin, MODEL_DIGEST=digest_of(large))
        assert arrived.wait(30)
        assert not init.place.exists()
        go_on.set()
        assert process.wait(30) == 0
    assert (init.place / "model.json").read_bytes() == large


@pytest.mark.parametrize(
    ("env", "code", "says"),
    [
        ({"MODEL_URI": ""}, 2, "NoPin: MODEL_URI is not set. The operator sets both once a version is promoted"),
        ({"MODEL_DIGEST": ""}, 2, "NoPin: MODEL_DIGEST is not set"),
        ({"MODEL_DIGEST": "sha256:47"}, 2, "InvalidPin: MODEL_DIGEST is 'sha256:47', not sha256: and 64 hex digits"),
        ({"MODEL_URI": "oci://example.com/m@sha256:1"}, 2, "nobody downloads an image but the kubelet"),
        ({"MODEL_URI": "s3://models/../x"}, 2, "InvalidPin: MODEL_URI: s3://models/../x: a part of its path is . or .."),
        ({"MODEL_URI": "s3://models/gone.json"}, 1, "FetchRefused: the artifact s3://models/gone.json: "),
        ({"S3_CA_FILE": "/no/such"}, 1, "FetchRefused: S3_CA_FILE: "),
        ({"S3_ENDPOINT": ""}, 1, "s3:// needs S3_ENDPOINT"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong(init: Init, env: dict[str, str], code: int, says: str) -> None:
    with serving(bucket) as (origin, _):
        ended = init.run(**{"origin": origin, **env})
    assert ended[0] == code
    assert says in ended[1]
    assert init.found() == []


def test_a_store_that_is_down_may_come_back(init: Init) -> None:
    code, said = init.run()
    assert code == 3
    assert said.startswith("FetchFailed: the artifact s3://models/credit-risk/47/model.json: ")
    assert "NetworkPolicy" in said


def test_a_full_volume_is_said_and_left_empty(init: Init) -> None:
    large = bytes(8 << 20)
    with serving(lambda _: Answer(large)) as (origin, _):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, limits[1]))
        try:
            # As on a volume of 4 MiB: a write beyond is refused.
            process = subprocess.Popen(
                [init.binary, "verify", f"--to={init.place}", f"--report={init.volume.parent / 'log'}"],
                env={**STORE, "S3_ENDPOINT": origin, "MODEL_URI": f"s3:/{KEY}", "MODEL_DIGEST": digest_of(large)},
                stderr=subprocess.DEVNULL,
                restore_signals=False,
            )
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, before)
        assert process.wait(30) == 1
    said = (init.volume.parent / "log").read_text()
    assert said.startswith("DiskFull: cannot write the artifact: is the volume too small?")
    assert "sizeLimit of an emptyDir" in said
    assert init.found() == []
