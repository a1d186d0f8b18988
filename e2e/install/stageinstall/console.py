"""What the user sees while it works, and how commands are run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_started = time.monotonic()


class InstallError(Exception):
    """Something the user can understand and act upon; shown without a traceback."""


def say(message: str) -> None:
    """Prints one line of progress with the seconds since the command began."""
    print(f"[{time.monotonic() - _started:6.1f} s] {message}", file=sys.stderr, flush=True)


def run(
    argv: Sequence[str | Path],
    *,
    text_in: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Runs a command to its end and returns its standard output.

    Raises InstallError with the program's name and what it printed when it fails; its
    arguments and its input may hold secrets and are not shown.
    """
    try:
        done = subprocess.run(
            argv, input=text_in, cwd=cwd, env=env, text=True, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise InstallError(f"{argv[0]} is not there: {error.strerror}") from error
    if done.returncode != 0:
        printed = (done.stderr or done.stdout).strip()
        raise InstallError(f"{Path(argv[0]).name} failed with {done.returncode}:\n{printed}")
    return done.stdout
