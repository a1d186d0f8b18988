"""One request, several targets: each has its own ledger, its own state and its own way back."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from support.api import Object
from support.policies import QUICK, both
from support.second import SECOND, add_second, serves_both
from support.waiting import wait_for
from support.world import ROLLOUT_SECONDS, World


def records_of(it: World, target: str, request: str) -> list[Any]:
    found = it.cluster.ledgers.records(it.ns, "target", target)
    return [each for each in found if each.request_uid == it.uid(request)]


def views(status: Object) -> dict[str, Object]:
    return {each["name"]: each for each in status["targets"]}


@pytest.fixture()
def two(world: Callable[..., World]) -> World:
    """A namespace that serves the model in two segments."""
    it = world(versions=["1", "2", "4"], edit=both(QUICK, serves_both))
    add_second(it)
    return it


def test_one_request_brings_a_version_to_every_target(two: World) -> None:
    it = two
    request = it.promote("1")
    status = it.status(request)
    assert sorted(views(status)) == sorted([it.served.target, SECOND])
    assert {each["phase"] for each in status["targets"]} == {"Applied"}
    decided = it.decided(request)
    assert decided.predicate["targets"] == sorted([it.served.target, SECOND])
    for target in (it.served.target, SECOND):
        intent, applied = records_of(it, target, request)
        assert (intent.kind, applied.kind) == ("Intent", "Applied")
        assert intent.predicate["decided"] == decided.digest
        it.cluster.ledgers.check(it.ns, "target", target)
    assert it.concluded(request).code == "Applied"
    assert it.concluded(request).moves == {"1": "Production"}
    assert it.pins() == it.pin_of("1") == it.pins(SECOND)


def test_a_request_may_name_one_of_the_targets(two: World) -> None:
    it = two
    it.promote("1")
    it.stage("2")
    request = it.request("2", "Production", targets=[SECOND])
    it.wait_phase(request, "AwaitingApproval")
    it.approve(request, "alice")
    it.approve(request, "bob")
    status = it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
    assert list(views(status)) == [SECOND]
    assert it.pins(SECOND) == it.pin_of("2")
    assert it.pins() == it.pin_of("1"), "the other segment keeps what it had"
    # The first still serves version 1, so that nothing is archived.
    assert it.concluded(request).moves == {"2": "Production"}


def test_one_target_that_fails_leaves_the_others(world: Callable[..., World]) -> None:
    it = world(versions=["1"], edit=both(QUICK, serves_both))

    def never_ready(made: Object) -> None:
        """Its pods cannot read the store's authority, and say so, until the deadline."""
        if made["kind"] == "Deployment":
            made["spec"]["progressDeadlineSeconds"] = 15
            container = made["spec"]["template"]["spec"]["containers"][0]
            entry = next(each for each in container["env"] if each["name"] == "S3_CA_FILE")
            entry["value"] = "/etc/s3/not-there.crt"

    add_second(it, edit=never_ready)
    it.stage("1")
    request = it.request("1", "Production")
    it.wait_phase(request, "AwaitingApproval")
    it.approve(request, "alice")
    it.approve(request, "bob")
    status = it.wait_phase(request, "PartlyPromoted", seconds=ROLLOUT_SECONDS)
    assert SECOND in status["message"], status["message"]
    assert views(status)[it.served.target]["phase"] == "Applied"
    assert views(status)[SECOND]["phase"] == "RolledBack"
    assert it.pins() == it.pin_of("1")
    assert it.pins(SECOND) == {}
    kinds = [(each.kind, each.code) for each in records_of(it, SECOND, request)]
    assert kinds == [("Intent", ""), ("Aborted", "RolloutFailed"), ("Intent", ""), ("Applied", "")]
    assert it.concluded(request).code == "PartlyApplied"
    it.wait_serving("1")


def test_a_target_whose_object_is_gone_does_not_revive_an_ended_rollback(two: World) -> None:
    """The promise "a request that has ended stays so" rests on records, not on objects."""
    it = two
    it.promote("1")
    it.promote("2")
    rollback = it.request(None, "Production", action="Rollback", name="back-once")
    it.wait_phase(rollback, "Promoted", seconds=ROLLOUT_SECONDS)
    it.promote("4")
    kept: Object = it.admin.read("ServingTarget", it.ns, SECOND)
    it.admin.delete("ServingTarget", it.ns, SECOND)
    # Whatever wakes the request: it must not act again.
    it.admin.merge("PromotionRequest", it.ns, rollback, {"status": None}, sub="status")
    wait_for("its end is shown again", lambda: it.status(rollback).get("phase") == "Promoted", 30)
    assert it.pins() == it.pin_of("4")
    again = copy.deepcopy(kept)
    again["metadata"] = {"name": SECOND, "namespace": it.ns}
    again.pop("status", None)
    it.admin.create(again, it.ns)
    wait_for("the view is complete", lambda: it.status(rollback).get("phase") == "Promoted", 30)
    assert it.pins() == it.pin_of("4") == it.pins(SECOND)
