"""After the work nothing is written, and what somebody wipes comes back the same."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.api import Object
from support.policies import QUICK
from support.waiting import wait_for
from support.world import World

QUIET_SECONDS = 20


@dataclass
class Settled:
    """A namespace with a version in Production and a request that waits for people."""

    world: World
    finished: str
    awaiting: str


@pytest.fixture(scope="module")
def settled(shared_world: Callable[..., World]) -> Iterator[Settled]:
    it = shared_world(versions=["1", "2"], edit=QUICK)
    finished = it.promote("1")
    it.stage("2")
    awaiting = it.await_approval("2")
    it.approve(awaiting, "alice")
    wait_for(
        "one approval counts", lambda: it.status(awaiting)["summary"]["approvals"] == "1/2", 30
    )
    yield Settled(it, finished, awaiting)


def test_nothing_is_written_when_nothing_happens(settled: Settled) -> None:
    it = settled.world
    # The last of it: clones that go, views that follow.
    wait_for("everything is cleaned up", lambda: _quiet_since(it, 5), 60, interval=5)
    mark = it.cluster.audit.mark()
    time.sleep(QUIET_SECONDS)
    changes = [call for call in it.operator_changes(mark) if call.resource != "leases"]
    assert changes == [], "\n".join(map(str, changes))
    leases = [call for call in it.operator_changes(mark) if call.resource == "leases"]
    assert leases, "the operator was not running at all"


def _quiet_since(it: World, seconds: float) -> bool:
    mark = it.cluster.audit.mark()
    time.sleep(seconds)
    return not [call for call in it.operator_changes(mark) if call.resource != "leases"]


@pytest.mark.parametrize("which", ["finished", "awaiting"])
def test_a_wiped_request_status_comes_back_the_same(settled: Settled, which: str) -> None:
    it, name = settled.world, getattr(settled, which)
    before = it.status(name)
    it.admin.merge("PromotionRequest", it.ns, name, {"status": None}, sub="status")
    wait_for(
        "the status is there again",
        lambda: _same(before, it.status(name)),
        30,
        seen=lambda: _difference(before, it.status(name)),
    )


@pytest.mark.parametrize("kind", ["ServingTarget", "PromotionPolicy", "ModelVersion"])
def test_a_wiped_view_comes_back_the_same(settled: Settled, kind: str) -> None:
    it = settled.world
    names = {
        "ServingTarget": it.served.target,
        "PromotionPolicy": it.served.model,
        "ModelVersion": f"{it.served.model}-1",
    }
    before = it.admin.read(kind, it.ns, names[kind])["status"]

    def now() -> Object:
        found: Object = it.admin.read(kind, it.ns, names[kind]).get("status", {})
        return found

    it.admin.merge(kind, it.ns, names[kind], {"status": None}, sub="status")
    wait_for(
        "the status is there again",
        lambda: _same(before, now()),
        90,
        seen=lambda: _difference(before, now()),
    )


@pytest.mark.parametrize("which", ["finished", "awaiting"])
def test_a_wiped_approval_comes_back_the_same(settled: Settled, which: str) -> None:
    it = settled.world
    uid = it.uid(getattr(settled, which))
    approval = it.admin.list("Approval", it.ns, fieldSelector=f"spec.request.uid={uid}")[0]
    name = approval["metadata"]["name"]
    it.admin.merge("Approval", it.ns, name, {"status": None}, sub="status")

    def now() -> Object:
        found: Object = it.admin.read("Approval", it.ns, name).get("status", {})
        return found

    wait_for(
        "the approval is judged again",
        lambda: _same(approval["status"], now()),
        30,
        seen=lambda: _difference(approval["status"], now()),
    )


@pytest.mark.parametrize(
    ("name", "uid", "reason"),
    [("no-such-request", "", "RequestMismatch"), ("", str(uuid.UUID(int=0)), "RequestNotFound")],
)
def test_an_approval_of_no_request_is_told_so(
    settled: Settled, name: str, uid: str, reason: str
) -> None:
    it, awaiting = settled.world, settled.awaiting
    mistyped = {"name": name or awaiting, "uid": uid or it.uid(awaiting)}
    status = it.wait_approval(it.approve(awaiting, "bob", request=mistyped), counted=False)
    assert status["reason"] == reason
    assert "create a new Approval" in status["message"]
    assert it.status(awaiting)["summary"]["approvals"] == "1/2"


def test_a_deleted_stage_view_comes_back(settled: Settled) -> None:
    it, name = settled.world, f"{settled.world.served.model}.production"
    before = it.admin.read("ModelStage", it.ns, name)
    it.admin.delete("ModelStage", it.ns, name)

    def again() -> bool:
        found = it.admin.get("ModelStage", it.ns, name)
        if found is None or found["metadata"]["uid"] == before["metadata"]["uid"]:
            return False
        return _same(before["status"], found.get("status", {}))

    wait_for("the ModelStage is there again", again, 60)


def test_a_forged_status_serves_nobody(settled: Settled) -> None:
    """Status is no authority: what it claims changes nothing but what is shown, for a moment."""
    it, name = settled.world, settled.awaiting
    before = it.status(name)
    lie = {"phase": "Promoted", "summary": {"approvals": "2/2"}, "gates": None}
    it.admin.merge("PromotionRequest", it.ns, name, {"status": lie}, sub="status")
    wait_for(
        "the lie is corrected",
        lambda: _same(before, it.status(name)),
        30,
        seen=lambda: _difference(before, it.status(name)),
    )
    assert it.pins() == it.pin_of("1")
    assert len(it.pin_changes()) == 1


_TIMES = frozenset({"lastTransitionTime", "startedAt", "finishedAt"})


def _timeless(value: Any) -> Any:
    """Without the times that say when something was first shown."""
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if key not in _TIMES}
    if isinstance(value, list):
        return [_timeless(each) for each in value]
    return copy.deepcopy(value)


def _same(before: Object, after: Object) -> bool:
    return bool(_timeless(before) == _timeless(after))


def _difference(before: Object, after: Object) -> dict[str, Any]:
    old, new = _timeless(before), _timeless(after)
    keys = sorted({*old, *new})
    return {key: (old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)}
