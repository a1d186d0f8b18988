"""What an upload does to what is there already, against a bucket in memory."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from data.upload import UploadError, upload

KEY = "credit-risk/2/model.json"


class Bucket:
    """The two calls of an S3 client that upload() makes."""

    def __init__(self, objects: dict[str, bytes], refusal: int | None = None) -> None:
        self.objects = objects
        self.puts: list[dict[str, Any]] = []
        self._refusal = refusal

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        status = self._refusal or (200 if Key in self.objects else 404)
        if status != 200:
            response: Any = {"Error": {}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(response, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, **arguments: Any) -> None:
        self.puts.append(arguments)
        self.objects[arguments["Key"]] = arguments["Body"]


def test_a_new_object_is_put_only_if_still_absent() -> None:
    bucket = Bucket({})
    assert upload(bucket, KEY, b"new", replace=False) == "uploaded"
    assert (bucket.objects, bucket.puts[0]["IfNoneMatch"]) == ({KEY: b"new"}, "*")


def test_the_same_bytes_are_left_alone() -> None:
    bucket = Bucket({KEY: b"same"})
    assert upload(bucket, KEY, b"same", replace=False) == "unchanged"
    assert bucket.puts == []


def test_other_bytes_are_replaced_on_demand_only() -> None:
    bucket = Bucket({KEY: b"old"})
    with pytest.raises(UploadError, match="holds other bytes: run with --replace"):
        upload(bucket, KEY, b"new", replace=False)
    assert bucket.objects == {KEY: b"old"}
    assert upload(bucket, KEY, b"new", replace=True) == "replaced"
    assert bucket.objects == {KEY: b"new"}


def test_a_refused_read_is_not_taken_for_absence() -> None:
    bucket = Bucket({}, refusal=403)
    with pytest.raises(ClientError):
        upload(bucket, KEY, b"new", replace=False)
    assert bucket.puts == []
