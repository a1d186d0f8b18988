"""Version 3, which is more accurate and unfair, and version 4, which is neither's problem."""

from __future__ import annotations

import time

from story import tables
from story.chapters import common
from story.stage import Stage


def blocked_by_fairness(stage: Stage) -> None:
    """Blocked by one gate of three, in the words that people know."""
    request = common.ask(stage, "3", "Staging")
    status = stage.wait(request, lambda s: s.get("phase") == "Blocked", "Blocked")
    stage.screen.result(tables.gates(status))
    stage.screen.result(status["message"])
    failed = [gate["name"] for gate in status["gates"] if gate["verdict"] == "Failed"]
    reason = "Promotion blocked. Failed gates: fairness_by_group"
    stage.check(
        failed == ["fairness_by_group"] and reason in status["message"],
        "more accurate than version 2, and blocked by fairness alone",
        f"failed gates are {failed}: {status['message']}",
    )
    served = stage.client.served()
    stage.check(served == "v2", "users still get version 2", f"users get {served}")


def the_fix(stage: Stage) -> None:
    """Version 4 without the defect, all the way."""
    common.to_staging(stage, "4")
    common.awaiting(stage, "4")
    since = time.time()
    common.approve(stage, "alice", "4")
    common.approve(stage, "bob", "4")
    common.served_with_record(stage, "4", since)
    common.comes_to(stage, "2", "Archived")
    stage.screen.passed("version 2, which no target serves, is Archived")
