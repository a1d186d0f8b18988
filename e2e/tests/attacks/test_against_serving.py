"""Another model in front of users: each way of a namespace's admin is refused; with its one policy
out of the way it works, and is told within seconds."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.api import Api, Object, path
from support.attacks import Attack, assert_refused, namespace_out, without
from support.policies import QUICK
from support.serving import (
    as_recorded,
    condition,
    found_in_time,
    pinned_to,
    ready_endpoints,
    second_deployment,
)
from support.waiting import wait_for
from support.world import World

REACHED_SECONDS = 90.0
OWNER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "name": "gone",
    "uid": "00000000-0000-0000-0000-000000000000",
}
SWAPPED = "stagekeeper.dev/swapped:e2e"
SERVES_3 = "import os,sys;os.environ.update({env});from model_server.server import main;sys.exit(main())"


@dataclass
class Scene:
    """Version 1 serves as recorded; version 3 runs beside it, which nobody asked for."""

    it: World
    template: Object
    """Of the claimed Deployment, as it is recorded."""
    selector: Object
    made: list[tuple[str, str]] = field(default_factory=list)

    @property
    def nadia(self) -> Api:
        return self.it.cluster.user("nadia")

    @property
    def name(self) -> str:
        return self.it.served.deployment

    def deployment(self, patch: Object, **query: str) -> Object:
        template = {"spec": {"template": {"spec": patch}}}
        return self.nadia.strategic("Deployment", self.it.ns, self.name, template, **query)

    def create(self, made: Object, **query: str) -> None:
        self.nadia.create(made, self.it.ns, **query)
        if not query:
            self.made.append((made["kind"], made["metadata"]["name"]))

    def pods(self) -> list[Object]:
        """Of the claimed Deployment, that users are sent to."""
        names = ready_endpoints(self.it)
        return [each for each in self.it.admin.list("Pod", self.it.ns) if each["metadata"]["name"] in names]

    def replica_set(self) -> str:
        owner = self.pods()[0]["metadata"]["ownerReferences"][0]
        return str(owner["name"])

    def restore(self) -> None:
        """All as it was recorded, by who may do anything."""
        it, admin = self.it, self.it.cluster.unguarded
        for kind, name in self.made:
            admin.delete(kind, it.ns, name, propagationPolicy="Background")
        self.made.clear()
        for pod in it.admin.list("Pod", it.ns, labelSelector="beside=yes"):
            labels = {key: None for key in self.selector}
            admin.merge("Pod", it.ns, pod["metadata"]["name"], {"metadata": {"labels": labels}})
        admin.call(
            "PATCH",
            path("Service", it.ns, it.served.service),
            [{"op": "replace", "path": "/spec/selector", "value": self.selector}],
            "application/json-patch+json",
        )
        admin.call(
            "PATCH",
            path("Deployment", it.ns, self.name),
            [
                {"op": "replace", "path": "/spec/template", "value": self.template},
                {"op": "replace", "path": "/spec/paused", "value": False},
            ],
            "application/json-patch+json",
        )
        as_recorded(it, REACHED_SECONDS)


@pytest.fixture(scope="module")
def scene(shared_world: Callable[..., World]) -> Scene:
    it = shared_world(versions=["1", "3"], edit=QUICK)
    it.cluster.user("nadia").create(second_deployment(it, "3", name="beside", entry=False), it.ns)
    made = served(it)
    wait_for("version 3 runs beside it", lambda: pod_beside(made), REACHED_SECONDS)
    return made


@pytest.fixture(scope="module")
def another(shared_world: Callable[..., World]) -> Scene:
    """A target records twenty drifts an hour: these are for the attacks that come last."""
    return served(shared_world(versions=["1", "3"], edit=QUICK))


def served(it: World) -> Scene:
    it.promote("1")
    as_recorded(it)
    service = it.admin.read("Service", it.ns, it.served.service)
    return Scene(it, it.deployment()["spec"]["template"], service["spec"]["selector"])


def pod_beside(s: Scene) -> Object | None:
    """The pod of version 3 that no Service of users selects, once it is ready."""
    for each in s.it.admin.list("Pod", s.it.ns, labelSelector="beside=yes"):
        if any(c["ready"] for c in each.get("status", {}).get("containerStatuses", [])):
            return each
    return None


def server(s: Scene) -> Object:
    """The container that serves, as it is recorded."""
    (found,) = s.template["spec"]["containers"]
    return copy.deepcopy(found)


def version_3(s: Scene) -> list[str]:
    """A command that has the pins as they are and serves another version."""
    return ["/usr/local/bin/python3", "-c", SERVES_3.format(env=repr(s.it.pin_of("3")))]


# What is tried


def move_selector(s: Scene, **query: str) -> None:
    patch = {"spec": {"selector": {key: None for key in s.selector} | {"beside": "yes"}}}
    s.nadia.merge("Service", s.it.ns, s.it.served.service, patch, fieldManager="kubectl-edit", **query)


def stand_beside(s: Scene, **query: str) -> None:
    s.create(second_deployment(s.it, "3", name="shadow", entry=True), **query)


def relabel_pod(s: Scene, **query: str) -> None:
    pod = pod_beside(s)
    assert pod
    patch = {"metadata": {"labels": s.selector}}
    s.nadia.merge("Pod", s.it.ns, pod["metadata"]["name"], patch, **query)


def change_command(s: Scene, **query: str) -> None:
    changed = {"name": server(s)["name"], "command": version_3(s)}
    s.deployment({"containers": [changed]}, fieldManager="kubectl-edit", **query)


def put_decoy(s: Scene, **query: str) -> None:
    """The container with the pins sleeps; another one is told its version by a ConfigMap."""
    real = pinned_to(s.it, server(s), "3")
    real["name"] = "real"
    real["env"] = [each for each in real["env"] if each["name"] not in s.it.pin_of("3")]
    real["envFrom"] = [{"configMapRef": {"name": "versions"}}]
    decoy = {
        "name": server(s)["name"],
        "command": ["/usr/local/bin/python3", "-c", "import time;time.sleep(1e6)"],
        "readinessProbe": None,
        "ports": [{"$patch": "delete", "containerPort": 8080}],
    }
    s.deployment({"containers": [decoy, real]}, fieldManager="kubectl-edit", **query)


def change_replica_set(s: Scene, **query: str) -> None:
    env = [{"name": key, "value": value} for key, value in s.it.pin_of("3").items()]
    template = {"spec": {"containers": [{"name": server(s)["name"], "env": env}]}}
    patch = {"spec": {"template": template}}
    s.nadia.strategic("ReplicaSet", s.it.ns, s.replica_set(), patch, **query)


def swap_image(s: Scene, **query: str) -> None:
    """The same bytes by another name: nothing that an image could hold is needed to show it."""
    (pod,) = s.pods()
    patch = {"spec": {"containers": [{"name": server(s)["name"], "image": SWAPPED}]}}
    s.nadia.strategic("Pod", s.it.ns, pod["metadata"]["name"], patch, **query)


def squat(s: Scene, **query: str) -> None:
    """Under the operator's field manager, so that its next pin takes the command away again."""
    kept = s.it.pin_of("1")
    container = {
        "name": server(s)["name"],
        "command": version_3(s),
        "env": [{"name": key, "value": value} for key, value in kept.items()],
    }
    annotations = s.it.deployment()["metadata"]["annotations"]
    marks = {key: annotations[key] for key in annotations if key.startswith("stagekeeper.dev/")}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": s.name, "annotations": marks},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    s.nadia.apply(body, s.it.ns, "stagekeeper-pin", force=True, **query)


def disown(s: Scene, **query: str) -> None:
    s.nadia.merge("Deployment", s.it.ns, s.name, {"metadata": {"ownerReferences": [OWNER]}}, **query)


def bring_version(s: Scene, **query: str) -> None:
    """The Deployment again, with pins of one's own."""
    template = copy.deepcopy(s.template)
    template["spec"]["containers"] = [pinned_to(s.it, server(s), "3")]
    selector = {"matchLabels": template["metadata"]["labels"]}
    made = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": s.name},
        "spec": {"replicas": 1, "selector": selector, "template": template},
    }
    s.nadia.create(made, s.it.ns, **query)


PROMOTE = "create a PromotionRequest"
SELECTOR = Attack(
    "A4 a", "the selector of the Service moved",
    ("stagekeeper-entry-guard",), "reach, so it stays", PROMOTE, move_selector,
)  # fmt: skip
BESIDE = Attack(
    "A4 b", "a second Deployment with the labels",
    ("stagekeeper-pod-guard",), "would be taken for pods of Deployment", PROMOTE, stand_beside,
)  # fmt: skip
RELABELLED = Attack(
    "A4 b", "a pod relabelled",
    ("stagekeeper-pod-guard",), "would be taken for pods of Deployment", PROMOTE, relabel_pod,
)  # fmt: skip
COMMAND = Attack(
    "A4 c", "a command in a guarded template",
    ("stagekeeper-template-guard",), "stays as it was approved", "set Record for the time of the change", change_command,
)  # fmt: skip
DECOY = Attack(
    "A4 d", "a decoy with the pins beside a server told by a ConfigMap",
    ("stagekeeper-template-guard",), "that no record shows", "name each variable in env", put_decoy,
)  # fmt: skip
REPLICA_SET = Attack(
    "A4 e", "the ReplicaSet of a paused Deployment changed",
    ("stagekeeper-pod-guard",), "stay as they were made", PROMOTE, change_replica_set,
)  # fmt: skip
IMAGE = Attack(
    "A4 f", "the image of a pod changed",
    ("stagekeeper-pod-guard",), "stay as they were made", PROMOTE, swap_image,
)  # fmt: skip
SQUAT = Attack(
    "A19", "fields taken under the field manager of pins",
    ("stagekeeper-manager-guard",), "are Stagekeeper's own", "use another field manager", squat,
)  # fmt: skip
OWNED = Attack(
    "A5", "an owner that is gone, for the garbage collector",
    ("stagekeeper-pin-guard",), "owners and finalizers of this Deployment", "delete its ServingTarget first", disown,
)  # fmt: skip
AGAIN = Attack(
    "A5", "the Deployment created again with a version",
    ("stagekeeper-template-guard",), "pins variables of Deployment", "action: Rollback", bring_version,
)  # fmt: skip


# What is seen of it


def guarded(s: Scene, changes: str | None) -> None:
    """What the ServingTarget says of changes to the pod template."""
    rule = {"changes": changes} if changes else None
    s.it.admin.merge("ServingTarget", s.it.ns, s.it.served.target, {"spec": {"template": rule}})


@pytest.fixture()
def prepared(scene: Scene, attack: Attack) -> Iterator[Scene]:
    if attack is COMMAND:
        guarded(scene, "Guard")
    if attack is DECOY:
        versions = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "versions"}}
        scene.create({**versions, "data": scene.it.pin_of("3")})
    if attack is REPLICA_SET:
        pause = {"spec": {"paused": True}}
        scene.nadia.merge("Deployment", scene.it.ns, scene.name, pause)
    yield scene
    if attack is COMMAND:
        guarded(scene, None)
    scene.restore()


FOUND = [
    (SELECTOR, "SelectorMoved", "kubectl-edit"),
    (BESIDE, "StrangerServes", "shadow"),
    (RELABELLED, "StrangerServes", "beside"),
    (COMMAND, "TemplateDiffers", "kubectl-edit"),
    (DECOY, "TemplateDiffers", "kubectl-edit"),
    (REPLICA_SET, "PinDiffers", "version 3"),
    (SQUAT, "TemplateDiffers", "stagekeeper-pin"),
]


@pytest.mark.parametrize(
    ("attack", "reason", "names"), FOUND, ids=[attack.slug for attack, _, _ in FOUND]
)
def test_it_is_refused_and_told_where_nothing_refuses_it(
    attack: Attack, reason: str, names: str, prepared: Scene, record_testsuite_property: Any
) -> None:
    it = prepared.it
    assert_refused(attack, prepared)
    assert it.serving() == "1"
    with found_in_time(it, reason) as took:
        with without(it.admin, attack, prepared, namespace_out(it)):
            attack.run(prepared)
        if attack is REPLICA_SET:
            for pod in prepared.pods():
                prepared.nadia.delete("Pod", it.ns, pod["metadata"]["name"])
        wait_for("users get version 3", lambda: it.serving() == "3", REACHED_SECONDS, interval=0.05)
    assert names in condition(it)["message"], condition(it)["message"]
    record_testsuite_property(f"told_seconds {attack.slug}", f"{took[0]:.1f}")


def test_an_image_is_swapped_in_a_pod(
    another: Scene, record_testsuite_property: Any
) -> None:
    it = another.it
    images = [str(it.cluster.ctr), "--namespace=k8s.io", "images"]
    tag = [*images, "tag", "--force", server(another)["image"], SWAPPED]
    subprocess.run(tag, check=True, capture_output=True)
    assert_refused(IMAGE, another)
    (before,) = another.pods()
    name = before["metadata"]["name"]

    def restarted() -> bool:
        (status,) = it.admin.read("Pod", it.ns, name)["status"]["containerStatuses"]
        return status["restartCount"] > 0 and status["ready"]

    with found_in_time(it, "TemplateDiffers") as took:
        with without(it.admin, IMAGE, another, namespace_out(it)):
            swap_image(another)
        wait_for("users are sent to the other image", restarted, REACHED_SECONDS, interval=0.05)
    assert name in condition(it)["message"] and "image" in condition(it)["message"]
    record_testsuite_property(f"told_seconds {IMAGE.slug}", f"{took[0]:.1f}")
    it.admin.delete("Pod", it.ns, name)
    as_recorded(it)


def test_a_deployment_is_collected_and_comes_again(
    another: Scene, record_testsuite_property: Any
) -> None:
    """The last of its kind: the Deployment that served is gone afterwards."""
    it = another.it
    assert_refused(OWNED, another)

    def gone() -> bool:
        return it.admin.get("Deployment", it.ns, another.name) is None

    with found_in_time(it, "NothingServes") as took:
        with without(it.admin, OWNED, another, namespace_out(it)):
            disown(another)
            wait_for("the garbage collector deletes it", gone, REACHED_SECONDS)
        wait_for("users reach nothing", lambda: not ready_endpoints(it), REACHED_SECONDS)
    record_testsuite_property(f"told_seconds {OWNED.slug}", f"{took[0]:.1f}")

    assert_refused(AGAIN, another)
    with found_in_time(it, "PinDiffers") as took:
        with without(it.admin, AGAIN, another, namespace_out(it)):
            bring_version(another)
        wait_for("users get version 3", lambda: it.serving() == "3", REACHED_SECONDS, interval=0.05)
    record_testsuite_property(f"told_seconds {AGAIN.slug}", f"{took[0]:.1f}")
    it.cluster.ledgers.check(it.ns, "target", it.served.target)
