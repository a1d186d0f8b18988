"""Sets the policies of the buckets. Run by the interpreter that has boto3."""

from __future__ import annotations

import os

import boto3
from botocore.config import Config as BotoConfig

from .objectstore import BUCKETS, policy


def main() -> None:
    """Works as root of the store, with the variables of s3.env in the environment."""
    client = boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT"],
        region_name=os.environ["S3_REGION"],
        verify=os.environ["S3_CA_FILE"],
        aws_access_key_id=os.environ["S3_ROOT_ACCESS_KEY"],
        aws_secret_access_key=os.environ["S3_ROOT_SECRET_KEY"],
        config=BotoConfig(s3={"addressing_style": "path"}),
    )
    for bucket in BUCKETS:
        client.put_bucket_policy(Bucket=bucket.name, Policy=policy(bucket))


if __name__ == "__main__":
    main()
