"""stagekeeper-gate fetch verifies what it reads and says which object is wrong, and how."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from conftest import ARTIFACT, Gate, digest_of
from servers import Answer, Seen, model, serving

DATASET = b"balance,label\n" + b"1.5,0\n" * 400_000  # some MB, so that it comes in pieces
STORE = {
    "S3_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "gate-reader",
    "AWS_SECRET_ACCESS_KEY": "a-very-secret-key",
}


def bucket(request: Seen) -> Answer:
    if request.path == "/models/e.csv":
        return Answer(DATASET)
    if request.path == "/models/2/model.json":
        return Answer(ARTIFACT)
    return Answer(b"<Error><Code>NoSuchKey</Code></Error>", 404)


@pytest.fixture
def wanted(gate: Gate) -> Gate:
    gate.input["dataset"]["digest"] = digest_of(DATASET)
    return gate


def test_the_dataset_is_kept_and_the_artifact_only_read(wanted: Gate) -> None:
    with serving(bucket) as (origin, seen):
        ended = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin})
    assert (ended.code, ended.report) == (0, None)
    assert (wanted.work / "dataset.csv").read_bytes() == DATASET
    assert [path.name for path in wanted.work.iterdir()] == ["dataset.csv"]
    assert [request.path for request in seen] == ["/models/e.csv", "/models/2/model.json"]
    for request in seen:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=gate-reader/")
    assert "a-very-secret-key" not in ended.log


def test_dataset_and_artifact_from_files(wanted: Gate, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(DATASET)
    (tmp_path / "m.json").write_bytes(ARTIFACT)
    wanted.input["dataset"]["uri"] = f"file://{tmp_path}/d.csv"
    wanted.input["artifact"]["uri"] = f"file://{tmp_path}/m.json"
    assert wanted.run("fetch", env={"FILE_ROOT": "/"}).code == 0
    assert (wanted.work / "dataset.csv").read_bytes() == DATASET


def test_a_wrong_digest_is_named_with_the_right_one(wanted: Gate) -> None:
    expected = digest_of(b"something else")
    wanted.input["dataset"]["digest"] = expected
    with serving(bucket) as (origin, _):
        ended = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin})
    assert ended.code == 1
    assert ended.report is not None
    assert (ended.report["outcome"], ended.report["code"]) == ("Errored", "DatasetDigestMismatch")
    assert digest_of(DATASET) in ended.report["message"]
    assert expected in ended.report["message"]
    assert ended.report["dataset"] == expected
    assert list(wanted.work.iterdir()) == []


def test_a_wrong_digest_of_the_artifact_is_told_and_nothing_else_of_it(wanted: Gate) -> None:
    expected = digest_of(b"something else")
    wanted.input["artifact"]["digest"] = expected
    with serving(bucket) as (origin, seen):
        ended = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin})
    assert ended.code == 1
    assert ended.report is not None
    assert (ended.report["outcome"], ended.report["code"]) == ("Errored", "ArtifactDigestMismatch")
    assert ended.report["message"] == f"the artifact has digest {digest_of(ARTIFACT)}, expected {expected}"
    assert ended.report["artifact"] == expected
    assert len(seen) == 2  # the same bytes again would have the same digest


def test_what_was_verified_is_measured(gate: Gate) -> None:
    table = b"balance,income,student_account,label\n" + b"".join(
        f"{n}.5,{n * 10},{n % 2},{int(n % 3 == 0)}\n".encode() for n in range(120)
    )
    gate.input["dataset"]["digest"] = digest_of(table)
    predict = model(lambda rows: [row[0] for row in rows])

    def store(request: Seen) -> Answer:
        return Answer(table) if request.path == "/models/e.csv" else bucket(request)

    with serving(store) as (origin, _), serving(predict) as (candidate, _):
        gate.servers(candidate, "2")
        assert gate.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).code == 0
        report = gate.run("accuracy").report
    assert report is not None
    assert (report["outcome"], report["artifact"]) == ("Measured", digest_of(ARTIFACT))


@pytest.mark.parametrize("kind", ["Accuracy", "Fairness", "Latency", "Smoke"])
def test_a_gate_that_is_not_told_where_the_artifact_lies_fetches_none(wanted: Gate, kind: str) -> None:
    wanted.input["kind"] = kind
    del wanted.input["artifact"]["uri"]
    with serving(bucket) as (origin, seen):
        assert wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).code == 0
    assert [request.path for request in seen] == ["/models/e.csv"]


def test_an_artifact_that_is_not_there_is_not_asked_for_again(wanted: Gate) -> None:
    wanted.input["artifact"]["uri"] = "s3://models/gone.json"
    with serving(bucket) as (origin, seen):
        report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).report
    assert report is not None
    assert report["code"] == "FetchRefused"
    assert "the artifact s3://models/gone.json" in report["message"]
    assert len(seen) == 2


def test_a_large_artifact_needs_neither_room_nor_memory(wanted: Gate) -> None:
    large = bytes(64 << 20)
    wanted.input["artifact"]["digest"] = digest_of(large)

    def store(request: Seen) -> Answer:
        return Answer(large) if request.path == "/models/2/model.json" else bucket(request)

    peak_kib = 0
    with serving(store) as (origin, seen):
        env = STORE | {"S3_ENDPOINT": origin, "STAGEKEEPER_GATE_INPUT": json.dumps(wanted.input)}
        report = wanted.folder / "termination-log"
        command = [str(wanted.binary), "fetch", "--dir", str(wanted.work), "--report", str(report)]
        with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                # The highest so far of this program alone; rusage would count what forked it, too.
                status = Path(f"/proc/{process.pid}/status").read_text()
                peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
                peak_kib = max(peak_kib, *map(int, peaks), 0)
                assert {path.name for path in wanted.work.iterdir()} <= {"dataset.csv", "dataset.csv.part"}
                time.sleep(0.002)
    assert (process.returncode, report.exists()) == (0, False)
    assert [request.path for request in seen] == ["/models/e.csv", "/models/2/model.json"]
    assert [path.name for path in wanted.work.iterdir()] == ["dataset.csv"]
    assert 0 < peak_kib < 64 << 10


def test_without_a_dataset_nothing_is_asked_for(wanted: Gate) -> None:
    del wanted.input["dataset"]
    del wanted.input["artifact"]["uri"]
    wanted.input["kind"] = "Smoke"
    with serving(bucket) as (origin, seen):
        ended = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin})
    assert (ended.code, ended.report) == (0, None)
    assert seen == []


def test_a_secret_that_ends_with_a_line_break_is_taken_without_it(wanted: Gate) -> None:
    with serving(bucket) as (origin, seen):
        store = {name: value + "\n" for name, value in STORE.items()}
        assert wanted.run("fetch", env=store | {"S3_ENDPOINT": origin}).code == 0
    assert seen[0].headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=gate-reader/")


def test_without_keys_the_pod_s_own_credentials_are_used(wanted: Gate, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pod-token-that-nobody-else-has\n")

    def issue(request: Seen) -> Answer:
        keys = {"AccessKeyId": "ASIAPOD", "SecretAccessKey": "a-secret-of-an-hour", "Token": "a-session"}
        return Answer(json.dumps(keys | {"Expiration": "2099-01-01T00:00:00Z"}).encode())

    with serving(bucket) as (origin, seen), serving(issue) as (issuer, asked):
        env = {
            "S3_ENDPOINT": origin,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": issuer + "/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
        }
        ended = wanted.run("fetch", env=env)
    assert (ended.code, ended.report) == (0, None)
    assert [request.path for request in asked] == ["/v1/credentials"]
    assert asked[0].headers["Authorization"] == "pod-token-that-nobody-else-has"
    for request in seen:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIAPOD/")
        assert request.headers["x-amz-security-token"] == "a-session"
    assert "a-secret-of-an-hour" not in ended.log and "pod-token" not in ended.log


def test_without_any_credentials_the_reason_says_so(wanted: Gate) -> None:
    with serving(bucket) as (origin, seen):
        report = wanted.run("fetch", env={"S3_ENDPOINT": origin, "AWS_EC2_METADATA_DISABLED": "true"}).report
    assert report is not None
    assert report["code"] == "FetchRefused"
    assert "no credentials" in report["message"]
    assert seen == []


def test_the_region_that_the_store_names_is_signed_for(wanted: Gate) -> None:
    def moved(request: Seen) -> Answer:
        if "/us-east-1/" in request.headers["Authorization"]:
            error = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>"
            return Answer(error, 400)
        return bucket(request)

    with serving(moved) as (origin, _):
        assert wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).code == 0


def test_a_wrong_key_is_said_as_what_it_is(wanted: Gate) -> None:
    def unknown(request: Seen) -> Answer:
        return Answer(b"<Error><Code>InvalidAccessKeyId</Code></Error>", 403)

    with serving(unknown) as (origin, seen):
        report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).report
    assert report is not None
    assert report["code"] == "FetchRefused"
    assert "does not know these keys" in report["message"]
    assert len(seen) == 1


def test_an_object_that_is_not_there_is_not_asked_for_again(wanted: Gate) -> None:
    wanted.input["dataset"]["uri"] = "s3://models/gone.csv"
    with serving(bucket) as (origin, seen):
        report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).report
    assert report is not None
    assert report["code"] == "FetchRefused"
    assert "s3://models/gone.csv" in report["message"]
    assert len(seen) == 1


def test_a_store_that_comes_back_is_asked_again(wanted: Gate) -> None:
    failures = iter(range(1000))

    def stumbling(request: Seen) -> Answer:
        return Answer(b"", 503) if next(failures) < 2 else bucket(request)

    with serving(stumbling) as (origin, seen):
        assert wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).code == 0
    assert [request.path for request in seen] == ["/models/e.csv"] * 3 + ["/models/2/model.json"]


def test_a_store_that_is_down_may_come_back(wanted: Gate) -> None:
    report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": "http://127.0.0.1:1"}).report
    assert report is not None
    assert (report["outcome"], report["code"]) == ("Errored", "FetchFailed")
    assert "a-very-secret-key" not in str(report)


@pytest.mark.parametrize(
    "uri", ["s3://models", "s3:///key", "s3://models/", "s3://models/folder/", "file:///nowhere", "file:///dev/zero"]
)
def test_uris_that_name_no_object(wanted: Gate, uri: str) -> None:
    wanted.input["dataset"]["uri"] = uri
    report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": "http://127.0.0.1:1", "FILE_ROOT": "/"}).report
    assert report is not None
    assert report["code"] == "FetchRefused"


def test_files_outside_of_the_root_are_refused_whatever_leads_there(wanted: Gate, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(DATASET)
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.csv").symlink_to("../d.csv")
    (tmp_path / "root-beside.csv").write_bytes(DATASET)
    for uri in (f"file://{tmp_path}/d.csv", f"file://{root}/link.csv", f"file://{tmp_path}/root-beside.csv"):
        wanted.input["dataset"]["uri"] = uri
        report = wanted.run("fetch", env={"FILE_ROOT": str(root)}).report
        assert report is not None
        assert report["code"] == "FetchRefused"
        assert "leads out of" in report["message"]
    report = wanted.run("fetch").report
    assert report is not None and "/models" in report["message"]


def folder_of(files: dict[str, bytes]) -> tuple[bytes, str]:
    """The manifest of a folder, by other means than the program's own, and its digest."""
    entries = [
        {"path": path, "size": len(files[path]), "sha256": digest_of(files[path]).removeprefix("sha256:")}
        for path in sorted(files, key=str.encode)
    ]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return text, digest_of(text)


def test_a_folder_of_files_is_verified_and_a_strange_file_is_named(wanted: Gate, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(DATASET)
    wanted.input["dataset"]["uri"] = f"file://{tmp_path}/d.csv"
    files = {"MLmodel": b"flavors", "code/gr\u00f6\u00dfe.py": b"pass", "model.pkl": bytes(3 << 20), "empty": b""}
    folder = tmp_path / "47"
    (folder / "code").mkdir(parents=True)
    for path, content in files.items():
        (folder / path).write_bytes(content)
    text, digest = folder_of(files)
    (folder / "stagekeeper-manifest.json").write_bytes(text)
    wanted.input["artifact"] = {"uri": f"file://{folder}/", "digest": digest}
    env = {"FILE_ROOT": str(tmp_path)}
    assert wanted.run("fetch", env=env).code == 0

    def refused() -> tuple[str, str]:
        report = wanted.run("fetch", env=env).report
        assert report is not None
        return report["code"], report["message"]

    (folder / "evil.py").write_bytes(b"x")
    assert refused() == ("FolderDiffers", f"file://{folder}/: file evil.py is in the folder and not in the manifest")
    (folder / "evil.py").unlink()
    (folder / "MLmodel").write_bytes(b"flavour")
    code, message = refused()
    assert (code, message.split(" has ")[0]) == ("ArtifactDigestMismatch", "file MLmodel")
    (folder / "MLmodel").unlink()
    assert refused()[1].endswith("file MLmodel is missing in the folder")
    (folder / "MLmodel").symlink_to("model.pkl")
    assert "MLmodel in the folder is neither a file nor a folder but a symbolic link" in refused()[1]


def test_a_broken_download_goes_on_where_it_was(wanted: Gate) -> None:
    large = bytes(range(256)) * (16 << 10)
    wanted.input["artifact"]["digest"] = digest_of(large)
    half = len(large) // 2

    def broken(request: Seen) -> Answer:
        if request.path != "/models/2/model.json":
            return bucket(request)
        if "Range" not in request.headers:
            # Promises all of it and sends half.
            return Answer(large[:half], headers={"Content-Length": str(len(large)), "ETag": '"v1"', "Connection": "close"})
        first = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        tags = {"ETag": '"v1"', "Content-Range": f"bytes {first}-{len(large) - 1}/{len(large)}"}
        return Answer(large[first:], 206, tags)

    with serving(broken) as (origin, seen):
        assert wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).code == 0
    assert [request.path for request in seen] == ["/models/e.csv", "/models/2/model.json", "/models/2/model.json"]
    assert seen[2].headers["If-Match"] == '"v1"'
    assert 0 < int(seen[2].headers["Range"].removeprefix("bytes=").removesuffix("-")) <= half


def test_an_object_that_changes_under_way_is_an_error(wanted: Gate) -> None:
    large = bytes(4 << 20)

    def changing(request: Seen) -> Answer:
        if request.path != "/models/2/model.json":
            return bucket(request)
        if "If-Match" in request.headers:
            return Answer(b"<Error><Code>PreconditionFailed</Code></Error>", 412)
        lie = {"Content-Length": str(len(large)), "ETag": '"v1"', "Connection": "close"}
        return Answer(large[: len(large) // 2], headers=lie)

    with serving(changing) as (origin, seen):
        report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).report
    assert report is not None
    assert report["code"] == "ObjectChanged"
    assert len(seen) == 3
