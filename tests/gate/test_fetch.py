"""stagekeeper-gate fetch verifies what it downloads and says which object is wrong, and how."""

from pathlib import Path

import pytest
from conftest import Gate, digest_of
from servers import Answer, Seen, serving

DATASET = b"balance,label\n" + b"1.5,0\n" * 400_000  # some MB, so that it comes in pieces
ARTIFACT = b'{"form": "bands"}'
STORE = {
    "S3_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "gate-reader",
    "AWS_SECRET_ACCESS_KEY": "a-very-secret-key",
}


def bucket(request: Seen) -> Answer:
    objects = {"/models/e.csv": DATASET, "/models/m.json": ARTIFACT}
    if request.path in objects:
        return Answer(objects[request.path])
    return Answer(b"<Error><Code>NoSuchKey</Code></Error>", 404)


@pytest.fixture
def wanted(gate: Gate) -> Gate:
    gate.input["dataset"]["digest"] = digest_of(DATASET)
    gate.input["artifact"]["digest"] = digest_of(ARTIFACT)
    return gate


def test_both_objects_from_a_bucket(wanted: Gate) -> None:
    with serving(bucket) as (origin, seen):
        ended = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin})
    assert (ended.code, ended.report) == (0, None)
    assert (wanted.work / "dataset.csv").read_bytes() == DATASET
    assert (wanted.work / "artifact").read_bytes() == ARTIFACT
    for request in seen:
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=gate-reader/")
    assert "a-very-secret-key" not in ended.log


def test_both_objects_from_files(wanted: Gate, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(DATASET)
    (tmp_path / "m.json").write_bytes(ARTIFACT)
    wanted.input["dataset"]["uri"] = f"file://{tmp_path}/d.csv"
    wanted.input["artifact"]["uri"] = f"file://{tmp_path}/m.json"
    assert wanted.run("fetch").code == 0
    assert (wanted.work / "dataset.csv").read_bytes() == DATASET


@pytest.mark.parametrize(
    ("which", "code", "content"),
    [("dataset", "DatasetDigestMismatch", DATASET), ("artifact", "ArtifactDigestMismatch", ARTIFACT)],
)
def test_a_wrong_digest_is_named_with_the_right_one(wanted: Gate, which: str, code: str, content: bytes) -> None:
    expected = digest_of(b"something else")
    wanted.input[which]["digest"] = expected
    with serving(bucket) as (origin, _):
        ended = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin})
    assert ended.code == 1
    assert ended.report is not None
    assert (ended.report["outcome"], ended.report["code"]) == ("Errored", code)
    assert digest_of(content) in ended.report["message"]
    assert expected in ended.report["message"]
    assert ended.report[which] == expected
    name = "dataset.csv" if which == "dataset" else "artifact"
    assert not (wanted.work / name).exists()
    assert not (wanted.work / f"{name}.part").exists()


def test_an_object_that_is_not_there_is_not_asked_for_again(wanted: Gate) -> None:
    wanted.input["artifact"]["uri"] = "s3://models/gone.json"
    with serving(bucket) as (origin, seen):
        report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).report
    assert report is not None
    assert report["code"] == "FetchRefused"
    assert "s3://models/gone.json" in report["message"]
    assert len(seen) == 2


def test_a_store_that_comes_back_is_asked_again(wanted: Gate) -> None:
    failures = iter(range(1000))

    def stumbling(request: Seen) -> Answer:
        return Answer(b"", 503) if next(failures) < 2 else bucket(request)

    with serving(stumbling) as (origin, seen):
        assert wanted.run("fetch", env=STORE | {"S3_ENDPOINT": origin}).code == 0
    assert len(seen) == 4


def test_a_store_that_is_down_may_come_back(wanted: Gate) -> None:
    report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": "http://127.0.0.1:1"}).report
    assert report is not None
    assert (report["outcome"], report["code"]) == ("Errored", "FetchFailed")
    assert "a-very-secret-key" not in str(report)


@pytest.mark.parametrize(
    "uri", ["s3://models", "s3:///key", "s3://models/", "https://host/x", "file:///nowhere", "file:///dev/zero"]
)
def test_uris_that_name_no_object(wanted: Gate, uri: str) -> None:
    wanted.input["dataset"]["uri"] = uri
    report = wanted.run("fetch", env=STORE | {"S3_ENDPOINT": "http://127.0.0.1:1"}).report
    assert report is not None
    assert report["code"] == "FetchRefused"
