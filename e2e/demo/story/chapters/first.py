"""Who is there, what a platform team delivered, and the first version that serves."""

from __future__ import annotations

import json
import time

from story import tables
from story.chapters import common
from story.stage import DemoError, Stage

_WHAT = {
    "priya": "trains models and asks for promotions",
    "alice": "model risk management: approves",
    "bob": "retail credit: approves for the business",
    "nadia": "administers the namespace (ClusterRole admin)",
    "mallory": "has no rights",
}


def opening(stage: Stage) -> None:
    """The people as the API server knows them, and a Deployment without a pin."""
    rows = [("USER", "GROUPS", "WHAT")]
    for user, what in _WHAT.items():
        seen = stage.run(f"as {user} kubectl auth whoami -o json")
        info = json.loads(seen.output)["status"]["userInfo"]
        groups = [g for g in info["groups"] if not g.startswith("system:")]
        if info["username"] != user:
            raise DemoError(f"{user} is authenticated as {info}")
        rows.append((user, ", ".join(groups), what))
    stage.screen.result(tables.columns(rows))
    stage.screen.note("the platform team delivered a Deployment without a pin; it serves nothing:")

    def reason() -> str:
        logs = stage.run(f"as nadia kubectl logs deployment/{stage.served.deployment} --tail=1")
        return logs.output if logs.code == 0 and "{" in logs.output else ""

    stage.wait_for("a pod says why it is not ready", reason)
    stage.act("nadia", "as nadia kubectl get deployment,pods")
    stage.act("nadia", f"as nadia kubectl logs deployment/{stage.served.deployment} --tail=1")
    stage.check(stage.client.served() == "-", "users get no answer", "somebody serves already")
    stage.screen.note("registering versions starts nothing:")
    stage.act("priya", "as priya kubectl create -f $demo/versions.yaml")
    stage.refused("mallory", "as mallory kubectl get mver", "Forbidden")
    stage.act("priya", "as priya kubectl get mver")


def first_version(stage: Stage) -> None:
    """Version 1 through Staging, then Production; there is no champion to compare with."""
    common.to_staging(stage, "1")
    common.awaiting(stage, "1")
    stage.act("priya", "as priya kubectl get promreq")
    since = time.time()
    common.approve(stage, "alice", "1")
    common.approve(stage, "bob", "1")
    common.served_with_record(stage, "1", since)
