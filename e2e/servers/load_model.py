"""Fetches the pinned artifact, verifies its digest and unpacks it: what an init container does.

Environment
  MODEL_VERSION, MODEL_URI, MODEL_DIGEST   the pin; the artifact is a tar archive of one folder
  MODEL_FOLDER                             where folders are made, one for each version: /models
  S3_ENDPOINT, S3_REGION, S3_CA_FILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY

Exit status 1, with one line on standard error and in the termination message, when it cannot.
"""

import hashlib
import io
import os
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MAX_BYTES = 64 << 20
_TERMINATION_LOG = Path("/dev/termination-log")


class Refused(Exception):
    """The message says why nothing was loaded."""


def main() -> int:
    try:
        folder = load(dict(os.environ))
    except Refused as error:
        line = f"not loaded: {error}\n"
        sys.stderr.write(line)
        if _TERMINATION_LOG.exists():
            _TERMINATION_LOG.write_text(line[:4000])
        return 1
    print(f"loaded {folder}")
    return 0


def load(env: dict[str, str]) -> Path:
    """Makes MODEL_FOLDER/MODEL_VERSION, complete or not at all. Raises Refused."""
    missing = [name for name in ("MODEL_VERSION", "MODEL_URI", "MODEL_DIGEST") if not env.get(name)]
    if missing:
        raise Refused(f"{', '.join(missing)} not set: the operator pins a version once one is promoted")
    content = _read(env)
    actual = "sha256:" + hashlib.sha256(content).hexdigest()
    if actual != env["MODEL_DIGEST"]:
        raise Refused(f"{env['MODEL_URI']} has digest {actual}, but {env['MODEL_DIGEST']} is pinned")
    target = Path(env.get("MODEL_FOLDER", "/models")) / env["MODEL_VERSION"]
    partial = target.with_name(f".{target.name}.partial")
    if target.exists():  # this container ran before in its pod
        return target
    shutil.rmtree(partial, ignore_errors=True)
    _unpack(content, partial)
    partial.rename(target)
    return target


def _unpack(content: bytes, folder: Path) -> None:
    """Regular files with plain names; a digest says who made an archive, not what is in it."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            place = (folder / member.name).resolve()
            file = archive.extractfile(member) if member.isfile() else None
            if file is None or not place.is_relative_to(folder.resolve()):
                raise Refused(f"the archive holds {member.name}, which is no plain file below it")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read())


def _read(env: dict[str, str]) -> bytes:
    import botocore.config
    import botocore.exceptions
    import botocore.session

    parts = urlsplit(env["MODEL_URI"])
    if parts.scheme != "s3":
        raise Refused(f"MODEL_URI is {env['MODEL_URI']}: give s3://BUCKET/KEY")
    client: Any = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=env.get("S3_ENDPOINT"),
        region_name=env.get("S3_REGION", "us-east-1"),
        verify=env.get("S3_CA_FILE"),
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )
    try:
        answer = client.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))
        content: bytes = answer["Body"].read(MAX_BYTES + 1)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise Refused(f"{env['MODEL_URI']}: {error}") from error
    if len(content) > MAX_BYTES:
        raise Refused(f"{env['MODEL_URI']} is larger than {MAX_BYTES} bytes")
    return content


if __name__ == "__main__":
    sys.exit(main())
