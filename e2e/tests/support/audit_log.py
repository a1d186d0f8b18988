"""The API server's audit log: who did what, counted by somebody other than the operator."""

from __future__ import annotations

import json
import os
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import pytest

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True)
class Call:
    """One finished request."""

    received: datetime
    finished: datetime
    user: str
    verb: str
    resource: str
    """With the subresource, such as deployments/scale."""
    namespace: str
    name: str
    code: int
    query: dict[str, list[str]]
    request: Any
    """The body, where the audit policy keeps it."""

    @property
    def changes(self) -> bool:
        """Whether it asked for a change and got it; a review is a question and stores nothing."""
        stored = self.verb in _WRITES and not self.resource.endswith("reviews")
        return stored and self.code < 300 and "dryRun" not in self.query

    def __str__(self) -> str:
        time = self.received.strftime("%H:%M:%S.%f")[:-3]
        what = f"{self.verb} {self.resource} {self.namespace}/{self.name}"
        return f"{time} {self.user} {what} -> {self.code}"


class AuditLog:
    """The log from a moment on, across its rotations.

    The API server renames a full `audit.log` to `audit-<time>.log` and starts a new one. A place in
    the log is therefore counted from the first byte of the oldest file that is kept, which is all
    of them.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def mark(self) -> int:
        """A place in the log: everything after it happened later."""
        with self._parts() as parts:
            return sum(map(_size, parts))

    def since(self, mark: int, about: str = "") -> Iterator[Call]:
        """Requests after a mark whose line holds the text `about`, such as a namespace."""
        wanted = about.encode()
        with self._parts() as parts:
            before = 0
            for part in parts:
                size = _size(part)
                part.seek(min(size, max(0, mark - before)))
                before += size
                for line in part:
                    # A line that is being written has no end yet.
                    if wanted in line and line.endswith(b"\n"):
                        call = _call(json.loads(line))
                        if call is not None:
                            yield call

    @contextmanager
    def _parts(self) -> Iterator[list[IO[bytes]]]:
        """Every file of the log, oldest first; open, so that a rotation changes none of them."""
        while True:
            with ExitStack() as files:
                old = self._rotated()
                try:
                    parts = [files.enter_context(each.open("rb")) for each in [*old, self._file]]
                except FileNotFoundError:
                    continue  # between the renaming and the new file
                if old == self._rotated():
                    yield parts
                    return

    def _rotated(self) -> list[Path]:
        return sorted(self._file.parent.glob(f"{self._file.stem}-*{self._file.suffix}"))

    def changes_by(self, user: str, mark: int, about: str = "") -> list[Call]:
        """What a user changed since a mark."""
        return [call for call in self.since(mark, about) if call.user == user and call.changes]

    def pin_changes(self, ns: str, deployment: str, mark: int) -> list[Call]:
        """Requests of anybody that changed pins of a Deployment as the operator does."""
        return [
            call
            for call in self.since(mark, ns)
            if call.changes
            and (call.resource, call.namespace, call.name) == ("deployments", ns, deployment)
            and call.query.get("fieldManager") == ["stagekeeper-pin"]
        ]


class NoAuditLog(AuditLog):
    """Where the API server's log is somebody else's: a test that counts in it is skipped."""

    def __init__(self) -> None:
        super().__init__(Path())

    def mark(self) -> int:
        return 0

    def since(self, mark: int, about: str = "") -> Iterator[Call]:
        pytest.skip("counts in the audit log of e2e/cluster's API server")


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _call(event: dict[str, Any]) -> Call | None:
    ref = event.get("objectRef")
    if event.get("stage") != "ResponseComplete" or ref is None:
        return None
    sub = ref.get("subresource")
    return Call(
        received=_time(event["requestReceivedTimestamp"]),
        finished=_time(event["stageTimestamp"]),
        user=event["user"].get("username", ""),
        verb=event["verb"],
        resource=ref.get("resource", "") + (f"/{sub}" if sub else ""),
        namespace=ref.get("namespace", ""),
        name=ref.get("name", ""),
        code=int(event.get("responseStatus", {}).get("code", 0)),
        query=urllib.parse.parse_qs(urllib.parse.urlsplit(event["requestURI"]).query),
        request=event.get("requestObject"),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
