"""What the user sees: progress on standard error, results on standard output."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .config import ClusterError

_started = time.monotonic()


def say(message: str) -> None:
    """Prints one line of progress with the seconds since the command began."""
    print(f"[{time.monotonic() - _started:6.1f} s] {message}", file=sys.stderr, flush=True)


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Runs a command to its end and returns its standard output.

    Raises ClusterError with the program's name and what it printed when it fails; its
    arguments may hold secrets and are not shown.
    """
    done = subprocess.run(argv, cwd=cwd, env=env, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        printed = (done.stderr or done.stdout).strip()
        raise ClusterError(f"{Path(argv[0]).name} failed with {done.returncode}:\n{printed}")
    return done.stdout


def wait_until(what: str, healthy: Callable[[], bool], seconds: float) -> None:
    """Asks until the answer is yes. Raises ClusterError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not healthy():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not so after {seconds:.0f} s")
        time.sleep(0.1)


def command(main: Callable[[list[str]], int]) -> None:
    """Runs the body of an executable and ends the process with its code.

    A ClusterError becomes one message and code 1, an interrupt code 130.
    """
    try:
        code = main(sys.argv[1:])
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
