"""The command `bucket`: what somebody with the strongest key of the store can do to a record.

Environment: the S3_… variables of e2e/cluster's s3.env.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def connect(account: str, variables: Mapping[str, str]) -> Any:
    """An S3 client with the keys of ROOT or AUDIT. Raises KeyError naming what is not set."""
    return boto3.client(
        "s3",
        endpoint_url=variables["S3_ENDPOINT"],
        region_name=variables["S3_REGION"],
        verify=variables["S3_CA_FILE"],
        aws_access_key_id=variables[f"S3_{account}_ACCESS_KEY"],
        aws_secret_access_key=variables[f"S3_{account}_SECRET_KEY"],
        config=Config(
            connect_timeout=5,
            read_timeout=30,
            s3={"addressing_style": "path"},
            # Else bodies are sent in chunks, and a store may answer and close before the end.
            request_checksum_calculation="when_required",
        ),
    )


def ls(client: Any, bucket: str, prefix: str) -> None:
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Versions", []):
            print(f"{each['LastModified']:%Y-%m-%d %H:%M:%S}Z {each['Size']:>7}  {each['Key']}")


def delete(client: Any, bucket: str, key: str) -> None:
    """Deletes the version that is there, which is more than to hide it."""
    version = client.head_object(Bucket=bucket, Key=key)["VersionId"]
    client.delete_object(Bucket=bucket, Key=key, VersionId=version)
    print(f"deleted version {version} of {key}")


def overwrite(client: Any, bucket: str, key: str) -> None:
    """Puts other bytes the way records are put: only where there is nothing yet."""
    client.put_object(Bucket=bucket, Key=key, Body=b"{}", IfNoneMatch="*")
    print(f"overwrote {key}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bucket", description=__doc__.partition("\n")[0])
    parser.add_argument("action", choices=("ls", "delete", "overwrite"))
    parser.add_argument("key", help="key of a record; for ls a prefix", nargs="?", default="")
    options = parser.parse_args()
    actions = {"ls": ls, "delete": delete, "overwrite": overwrite}
    try:
        actions[options.action](
            connect("ROOT", os.environ), os.environ["S3_AUDIT_BUCKET"], options.key
        )
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        said = error.response["Error"]
        print(f"{status} {said.get('Code')}: {said.get('Message')}", file=sys.stderr)
        return 1
    except KeyError as error:
        print(f"bucket: {error} is not set; read the demo's env first", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
