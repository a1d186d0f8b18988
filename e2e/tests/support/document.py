"""Documents whose commands are tested: what stands in them is what runs."""

from __future__ import annotations

import re
from pathlib import Path

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(document: Path, *, until: str) -> list[str]:
    """The `sh` blocks of a document, in order, up to the line `until`.

    Raises AssertionError when there is no such line: commands after it would run unnoticed.
    """
    head, found, _ = document.read_text().partition(f"\n{until}\n")
    assert found, f"{document} has no line {until!r}"
    return [block.strip() for block in _BLOCK.findall(head)]
