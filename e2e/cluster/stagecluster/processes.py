"""Starting processes so that they can be found again, and ending only those.

A pid alone is not enough: it may have been given to somebody else since. A pid
file therefore holds the start time as well, and every part carries the state
folder in its environment, which finds even what left no pid file (the shims of
containerd inherit it; containers do not).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .config import Config

_MARK = "STAGEKEEPER_PART_OF"
_LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Process:
    """One process of this machine, told apart from a later one with the same pid."""

    pid: int
    start_ticks: int

    def is_alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        stat = _stat(self.pid)
        return stat is not None and stat.start_ticks == self.start_ticks and stat.state not in "ZX"

    def resident_bytes(self) -> int:
        """Memory it holds, shared pages included; 0 once it has ended."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def send(self, number: int) -> None:
        """Signals the process if it is still the same one."""
        if not self.is_alive():
            return
        with contextlib.suppress(ProcessLookupError):  # It may end at this very moment.
            os.kill(self.pid, number)


@dataclass(frozen=True)
class _Stat:
    state: str
    start_ticks: int


def _stat(pid: int) -> _Stat | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return _Stat(state=fields[0], start_ticks=int(fields[19]))


def pid_file(config: Config, name: str) -> Path:
    return config.run / f"{name}.pid"


def recorded(config: Config, name: str) -> Process | None:
    """The process last started under this name, or None; it may have ended since."""
    try:
        pid, start_ticks = pid_file(config, name).read_text().split()
    except (OSError, ValueError):
        return None
    return Process(int(pid), int(start_ticks))


def start(
    config: Config, name: str, argv: Sequence[str | Path], variables: Mapping[str, str]
) -> None:
    """Starts a part in a session of its own, its output appended to its log.

    `variables` is its environment beside the few every part has. Returns when its
    pid file is there, not when it is ready.
    """
    file = pid_file(config, name)
    file.unlink(missing_ok=True)
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(config.data),
        _MARK: str(config.state),
        **variables,
    }
    with open(config.logs / f"{name}.log", "ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-IS", str(_LAUNCHER), str(file), *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=config.data,
            env=environment,
            start_new_session=True,
        )
    while not file.exists() and child.poll() is None:
        time.sleep(0.005)


def stop(processes: Iterable[Process], grace_seconds: float) -> None:
    """Ends processes: SIGTERM to all, SIGKILL to those that outlive the grace."""
    remaining = [process for process in processes if process.is_alive()]
    for process in remaining:
        process.send(signal.SIGTERM)
    remaining = _outliving(remaining, grace_seconds)
    for process in remaining:
        process.send(signal.SIGKILL)
    _outliving(remaining, 5)


def _outliving(processes: list[Process], seconds: float) -> list[Process]:
    deadline = time.monotonic() + seconds
    while processes and time.monotonic() < deadline:
        _reap()
        processes = [process for process in processes if process.is_alive()]
        time.sleep(0.02)
    return processes


def _reap() -> None:
    """Collects ended children of this command, which would stay zombies otherwise."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


def marked(config: Config) -> list[Process]:
    """Every process started for this state folder, recorded or not."""
    return [process for process, state in _all_marked() if state == str(config.state)]


def other_states(config: Config) -> list[str]:
    """State folders of other clusters that run on this machine."""
    return sorted({state for _, state in _all_marked() if state != str(config.state)})


def _all_marked() -> Iterator[tuple[Process, str]]:
    """Every living process of any cluster of ours, with its state folder."""
    mark = f"{_MARK}=".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        stat = _stat(int(entry.name))
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # It ended, or is the kernel's.
        for variable in environment:
            if stat is not None and variable.startswith(mark):
                state = variable.removeprefix(mark).decode(errors="replace")
                yield Process(int(entry.name), stat.start_ticks), state
