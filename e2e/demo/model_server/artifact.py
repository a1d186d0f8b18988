"""Fetches the pinned artifact and makes a model of it, verifying before parsing.

Two kinds of failure, because they want different answers: `Refused` is final (wrong digest, no such
object) and the server exits; `Unavailable` may pass (the store is down) and the server stays up,
NotReady, and tries again.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from model_server.model import ArtifactError, Model, parse_model
from model_server.pin import Pin

MAX_ARTIFACT_BYTES = 1 << 20  # demo artifacts are below 1 KiB
_CONNECT_SECONDS = 2
_READ_SECONDS = 5


class Refused(Exception):
    """This pin can never be served as it stands."""


class Unavailable(Exception):
    """The store did not answer; the same pin may work later."""


def load(pin: Pin, env: Mapping[str, str]) -> Model:
    """The model behind `pin`. Parses nothing of another digest. Raises Refused, Unavailable."""
    content = fetch(pin, env)
    try:
        model = parse_model(content)
    except ArtifactError as error:
        raise Refused(f"{pin.uri}: {error}") from error
    if model.version != pin.version:
        raise Refused(f"{pin.uri} is version {model.version}, but MODEL_VERSION pins {pin.version}")
    if pin.model is not None and model.name != pin.model:
        raise Refused(f'{pin.uri} is model "{model.name}", but MODEL_NAME pins "{pin.model}"')
    return model


def fetch(pin: Pin, env: Mapping[str, str], limit: int = MAX_ARTIFACT_BYTES) -> bytes:
    """The bytes behind `pin`, of the pinned digest and at most `limit`. Raises Refused, Unavailable."""
    parts = urlsplit(pin.uri)
    path = unquote(parts.path)
    # One byte more is enough to see that it is too large.
    if parts.scheme == "s3":
        content = _read_s3(parts.netloc, path.lstrip("/"), env, limit + 1)
    else:
        content = _read_file(path, limit + 1)
    if len(content) > limit:
        raise Refused(f"{pin.uri} is larger than {limit} bytes: not a demo artifact")
    actual = "sha256:" + hashlib.sha256(content).hexdigest()
    if actual != pin.digest:
        raise Refused(f"{pin.uri} has digest {actual}, but MODEL_DIGEST pins {pin.digest}")
    return content


def _read_file(path: str, most: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise Refused(f"cannot read {path}: {error.strerror}") from error


def _read_s3(bucket: str, key: str, env: Mapping[str, str], most: int) -> bytes:
    """At most `most` bytes of the object."""
    # botocore (the core of boto3) takes longer to import than the rest of the server to start, and
    # an unpinned server, or one with a file:// pin, never needs it.
    import botocore.config
    import botocore.exceptions
    import botocore.session

    ca_file = env.get("S3_CA_FILE")
    if ca_file is not None and not Path(ca_file).is_file():
        raise Refused(f'S3_CA_FILE is "{ca_file}": no such file')
    client: Any = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=env.get("S3_ENDPOINT"),
        region_name=env.get("S3_REGION", "us-east-1"),
        verify=ca_file,
        config=botocore.config.Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": 1},  # the caller retries, and shows that it does
            s3={"addressing_style": "path"},  # the endpoint may be an IP address
        ),
    )
    try:
        body = client.get_object(Bucket=bucket, Key=key)["Body"]
        return bytes(body.read(most))
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        message = (
            f"S3 answered {status} for s3://{bucket}/{key}: {error.response['Error'].get('Code')}"
        )
        if 400 <= status < 500 and status != 429:
            raise Refused(message) from error
        raise Unavailable(message) from error
    except botocore.exceptions.NoCredentialsError as error:
        raise Refused("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set") from error
    except botocore.exceptions.BotoCoreError as error:
        raise Unavailable(f"cannot read s3://{bucket}/{key}: {error}") from error
