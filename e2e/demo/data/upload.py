"""Uploads the artifacts and the evaluation file to the bucket `models`; safe to run again.

Usage: upload.py --manifest OUT/manifest.json [--replace]

  s3://models/credit-risk/<version>/model.json
  s3://models/evaluation/credit-risk/2026-11.csv

Environment: S3_ENDPOINT, S3_REGION, S3_CA_FILE (optional: the store's own CA),
S3_MODELS_WRITER_ACCESS_KEY, S3_MODELS_WRITER_SECRET_KEY.
"""

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BUCKET = "models"


class UploadError(Exception):
    """Something a person has to decide or to set; the message says what."""


def objects(manifest: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Object key -> (path below the manifest's folder, digest)."""
    model, evaluation = manifest["model"], manifest["evaluation"]
    keys = {
        f"{model}/{facts['path']}": (facts["path"], facts["digest"])
        for facts in manifest["versions"].values()
    }
    name = Path(evaluation["path"]).name
    keys[f"evaluation/{model}/{name}"] = (evaluation["path"], evaluation["digest"])
    return keys


def upload(client: Any, key: str, content: bytes, *, replace: bool) -> str:
    """Puts one object unless it is there: "uploaded", "unchanged" or "replaced".

    Raises UploadError when other bytes are there and `replace` is not given: versions are
    immutable, and a Deployment may be pinned to the digest of what would be lost.
    """
    # Asked first, although the conditional put below would tell: a store may answer 412 and close
    # while a larger body is still being sent, which the client sees as a broken connection.
    stored = _stored(client, key)
    if stored is None:
        client.put_object(Bucket=BUCKET, Key=key, Body=content, IfNoneMatch="*")
        return "uploaded"
    if stored == content:
        return "unchanged"
    if not replace:
        raise UploadError(f"s3://{BUCKET}/{key} holds other bytes: run with --replace to lose them")
    client.put_object(Bucket=BUCKET, Key=key, Body=content)
    return "replaced"


def _stored(client: Any, key: str) -> bytes | None:
    try:
        return bytes(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None


def client_from_env() -> Any:
    """An S3 client. Raises UploadError naming what is not set."""
    names = (
        "S3_ENDPOINT",
        "S3_REGION",
        "S3_MODELS_WRITER_ACCESS_KEY",
        "S3_MODELS_WRITER_SECRET_KEY",
    )
    if missing := [name for name in names if not os.environ.get(name)]:
        raise UploadError(f"not set: {', '.join(missing)}")
    endpoint, region, access_key, secret_key = (os.environ[name] for name in names)
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=os.environ.get("S3_CA_FILE"),
        # Path style: the endpoint may be an IP address.
        config=Config(connect_timeout=5, read_timeout=30, s3={"addressing_style": "path"}),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.json of make-models")
    parser.add_argument("--replace", action="store_true", help="overwrite objects that differ")
    arguments = parser.parse_args()
    folder = arguments.manifest.parent
    try:
        client = client_from_env()
        for key, (path, digest) in objects(json.loads(arguments.manifest.read_text())).items():
            content = (folder / path).read_bytes()
            if "sha256:" + hashlib.sha256(content).hexdigest() != digest:
                raise UploadError(
                    f"{folder / path} is not what manifest.json says: run make-models"
                )
            print(
                f"{upload(client, key, content, replace=arguments.replace):<10}s3://{BUCKET}/{key}"
            )
    except (UploadError, BotoCoreError, ClientError, OSError) as error:
        print(f"upload: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
