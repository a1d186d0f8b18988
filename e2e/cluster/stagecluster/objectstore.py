"""The object store: versitygw on a folder, its accounts, and its two buckets."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from . import python_environment
from .config import BRIDGE_ADDRESS, S3_PORT, S3_REGION, SOURCE, Config
from .console import run

HEALTH_PATH = "/healthz"


@dataclass(frozen=True)
class Account:
    """A user of the store, and exactly what he may do with his bucket."""

    name: str
    variable: str
    """The middle of the names of its variables in s3.env."""
    object_actions: tuple[str, ...]
    bucket_actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bucket:
    """A bucket, and everybody who may use it.

    Its owner is the first account, because this store tells the state of versioning
    to nobody else. Otherwise an owner may only what the policy says, once there is one.
    """

    name: str
    is_locked: bool
    accounts: tuple[Account, ...]

    @property
    def owner(self) -> Account:
        return self.accounts[0]


_AUDIT_WRITER = Account(
    name="audit-writer",
    variable="AUDIT",
    object_actions=(
        "s3:PutObject",
        "s3:PutObjectRetention",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetObjectRetention",
    ),
    bucket_actions=(
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketVersioning",
    ),
)
_MODELS_WRITER = Account(
    name="models-writer",
    variable="MODELS_WRITER",
    object_actions=("s3:PutObject", "s3:GetObject"),
    bucket_actions=("s3:ListBucket",),
)
# It lists, because a folder is compared with its manifest.
_MODELS_READER = Account(
    name="models-reader",
    variable="MODELS_READER",
    object_actions=("s3:GetObject",),
    bucket_actions=("s3:ListBucket",),
)

BUCKETS = (
    Bucket("audit", is_locked=True, accounts=(_AUDIT_WRITER,)),
    Bucket("models", is_locked=False, accounts=(_MODELS_WRITER, _MODELS_READER)),
)


def environment_file(config: Config) -> Path:
    return config.state / "s3.env"


def _folder(config: Config) -> Path:
    return config.data / "s3"


def prepare(config: Config) -> None:
    """Makes the store's folders and s3.env with fresh secrets; before the server starts."""
    for name in ("objects", "versions", "accounts", "sidecar"):
        (_folder(config) / name).mkdir(parents=True, exist_ok=True)
    values = {
        "S3_ENDPOINT": config.s3_endpoint,
        "S3_REGION": S3_REGION,
        "S3_CA_FILE": str(config.state / "s3" / "ca.crt"),
        "S3_ROOT_ACCESS_KEY": "root",
        "S3_ROOT_SECRET_KEY": secrets.token_hex(20),
    }
    for bucket in BUCKETS:
        values[f"S3_{bucket.name.upper()}_BUCKET"] = bucket.name
        for account in bucket.accounts:
            values[f"S3_{account.variable}_ACCESS_KEY"] = account.name
            values[f"S3_{account.variable}_SECRET_KEY"] = secrets.token_hex(20)
    file = environment_file(config)
    file.touch(mode=0o600)
    file.write_text("".join(f"export {name}='{value}'\n" for name, value in values.items()))


def environment(config: Config) -> dict[str, str]:
    """The variables of s3.env."""
    lines = environment_file(config).read_text().splitlines()
    pairs = (line.removeprefix("export ").partition("=") for line in lines)
    return {name: value.strip("'") for name, _, value in pairs}


def server_command(config: Config) -> list[str]:
    """The command line of the server; its credentials come in its environment."""
    folder = _folder(config)
    argv = [
        f"{config.bin}/versitygw",
        f"--port={BRIDGE_ADDRESS}:{S3_PORT}",
        f"--region={S3_REGION}",
        # Absolute: the server changes its working folder.
        f"--cert={config.pki}/s3.crt",
        f"--key={config.pki}/s3.key",
        f"--iam-dir={folder}/accounts",
        f"--health={HEALTH_PATH}",
        "posix",
        f"--versioning-dir={folder}/versions",
    ]
    if not _has_extended_attributes(folder / "objects"):
        argv.append(f"--sidecar={folder}/sidecar")
    return [*argv, f"{folder}/objects"]


def root_credentials(config: Config) -> dict[str, str]:
    """The server's own variables for its root account; empty before `prepare`."""
    if not environment_file(config).exists():
        return {}
    secret = environment(config)
    return {
        "ROOT_ACCESS_KEY_ID": secret["S3_ROOT_ACCESS_KEY"],
        "ROOT_SECRET_ACCESS_KEY": secret["S3_ROOT_SECRET_KEY"],
    }


def furnish(config: Config) -> None:
    """Makes accounts, buckets and policies; once, when the server is healthy."""
    secret = environment(config)
    for bucket in BUCKETS:
        for account in bucket.accounts:
            key = secret[f"S3_{account.variable}_SECRET_KEY"]
            user = ["--access", account.name, "--secret", key, "--role", "user"]
            _administer(config, secret, "create-user", *user)
        # Object lock can only be had at creation, and brings versioning with it.
        lock = ["--object-lock-enabled-for-bucket"] if bucket.is_locked else []
        names = ["--bucket", bucket.name, "--owner", bucket.owner.name]
        _administer(config, secret, "create-bucket", *names, *lock)
    # boto3 lives in the environment of the tests, not in the interpreter that runs this.
    run(
        [python_environment.python(config), "-m", "stagecluster.bucket_policies"],
        cwd=SOURCE,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **secret},
    )


def policy(bucket: Bucket) -> str:
    """The policy of a bucket: the actions of its accounts, and nothing for anybody else."""
    statements = []
    for account in bucket.accounts:
        for actions, resource in (
            (account.object_actions, f"arn:aws:s3:::{bucket.name}/*"),
            (account.bucket_actions, f"arn:aws:s3:::{bucket.name}"),
        ):
            if actions:
                statements.append(
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": [account.name]},
                        "Action": list(actions),
                        "Resource": resource,
                    }
                )
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _administer(config: Config, secret: dict[str, str], *words: str) -> None:
    run(
        [config.bin / "versitygw", "admin", *words],
        env={
            "ADMIN_ENDPOINT_URL": config.s3_endpoint,
            "ADMIN_REGION": S3_REGION,
            "ADMIN_ACCESS_KEY_ID": secret["S3_ROOT_ACCESS_KEY"],
            "ADMIN_SECRET_ACCESS_KEY": secret["S3_ROOT_SECRET_KEY"],
            # It knows no option for an authority of one's own.
            "ADMIN_ALLOW_INSECURE": "true",
        },
    )


def _has_extended_attributes(folder: Path) -> bool:
    """The server keeps metadata in extended attributes; tmpfs and overlays may lack them."""
    if not folder.exists():
        return True
    try:
        os.setxattr(folder, "user.stagekeeper", b"1")
        os.removexattr(folder, "user.stagekeeper")
    except OSError:
        return False
    return True
