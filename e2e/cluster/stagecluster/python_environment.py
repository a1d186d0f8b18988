"""The Python packages of the end-to-end tests, in a virtual environment of the cache."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from .config import SOURCE, Config
from .console import run, say

_REQUIREMENTS = SOURCE / "requirements.txt"
_COMPLETE = "stagekeeper-complete"


def python(config: Config) -> Path:
    """The interpreter that has boto3, the Kubernetes client and pytest."""
    return _folder(config) / "bin" / "python"


def build(config: Config) -> None:
    """Makes the environment of requirements.txt unless it is there.

    A stamp is written last, so an interrupted installation is repeated. The link
    venv/e2e always leads to the environment made or asked for last.
    """
    folder = _folder(config)
    if not (folder / _COMPLETE).exists():
        say("installing the Python packages of the tests; about a minute")
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", folder])
        run([python(config), "-m", "pip", "install", "--quiet", "--requirement", _REQUIREMENTS])
        (folder / _COMPLETE).touch()
    link = folder.with_name("e2e")
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)


def _folder(config: Config) -> Path:
    content = _REQUIREMENTS.read_bytes() + sys.version.encode()
    return config.cache / "venv" / f"e2e-{hashlib.sha256(content).hexdigest()[:12]}"
