"""Steps that several chapters take."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from story import tables
from story.bucket import connect
from story.stage import Stage

MODEL = "credit-risk"


def name_of(version: str, stage: str) -> str:
    """The name of the request for a version and stage."""
    return f"{MODEL}-{version}-{stage.lower()}"


def ask(stage: Stage, version: str, to: str) -> str:
    """priya asks for a promotion. Returns the request's name."""
    stage.act("priya", f"as priya kubectl create -f $demo/{version}-{to.lower()}.yaml")
    return name_of(version, to)


def to_staging(stage: Stage, version: str) -> None:
    """Through the gates into Staging, with the table of what was measured."""
    request = ask(stage, version, "Staging")
    status = stage.wait(request, lambda s: s.get("phase") == "Promoted", "Promoted")
    stage.screen.result(tables.gates(status))
    comes_to(stage, version, "Staging")
    stage.screen.passed(f"version {version} is in Staging")


def comes_to(stage: Stage, version: str, wanted: str) -> None:
    """The ModelVersion shows that stage: a view, which follows the records within a moment."""
    stage.wait_for(
        f"version {version} is in {wanted}", lambda: stage_of(stage, version) == wanted, 15
    )


def awaiting(stage: Stage, version: str) -> dict[str, Any]:
    """Asks for Production and waits until people are asked. Returns the request's status."""
    request = ask(stage, version, "Production")
    return stage.wait(request, is_awaiting, "AwaitingApproval")


def is_awaiting(status: dict[str, Any]) -> bool:
    return status.get("phase") == "AwaitingApproval"


def approve(stage: Stage, user: str, version: str) -> None:
    """Approves what was seen: the manifest is saved, read, and only then created."""
    stage.act(user, save_manifest(user, version))
    stage.act(user, f"as {user} kubectl create -f $demo/{user}-saw-{version}.yaml")


def save_manifest(user: str, version: str) -> str:
    """The command that saves and prints the manifest to approve a version with."""
    path = "-o jsonpath='{.status.review.approvalManifest}'"
    request = name_of(version, "Production")
    return f"as {user} kubectl get promreq {request} {path} | tee $demo/{user}-saw-{version}.yaml"


def approval_of(stage: Stage, user: str, version: str, *, reason: str) -> dict[str, Any]:
    """Waits until an Approval of that user for the request has been judged with `reason`."""
    request = name_of(version, "Production")

    def judged() -> dict[str, Any] | None:
        for each in stage.list("approvals"):
            spec, status = each["spec"], each.get("status", {})
            mine = spec["approver"]["username"] == user and spec["request"]["name"] == request
            if mine and _judgement(status).get("reason") == reason:
                return each
        return None

    found: dict[str, Any] = stage.wait_for(f"an Approval of {user} is judged {reason}", judged)
    return found


def show_judgement(stage: Stage, user: str, version: str, reason: str, counted: bool) -> None:
    """Shows an Approval as kubectl does, and checks that it counts or not."""
    approval = approval_of(stage, user, version, reason=reason)
    name = approval["metadata"]["name"]
    stage.act(user, f"as {user} kubectl get appr {name}")
    said = _judgement(approval["status"])
    stage.screen.result(said.get("message", ""))
    words = "counted" if counted else "not counted"
    stage.check(
        said["status"] == str(counted), f"{words}: {said['reason']}", "it is judged otherwise"
    )


def _judgement(status: dict[str, Any]) -> dict[str, Any]:
    """The condition Counted of an Approval; empty while it was not judged."""
    conditions = status.get("conditions", [])
    found: dict[str, Any] = next((each for each in conditions if each["type"] == "Counted"), {})
    return found


def nothing_moves(stage: Stage, version: str, seconds: float = 5) -> None:
    """Watches for some seconds that the pin and what users get stay as they are."""
    before, since = stage.pins(), time.time()
    time.sleep(seconds)
    same = stage.pins() == before and stage.client.last_answer_by_others(version, since) is None
    stage.check(same, f"{seconds:.0f} s later version {version} still serves", "something moved")


def served_with_record(stage: Stage, version: str, since: float) -> None:
    """After approval: the record is locked, then users get the version, and it says by what."""
    request = name_of(version, "Production")
    status = stage.wait(request, lambda s: s.get("phase") == "Promoted", "Promoted")
    first = stage.wait_for(
        f"users get version {version}", lambda: stage.client.first_answer(version, since)
    )
    show_lock_time(stage, status, version, first)
    stage.wait_for(
        f"users get only version {version}", lambda: stage.client.served() == f"v{version}"
    )
    target = stage.wait_for(
        f"ServingTarget {stage.served.target} says version {version}",
        lambda: _serving(stage, version),
        seconds=15,
    )
    stage.screen.passed(
        f"ServingTarget {stage.served.target}: version {version} serves since {target['since']} "
        f"by record {target['record']['sequence']}"
    )


def _serving(stage: Stage, version: str) -> dict[str, Any] | None:
    """What the ServingTarget says, if it names that version."""
    status = stage.get("servingtargets", stage.served.target).get("status", {})
    serving: dict[str, Any] = status.get("serving", {})
    return serving if serving.get("version") == version else None


def show_lock_time(stage: Stage, status: dict[str, Any], version: str, first: float) -> None:
    """Checks that the decision was locked in the bucket before the first answer by the version."""
    decided = next((r for r in status.get("records", []) if r["kind"] == "Decided"), None)
    stage.check(decided is not None, "the request names the decision's record", "there is none")
    assert decided is not None
    store = stage.installation.store
    bucket = store.audit_bucket
    head = connect("AUDIT", store.variables).head_object(Bucket=bucket, Key=decided["key"])
    locked: datetime = head["LastModified"]
    until: datetime = head["ObjectLockRetainUntilDate"]
    stage.screen.result(f"record s3://{bucket}/{decided['key']}")
    stage.screen.result(
        f"locked at {locked.astimezone():%H:%M:%S} ({head['ObjectLockMode']} until "
        f"{until.astimezone():%Y-%m-%d %H:%M:%S}), first answer by version {version} at "
        f"{datetime.fromtimestamp(first):%H:%M:%S.%f}"[:-3]
    )
    stage.check(
        head["ObjectLockMode"] == "COMPLIANCE" and locked.timestamp() <= first,
        "the record was locked before the first user got the new version",
        "a user got the new version before its record was locked",
    )


def stage_of(stage: Stage, version: str) -> str:
    """Where a version stands, by its ModelVersion, which follows a moment after the record."""

    def known() -> str:
        status = stage.get("modelversions", f"{MODEL}-{version}").get("status", {})
        return str(status.get("stage", ""))

    return str(stage.wait_for(f"version {version} has a stage", known, seconds=15))
