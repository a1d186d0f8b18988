"""Back to what served before, without gates and without an approval, and recorded all the same."""

from __future__ import annotations

import time

from story.chapters.common import MODEL, nothing_moves, show_lock_time
from story.stage import DemoError, Stage


def rollback(stage: Stage) -> None:
    """priya has the verb `rollback`; the time is measured by what users get."""
    since = time.time()
    stage.act("priya", "as priya kubectl create -f $demo/rollback.yaml")
    request = f"{MODEL}-rollback"
    status = stage.wait(request, lambda s: s.get("phase") == "Promoted", "Promoted", seconds=90)
    stage.wait_for("users get only version 2", lambda: stage.client.served() == "v2")
    first = stage.client.first_answer("2", since)
    last = stage.client.last_answer_by_others("2", since)
    if first is None or last is None:
        raise DemoError("the client saw no change of version")
    show_lock_time(stage, status, "2", first)
    stage.screen.passed(
        f"{first - since:.1f} s after the request the first user got version 2 again, and after "
        f"{last - since:.1f} s every user"
    )
    _applied_again(stage, request)
    good, bad = stage.client.counts()
    stage.screen.result(f"since the first version: {good} calls answered, {bad} not")


def _applied_again(stage: Stage, request: str) -> None:
    """What GitOps does after a prune: the same manifest, created anew, is the same request."""
    stage.screen.note("a pruned and re-applied Rollback must not roll back once more:")
    before = stage.get("promotionrequests", request)["status"]["records"]
    stage.act("priya", f"as priya kubectl delete promreq {request}")
    stage.act("priya", "as priya kubectl create -f $demo/rollback.yaml")
    status = stage.wait(request, lambda s: s.get("phase") == "Promoted", "Promoted", seconds=30)
    stage.check(
        [each["key"] for each in status["records"]] == [each["key"] for each in before],
        "it shows the end that it had, by the same records",
        "it has records of its own",
    )
    nothing_moves(stage, "2", seconds=3)
