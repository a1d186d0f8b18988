"""Back to what served before, without gates and without an approval, and recorded all the same."""

from __future__ import annotations

import time

from story.chapters.common import MODEL, show_lock_time
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
    good, bad = stage.client.counts()
    stage.screen.result(f"since the first version: {good} calls answered, {bad} not")
