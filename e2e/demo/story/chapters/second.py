"""Version 2: what is refused, what does not count, and what finally moves the pin."""

from __future__ import annotations

import time
from typing import Any

from story.chapters import common
from story.stage import Stage

_TIGHTER = (
    """'[{"op":"replace","path":"/spec/stages/0/gates/1/latency/p95Budget","value":"45ms"}]'"""
)


def skipping_a_stage(stage: Stage) -> None:
    """Straight to Production: it waits for Staging, and no gate has run."""
    stage.act("priya", "as priya kubectl create -f $demo/2-too-early.yaml")
    request = f"{common.MODEL}-2-too-early"

    def waits(status: dict[str, object]) -> bool:
        return status.get("reason") == "WaitingForStage"

    status = stage.wait(request, waits, "WaitingForStage")
    stage.screen.result(status["message"])
    stage.check(not status.get("gates"), "it waits, and no gate was run", "a gate was run")
    stage.screen.note("it would go on by itself; priya takes it back to ask in order:")
    stage.act("priya", f"as priya kubectl delete promreq {request}")


def staging(stage: Stage) -> None:
    """The gates measure version 2 against version 1, on copies that no user reaches."""
    common.to_staging(stage, "2")


def approvals(stage: Stage) -> None:
    """Everything that is not an approval, then two that are."""
    status = common.awaiting(stage, "2")
    stage.screen.result(status["message"])
    request = common.name_of("2", "Production")
    stage.screen.note("no approval, no change:")
    common.nothing_moves(stage, "1")
    stage.refused("mallory", f"as mallory kubectl get promreq {request}", "Forbidden")
    stage.screen.note("priya even has the verb to approve, but she is the requester:")
    common.approve(stage, "priya", "2")
    common.show_judgement(stage, "priya", "2", "ApproverIsRequester", counted=False)
    _old_digest(stage, request)
    stage.screen.note("one of two is not enough:")
    common.approve(stage, "alice", "2")
    common.show_judgement(stage, "alice", "2", "Counted", counted=True)
    common.nothing_moves(stage, "1", seconds=3)
    since = time.time()
    common.approve(stage, "bob", "2")
    common.served_with_record(stage, "2", since)


def _old_digest(stage: Stage, request: str) -> None:
    """An approval of what was shown before the policy changed."""
    stage.screen.note("alice prints what she would approve, and meanwhile a limit is tightened:")
    stage.act("alice", common.save_manifest("alice", "2"))
    before = _digest(stage.get("promotionrequests", request)["status"])
    stage.act("admin", f"as admin kubectl patch ppol credit-risk --type=json -p {_TIGHTER}")

    def shows_another(status: dict[str, object]) -> bool:
        return common.is_awaiting(status) and _digest(status) != before

    stage.wait(request, shows_another, "AwaitingApproval with another digest")
    stage.screen.passed("the gates ran again, and there is another decision to approve")
    stage.act("alice", "as alice kubectl create -f $demo/alice-saw-2.yaml")
    common.show_judgement(stage, "alice", "2", "DigestChanged", counted=False)


def _digest(status: dict[str, Any]) -> str:
    return str(status.get("review", {}).get("decisionDigest", ""))
