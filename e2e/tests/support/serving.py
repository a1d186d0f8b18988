"""What users reach, and what is said of it, as both are seen from outside."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from support.api import Object
from support.ledger import Record
from support.waiting import wait_for
from support.world import World

DETECTED_SECONDS = 5.0
"""The promise; read from outside, where a poll adds its own interval."""


def condition(it: World, kind: str = "Serving") -> Object:
    target = it.admin.read("ServingTarget", it.ns, it.served.target)
    found: list[Object] = target.get("status", {}).get("conditions", [])
    return next((each for each in found if each["type"] == kind), {})


def records(it: World, kind: str) -> list[Record]:
    return [each for each in it.target_records() if each.kind == kind]


def as_recorded(it: World, seconds: float = 60) -> None:
    wait_for(
        "users reach what is recorded",
        lambda: condition(it).get("reason") == "AsRecorded",
        seconds,
        seen=lambda: condition(it),
    )


def slow(it: World, seconds: int) -> None:
    """Pods count as available after that time only: a rollout that lasts."""
    name = it.served.deployment
    spec = {"minReadySeconds": seconds, "progressDeadlineSeconds": seconds + 60}
    it.admin.merge("Deployment", it.ns, name, {"spec": spec})


class _Teller(threading.Thread):
    """Notes when a reason is first shown, whatever its test does meanwhile."""

    def __init__(self, it: World, reason: str) -> None:
        super().__init__(daemon=True)
        self._it, self._reason = it, reason
        self._over = threading.Event()
        self.told_at = 0.0

    def run(self) -> None:
        while not self._over.wait(0.1):
            if condition(self._it).get("reason") == self._reason:
                self.told_at = time.monotonic()
                return

    def end(self) -> None:
        self._over.set()
        self.join()


@contextmanager
def found_in_time(it: World, reason: str) -> Iterator[list[float]]:
    """What is done inside is told in time once it can be reached, and recorded.

    Afterwards the list holds the seconds that it took; 0 where it was told before anybody got there.
    """
    before = len(records(it, "Drift"))
    took: list[float] = []
    teller = _Teller(it, reason)
    teller.start()
    try:
        yield took
        began = time.monotonic()
        wait_for(reason, lambda: teller.told_at, 60, seen=lambda: condition(it))
    finally:
        teller.end()
    took.append(max(0.0, teller.told_at - began))
    assert condition(it)["status"] == "False"
    assert condition(it, "Ready")["status"] == "False"
    if reason != "NothingServes":
        wait_for("a Drift is recorded", lambda: len(records(it, "Drift")) > before, 15)
    print(f"{reason}: told {took[0]:.1f} s after it could be seen")
    assert took[0] < DETECTED_SECONDS + 1, took


def ready_endpoints(it: World) -> set[str]:
    """Names of the pods that users are sent to."""
    slices = it.admin.list("EndpointSlice", it.ns)
    return {
        endpoint.get("targetRef", {}).get("name", "")
        for each in slices
        if each["metadata"]["labels"].get("kubernetes.io/service-name") == it.served.service
        for endpoint in each.get("endpoints") or []
        if endpoint["conditions"].get("ready")
    }


def pinned_to(it: World, container: Object, version: str) -> Object:
    """A copy of a container that serves a version, whoever wrote the pins."""
    wanted = it.pin_of(version)
    made = copy.deepcopy(container)
    made["env"] = [each for each in made["env"] if each["name"] not in wanted]
    made["env"] += [{"name": key, "value": value} for key, value in wanted.items()]
    return made


def second_deployment(it: World, version: str, *, name: str, entry: bool) -> Object:
    """Another Deployment with a version; its pods bear the labels of the entry Service, or not."""
    template = copy.deepcopy(it.deployment()["spec"]["template"])
    template["spec"]["containers"] = [
        pinned_to(it, template["spec"]["containers"][0], version),
        *template["spec"]["containers"][1:],
    ]
    own = {name: "yes"}
    labels = {**template["metadata"]["labels"], **own} if entry else own
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": own},
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
    }
