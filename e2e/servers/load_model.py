"""Fetches the pinned artifact, verifies its digest and unpacks it: what an init container does.

Environment
  MODEL_VERSION, MODEL_URI, MODEL_DIGEST   the pin; the artifact is a tar archive of one folder
  MODEL_FOLDER                             where folders are made, one for each version: /models
  S3_ENDPOINT, S3_REGION, S3_CA_FILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY

Exit status 1, with one line on standard error and in the termination message, when it cannot.
"""

import io
import os
import shutil
import sys
import tarfile
from pathlib import Path

from model_server.artifact import Refused, Unavailable, fetch
from model_server.pin import PinError, pin_from_env

MAX_BYTES = 64 << 20
_TERMINATION_LOG = Path("/dev/termination-log")


def main() -> int:
    try:
        folder = load(dict(os.environ))
    except (PinError, Refused, Unavailable) as error:
        line = f"not loaded: {error}\n"
        sys.stderr.write(line)
        if _TERMINATION_LOG.exists():
            _TERMINATION_LOG.write_text(line[:4000])
        return 1
    print(f"loaded {folder}")
    return 0


def load(env: dict[str, str]) -> Path:
    """Makes MODEL_FOLDER/MODEL_VERSION, complete or not at all. Raises PinError, Refused, Unavailable."""
    pin = pin_from_env(env)
    if pin is None:
        raise Refused("no pin: the operator pins a version once one is promoted")
    content = fetch(pin, env, MAX_BYTES)
    target = Path(env.get("MODEL_FOLDER", "/models")) / pin.version
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


if __name__ == "__main__":
    sys.exit(main())
