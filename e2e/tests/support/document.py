"""Documents whose commands are tested: what stands in them is what runs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from stageinstall import InstallError, places
from stageinstall.target import Target

SECONDS = 330
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(document: Path, *, until: str) -> list[str]:
    """The `sh` blocks of a document, in order, up to the line `until`.

    Raises AssertionError when there is no such line: commands after it would run unnoticed.
    """
    head, found, _ = document.read_text().partition(f"\n{until}\n")
    assert found, f"{document} has no line {until!r}"
    return [block.strip() for block in _BLOCK.findall(head)]


def commands_of(document: Path, section: str) -> list[str]:
    """The `sh` blocks of the section with that heading, in order.

    Raises AssertionError when there is no such section.
    """
    _, found, rest = document.read_text().partition(f"\n## {section}\n")
    assert found, f"{document} has no section {section!r}"
    return [block.strip() for block in _BLOCK.findall(rest.partition("\n## ")[0])]


def shell(command: str, folder: Path, target: Target) -> str:
    """Runs what a document says, as it says it."""
    path = f"{places.cluster_state() / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "KUBECONFIG": str(target.kubeconfig)}
    argv = ["bash", "-e", "-o", "pipefail", "-c", command]
    done = subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        raise InstallError(f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout
