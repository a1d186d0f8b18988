"""A user of the model: asks the Service all the time and notices which version answers."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_PAUSE_SECONDS = 0.2
_TIMEOUT_SECONDS = 3.0
_BODY = json.dumps(
    {
        "dataframe_split": {
            "columns": ["balance", "income", "student_account"],
            "data": [[1500.0, 42000.0, 1]],
        }
    }
)


@dataclass(frozen=True)
class Answer:
    """One call: when it ended (seconds since the epoch), and who answered, if anybody."""

    at: float
    version: str | None


class Client:
    """Calls the Service five times a second from a thread of its own, a connection each.

    Tells `changed` in words when another set of versions answered within a second.
    """

    def __init__(self, host: str, port: int, changed: Callable[[str], None]) -> None:
        self._host, self._port, self._changed = host, port, changed
        self._answers: list[Answer] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="client", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def served(self) -> str:
        """The versions that answered within the last second: "v2", "v1+v2", or "-"."""
        names = sorted(f"v{version}" for version in self._recent())
        return "+".join(names) or "-"

    def first_answer(self, version: str, since: float) -> float | None:
        """When `version` first answered after `since`."""
        return next((a.at for a in self._copy() if a.at >= since and a.version == version), None)

    def last_answer_by_others(self, version: str, since: float) -> float | None:
        """When any other version last answered after `since`."""
        others = [a.at for a in self._copy() if a.at >= since and a.version not in (version, None)]
        return others[-1] if others else None

    def counts(self, since: float = 0) -> tuple[int, int]:
        """How many calls were answered, and how many were not since the first answer."""
        answers = [a for a in self._copy() if a.at >= since]
        first = next((i for i, a in enumerate(answers) if a.version), len(answers))
        counted = answers[first:]
        good = sum(a.version is not None for a in counted)
        return good, len(counted) - good

    def _loop(self) -> None:
        known: str | None = None
        told = time.monotonic()
        while not self._stop.wait(_PAUSE_SECONDS):
            answer = Answer(version=self._ask(), at=time.time())
            with self._lock:
                self._answers.append(answer)
            if time.monotonic() - told < 1:
                continue
            told = time.monotonic()
            now = self.served()
            if now != known:
                self._changed(_words(now))
                known = now

    def _ask(self) -> str | None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/invocations", _BODY, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            return response.headers["X-Model-Version"] if response.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _recent(self) -> set[str]:
        since = time.time() - 1
        return {a.version for a in self._copy() if a.at >= since and a.version}

    def _copy(self) -> list[Answer]:
        with self._lock:
            return list(self._answers)


def _words(served: str) -> str:
    return "nobody answers" if served == "-" else f"answered by {served.replace('+', ' and ')}"
