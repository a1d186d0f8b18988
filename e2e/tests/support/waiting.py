"""Waiting for something to become so, with a message that says what was seen instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class NotInTime(AssertionError):
    """Something did not become so; the message says what was seen last."""


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    seconds: float,
    *,
    interval: float = 0.2,
    seen: Callable[[], Any] | None = None,
) -> T:
    """The first true answer of `probe`.

    Raises NotInTime after `seconds`, with `seen()` or else the last answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            last = seen() if seen else answer
            raise NotInTime(f"{what}: not so after {seconds:.0f} s; last seen: {last}")
        time.sleep(interval)


def stays(what: str, probe: Callable[[], T], seconds: float, *, interval: float = 0.25) -> T:
    """Asserts that `probe` gives the same answer for `seconds`; returns it."""
    first = probe()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(interval)
        now = probe()
        assert now == first, f"{what} changed from {first} to {now}"
    return first
