"""Ways around the people who decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from stageinstall import objects
from support.api import Api, Object
from support.attacks import Attack, assert_refused, namespace_out, without
from support.policies import QUICK
from support.serving import as_recorded
from support.world import World

@dataclass
class Scene:
    """Version 1 serves; bob, who may approve for Production, may register and ask as well."""

    it: World

    @property
    def bob(self) -> Api:
        return self.it.cluster.user("bob")


@pytest.fixture(scope="module")
def scene(shared_world: Callable[..., World]) -> Scene:
    it = shared_world(versions=["1"], edit=QUICK)
    asks = objects.role_binding(
        "bob-registers", it.ns, "ClusterRole/stagekeeper-requester", [objects.user("bob")]
    )
    it.cluster.installation.target.apply([asks])
    it.promote("1")
    as_recorded(it)
    return Scene(it)


def his_own(s: Scene, number: str, **spec: Any) -> Object:
    """A version that says of itself that somebody else trained it."""
    made = s.it.cluster.installation.models.model_version(number, s.it.ns)
    made["spec"].update(**spec)
    made["spec"]["training"]["trainedBy"] = "somebody-else"
    return made


def register_as_another(s: Scene, **query: str) -> None:
    s.bob.create(his_own(s, "4", registeredBy={"username": "priya"}), s.it.ns, **query)


REGISTERED = Attack(
    "A18", "a version registered in another name",
    ("stagekeeper-registrant",), "spec.registeredBy.username must be your own user name", "leave spec.registeredBy out", register_as_another,
)  # fmt: skip


def test_who_registers_does_not_approve(scene: Scene) -> None:
    """Whoever he says trained it."""
    it = scene.it
    assert_refused(REGISTERED, scene)
    scene.bob.create(his_own(scene, "2"), it.ns)
    version = it.admin.read("ModelVersion", it.ns, f"{it.served.model}-2")
    assert version["spec"]["registeredBy"]["username"] == "bob"
    it.stage("2")
    request = it.await_approval("2")
    said = it.wait_approval(it.approve(request, "bob"), counted=False)
    assert "registered" in said["message"], said
    it.admin.delete("PromotionRequest", it.ns, request)


def test_a_registrant_in_another_name_is_known_all_the_same(scene: Scene) -> None:
    """The control: what was filled in beside the name is still his own."""
    it = scene.it
    with without(it.admin, REGISTERED, scene, namespace_out(it)):
        register_as_another(scene)
    version = it.admin.read("ModelVersion", it.ns, f"{it.served.model}-4")
    assert version["spec"]["registeredBy"]["username"] == "priya", version["spec"]
    it.stage("4")
    request = it.await_approval("4")
    said = it.wait_approval(it.approve(request, "bob"), counted=False)
    assert said["reason"] == "ApproverIsRegistrant", said
