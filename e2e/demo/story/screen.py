"""What the audience sees: one line each, with time, what users are served, who acts, and what.

Thread rule: any thread may print; lines never mix.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

_BOLD, _DIM, _RED, _GREEN, _CYAN = "1", "2", "31", "32", "36"


class Screen:
    """Standard output, with colours where a person looks at a terminal that wants them."""

    def __init__(self) -> None:
        self._colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._lock = threading.Lock()
        self._served: Callable[[], str] = lambda: "-"

    def show_served(self, served: Callable[[], str]) -> None:
        """From now on every line tells what `served` returns."""
        self._served = served

    def chapter(self, title: str) -> None:
        self._print("\n" + self._paint(title, _BOLD))

    def note(self, text: str) -> None:
        """Words of the teller, nobody's act."""
        self._line("", self._paint(text, _DIM))

    def command(self, user: str, text: str) -> None:
        self._line(user, self._paint("$ " + text, _CYAN))

    def result(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            self._line("", "  " + line)

    def passed(self, text: str) -> None:
        """Something that was checked and holds."""
        self._line("", self._paint("  ok ", _GREEN) + text)

    def failed(self, text: str) -> None:
        self._print(self._paint(text, _RED))

    def event(self, source: str, text: str) -> None:
        self._line(source, text)

    def plain(self, text: str) -> None:
        self._print(text)

    def _line(self, user: str, text: str) -> None:
        self._print(f"{time.strftime('%H:%M:%S')}  {self._served():<7}{user:<10}{text}")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text

    def _print(self, text: str) -> None:
        with self._lock:
            print(text, flush=True)
