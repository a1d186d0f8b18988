"""What the server is pinned to: an explicit version number, an artifact URI and its digest.

Pure: reads a mapping, touches nothing. The rules are the server's own second line of defence behind
the cluster's admission policies: an alias can be moved to another version behind everybody's back,
so it never names what serves.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

ALIASES = frozenset({"latest", "champion", "prod", "production", "stable", "staging"})
PIN_VARIABLES = ("MODEL_VERSION", "MODEL_URI", "MODEL_DIGEST")

_VERSION = re.compile(r"[1-9][0-9]{0,14}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SCHEMES = frozenset({"s3", "file"})


class PinError(ValueError):
    """The pin cannot be served; the message says which variable is wrong and what it must be."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One explicit version: what to load, and the digest its bytes must have."""

    version: str  # decimal, "1" to fifteen digits
    uri: str  # s3://bucket/key or file:///path
    digest: str  # "sha256:" and 64 hex digits of the artifact's bytes
    model: str | None  # the model's name when the pin states it


def pin_from_env(env: Mapping[str, str]) -> Pin | None:
    """The pin in `env`, or None when not one pin variable is set.

    A variable that is set but empty counts as set: an empty pin is a mistake, not "no pin".
    Raises PinError when a variable is missing, an alias, or malformed.
    """
    missing = [name for name in PIN_VARIABLES if name not in env]
    if len(missing) == len(PIN_VARIABLES):
        return None
    if missing:
        raise PinError(
            f"{' and '.join(missing)} not set: a pin is {', '.join(PIN_VARIABLES)}, all of them"
        )
    _check_version(env["MODEL_VERSION"])
    _check_uri(env["MODEL_URI"])
    _check_digest(env["MODEL_DIGEST"])
    return Pin(env["MODEL_VERSION"], env["MODEL_URI"], env["MODEL_DIGEST"], env.get("MODEL_NAME"))


def _check_version(version: str) -> None:
    if version.lower() in ALIASES or "@" in version:
        raise PinError(
            f'MODEL_VERSION is "{version}", an alias: pin an explicit version number such as 2'
        )
    if not _VERSION.fullmatch(version):
        raise PinError(
            f'MODEL_VERSION is "{version}": pin a version number such as 2 ({_VERSION.pattern})'
        )


def _check_uri(uri: str) -> None:
    parts = urlsplit(uri)
    segments = unquote(parts.path).strip("/").split("/")
    alias = next((s for s in segments if s.lower() in ALIASES), None)
    if alias is not None or "@" in unquote(uri):
        raise PinError(
            f'MODEL_URI "{uri}" goes through the alias "{alias or "@"}": '
            "name the path of one explicit version"
        )
    if parts.scheme not in _SCHEMES or not parts.path.strip("/"):
        raise PinError(f'MODEL_URI is "{uri}": give s3://BUCKET/KEY or file:///PATH')
    if parts.scheme == "s3" and not parts.netloc:
        raise PinError(f'MODEL_URI is "{uri}": the bucket is missing, give s3://BUCKET/KEY')


def _check_digest(digest: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise PinError(f'MODEL_DIGEST is "{digest}": give sha256: and 64 lower-case hex digits')
