"""The tests' own eyes, where they could be wrong without anybody noticing."""

from __future__ import annotations

import json
from pathlib import Path

from support.audit_log import AuditLog


def _line(name: str) -> str:
    time = "2026-01-02T03:04:05.000000Z"
    event = {
        "stage": "ResponseComplete",
        "verb": "create",
        "user": {"username": "priya"},
        "objectRef": {"resource": "pods", "namespace": "here", "name": name},
        "responseStatus": {"code": 201},
        "requestURI": "/api/v1/namespaces/here/pods",
        "requestReceivedTimestamp": time,
        "stageTimestamp": time,
    }
    return json.dumps(event) + "\n"


def _write(file: Path, *names: str) -> None:
    with file.open("a") as log:
        log.writelines(map(_line, names))


def test_a_mark_holds_when_the_audit_log_is_rotated(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    log = AuditLog(file)
    _write(file, "a", "b")
    mark = log.mark()
    _write(file, "c")
    file.rename(tmp_path / "audit-2026-01-02T03-04-05.000.log")
    _write(file, "d")
    later = log.mark()
    file.rename(tmp_path / "audit-2026-01-02T03-04-06.000.log")
    _write(file, "e")
    assert [call.name for call in log.since(mark)] == ["c", "d", "e"]
    assert [call.name for call in log.since(later)] == ["e"]
    assert [call.name for call in log.since(0)] == ["a", "b", "c", "d", "e"]


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    _write(file, "a")
    with file.open("a") as log:
        log.write(_line("b")[:40])
    assert [call.name for call in AuditLog(file).since(0)] == ["a"]
