"""A decision turned into another one, or a rollout that is held up, by whoever may change the
Deployment. No policy stands before these: what they lead to is what is shown."""

from __future__ import annotations

import time
from collections.abc import Callable

import yaml
from support.policies import QUICK
from support.serving import slow
from support.waiting import stays, wait_for
from support.world import ROLLOUT_SECONDS, World


def decided_on_two(world: Callable[..., World]) -> tuple[World, str]:
    """Version 1 serves, and people are asked about version 2."""
    it = world(versions=["1", "2"], edit=QUICK)
    it.promote("1")
    it.stage("2")
    return it, it.await_approval("2")


def pause(it: World, paused: bool) -> None:
    change = {"spec": {"paused": paused}}
    it.cluster.user("nadia").merge("Deployment", it.ns, it.served.deployment, change)


def test_a_template_changed_while_a_decision_waits_voids_it(world: Callable[..., World]) -> None:
    """A14: what was approved is never pinned into another template."""
    it, request = decided_on_two(world)
    before = it.status(request)["review"]["decisionDigest"]
    manifest = yaml.safe_load(it.status(request)["review"]["approvalManifest"])
    alice = it.approve(request, "alice")
    it.wait_approval(alice, counted=True)
    entry = [{"name": "EXTRA", "value": "of nadia"}]
    container = {"name": "server", "env": entry}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    it.cluster.user("nadia").strategic("Deployment", it.ns, it.served.deployment, change)
    bob = it.cluster.user("bob").create(manifest, it.ns)["metadata"]["name"]
    for approval in (alice, bob):
        it.wait_approval(approval, counted=False, seconds=60)
    stays("the pins", it.pins, 5)
    assert it.pins() == it.pin_of("1")

    # The control: the same two people, about the template that is there now.
    def asked_anew() -> bool:
        digest = it.status(request).get("review", {}).get("decisionDigest", before)
        return bool(it.status(request)["phase"] == "AwaitingApproval" and digest != before)

    wait_for("people are asked anew", asked_anew, 180)
    it.approve(request, "alice")
    it.approve(request, "bob")
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
    assert it.pins() == it.pin_of("2")


def test_a_rollout_that_is_paused_for_ever_is_aborted(world: Callable[..., World]) -> None:
    """A16: the pins go back in seconds, whoever has paused the Deployment."""
    it, request = decided_on_two(world)
    slow(it, 300)
    it.approve(request, "alice")
    it.approve(request, "bob")
    wait_for("version 2 is pinned", lambda: it.pins() == it.pin_of("2"), 60)
    pause(it, True)
    # The control: by itself it goes nowhere, and says why.
    stays("the pins", it.pins, 5)
    assert it.pins() == it.pin_of("2")
    assert it.status(request)["phase"] == "RollingOut"
    assert "paused" in it.status(request)["message"], it.status(request)["message"]

    began = time.monotonic()
    asked = it.request(None, "Production", action="Abort", request={"name": request})
    wait_for("version 1 is pinned", lambda: it.pins() == it.pin_of("1"), 30, interval=0.05)
    print(f"abort of a paused rollout: pinned after {time.monotonic() - began:.1f} s")
    pause(it, False)
    slow(it, 0)
    it.wait_phase(request, "RolledBack", seconds=ROLLOUT_SECONDS)
    it.wait_phase(asked, "Promoted", seconds=30)
    it.wait_serving("1")
    it.cluster.ledgers.check(it.ns, "target", it.served.target)
