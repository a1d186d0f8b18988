"""The bucket locks what is written to it, and each account may exactly what it needs."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

_BODY = b"a record"


def _locked_put(client: Any, key: str, body: bytes = _BODY) -> dict[str, Any]:
    """Writes as the operator does: once, locked for a while, with a checksum."""
    return client.put_object(
        Bucket="audit",
        Key=key,
        Body=body,
        IfNoneMatch="*",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(minutes=2),
        ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
    )


def _refusal(action: Callable[..., Any], **arguments: Any) -> int:
    """The HTTP status with which the store refuses; fails if it does not."""
    with pytest.raises(ClientError) as refused:
        action(**arguments)
    return int(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])


@pytest.fixture()
def record(s3: Callable[[str], Any]) -> dict[str, str]:
    """A fresh locked object: Bucket, Key and VersionId."""
    key = f"parts/{uuid.uuid4()}"
    version = _locked_put(s3("AUDIT"), key)["VersionId"]
    return {"Bucket": "audit", "Key": key, "VersionId": version}


def test_a_record_cannot_be_written_twice(s3: Callable[[str], Any], record: dict[str, str]) -> None:
    for body in (_BODY, b"another record"):
        assert _refusal(_locked_put, client=s3("AUDIT"), key=record["Key"], body=body) == 412


@pytest.mark.parametrize("account", ["AUDIT", "ROOT"])
def test_a_record_cannot_be_deleted(
    s3: Callable[[str], Any], record: dict[str, str], account: str
) -> None:
    client = s3(account)
    assert _refusal(client.delete_object, **record) == 403
    assert _refusal(client.delete_object, **record, BypassGovernanceRetention=True) == 403
    assert s3("AUDIT").get_object(**record)["Body"].read() == _BODY


def test_a_wrong_checksum_is_refused(s3: Callable[[str], Any]) -> None:
    wrong = base64.b64encode(bytes(32)).decode()
    put = s3("AUDIT").put_object
    status = _refusal(put, Bucket="audit", Key="parts/x", Body=_BODY, ChecksumSHA256=wrong)
    assert status == 400


def test_the_writer_reads_back_what_proves_the_lock(
    s3: Callable[[str], Any], record: dict[str, str]
) -> None:
    client = s3("AUDIT")
    retention = client.get_object_retention(**record)["Retention"]
    assert retention["Mode"] == "COMPLIANCE"
    assert retention["RetainUntilDate"] > datetime.now(UTC)

    listed = client.list_object_versions(Bucket="audit", Prefix=record["Key"])["Versions"]
    assert [each["VersionId"] for each in listed] == [record["VersionId"]]

    lock = client.get_object_lock_configuration(Bucket="audit")["ObjectLockConfiguration"]
    assert lock["ObjectLockEnabled"] == "Enabled"
    assert client.get_bucket_versioning(Bucket="audit")["Status"] == "Enabled"


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("delete_object", {"Key": "parts/never"}),
        ("delete_bucket", {}),
        ("delete_bucket_policy", {}),
        ("get_bucket_policy", {}),
        ("put_bucket_acl", {"ACL": "public-read"}),
        ("put_bucket_policy", {"Policy": "{}"}),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
        (
            "put_object_lock_configuration",
            {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_writer_may_nothing_else(
    s3: Callable[[str], Any], action: str, arguments: dict[str, Any]
) -> None:
    assert _refusal(getattr(s3("AUDIT"), action), Bucket="audit", **arguments) == 403


def test_the_writer_of_records_sees_no_models(s3: Callable[[str], Any]) -> None:
    assert _refusal(s3("AUDIT").list_objects_v2, Bucket="models") == 403


def test_models_are_written_by_one_account_and_read_by_another(
    s3: Callable[[str], Any],
) -> None:
    writer, reader = s3("MODELS_WRITER"), s3("MODELS_READER")
    key = f"parts/{uuid.uuid4()}"
    writer.put_object(Bucket="models", Key=key, Body=_BODY)
    assert reader.get_object(Bucket="models", Key=key)["Body"].read() == _BODY
    assert writer.list_objects_v2(Bucket="models", Prefix=key)["KeyCount"] == 1
    assert _refusal(reader.put_object, Bucket="models", Key=key, Body=b"x") == 403
    assert reader.list_objects_v2(Bucket="models", Prefix=key)["KeyCount"] == 1
    assert _refusal(reader.list_objects_v2, Bucket="audit") == 403
    assert _refusal(reader.get_object, Bucket="audit", Key="parts/any") == 403
    s3("ROOT").delete_object(Bucket="models", Key=key)
