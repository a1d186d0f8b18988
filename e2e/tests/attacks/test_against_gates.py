"""Another server measured, or another result read, than the clone's: refused to whoever has
ordinary rights in the namespaces; and what comes of it where nothing refuses it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from stageinstall import objects
from stageinstall.places import GATE_NAMESPACE
from support.api import Api, Object
from support.attacks import (
    Attack,
    assert_refused,
    label_out,
    namespace_out,
    rows,
    without,
)
from support.policies import (
    ACCURACY,
    both,
    deployment,
    gate_class,
    one_gate,
    python_command,
    stages,
)
from support.waiting import wait_for
from support.world import Cluster, World, job_name

MEASURES = """
import json,os,time
i=json.loads(os.environ['STAGEKEEPER_GATE_INPUT'])
time.sleep(20)
r={'schema':1,'requestUid':i['requestUid'],'gate':i['gate'],'attempt':i['attempt'],
'nonce':i['nonce'],'dataset':i['dataset']['digest'],'artifact':i['artifact']['digest'],
'outcome':'Measured','code':'','message':'',
'accuracy':{'auc':'0.99','rows':'5000','positives':'167','golden':'0=0.5'}}
open('/dev/termination-log','w').write(json.dumps(r))
"""
"""Time enough to play something, then a report as good as a gate can make it."""
REQUEST_UID = "stagekeeper.dev/request-uid"
JOB_FIELDS = ("backoffLimit", "completions", "parallelism", "activeDeadlineSeconds")


@dataclass
class Scene:
    """A gate measures the clone of version 1; tenant has the rights of an editor where gates run."""

    it: World
    request: str
    uid: str

    @property
    def nadia(self) -> Api:
        return self.it.cluster.user("nadia")

    @property
    def tenant(self) -> Api:
        return Api(self.it.cluster.installation.kubeconfig, impersonate=tenant_of(self.it))

    @property
    def clone(self) -> str:
        return f"{self.it.served.deployment}-candidate"

    def clone_pod(self) -> Object:
        (pod,) = self.it.admin.list("Pod", self.it.ns, labelSelector="stagekeeper.dev/clone")
        return pod

    def attempt(self) -> int:
        """Of the gate that measures, as the request's status says."""
        return int(self.it.gate(self.request, "accuracy")["attempt"])

    def job(self, attempt: int) -> str:
        return job_name(self.uid, "accuracy", attempt)


def tenant_of(it: World) -> str:
    return f"tenant-of-{it.ns}"


def measuring(s: Scene, attempt: int) -> Object:
    """The pod of an attempt, once it measures."""

    def running() -> Object | None:
        for pod in s.it.cluster.gate_pods(s.job(attempt)):
            for each in pod.get("status", {}).get("containerStatuses", []):
                if "running" in each.get("state", {}):
                    return pod
        return None

    return wait_for(f"attempt {attempt} measures", running, 90)


@pytest.fixture(scope="module")
def slow_class(cluster: Cluster) -> Iterator[str]:
    name = "e2e-attacked"
    base = cluster.admin.read("GateClass", None, "stagekeeper-accuracy")
    image = cluster.installation.images.model_server
    cluster.admin.delete("GateClass", None, name)
    cluster.admin.create(gate_class(base, name, image=image, command=python_command(MEASURES)))
    yield name
    cluster.admin.delete("GateClass", None, name)


@contextmanager
def played(shared_world: Callable[..., World], slow_class: str) -> Iterator[Scene]:
    gate = one_gate(ACCURACY, gateClassName=slow_class)
    edit = both(stages([gate], [ACCURACY]), deployment(replicas=1))
    it = shared_world(versions=["1"], edit=edit)
    tenant = [objects.user(tenant_of(it))]
    binding = objects.role_binding(it.ns, GATE_NAMESPACE, "ClusterRole/edit", tenant)
    it.cluster.installation.target.apply([binding])
    request = it.request("1", "Staging")
    made = Scene(it, request, it.uid(request))
    measuring(made, 1)
    yield made
    it.admin.delete("RoleBinding", GATE_NAMESPACE, it.ns)


@pytest.fixture(scope="module")
def scene(shared_world: Callable[..., World], slow_class: str) -> Iterator[Scene]:
    with played(shared_world, slow_class) as made:
        yield made


@pytest.fixture
def fresh_scene(shared_world: Callable[..., World], slow_class: str) -> Iterator[Scene]:
    """Another one: how often a gate is tried is limited."""
    with played(shared_world, slow_class) as made:
        yield made


# What is tried


def pretend_to_be_a_clone(s: Scene, **query: str) -> None:
    """A pod with all labels of the clone's own pod."""
    labels = s.clone_pod()["metadata"]["labels"]
    template = copy.deepcopy(s.it.deployment()["spec"]["template"])
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "impostor", "labels": labels},
        "spec": template["spec"],
    }
    s.nadia.create(pod, s.it.ns, **query)


def scale_the_clone(s: Scene, **query: str) -> None:
    nothing = {"spec": {"replicas": 0}}
    s.nadia.merge("Deployment", s.it.ns, s.clone, nothing, sub="scale", **query)


def swap_the_clone_s_image(s: Scene, **query: str) -> None:
    pod = s.clone_pod()
    (container,) = pod["spec"]["containers"]
    image = s.it.cluster.installation.images.gate
    patch = {"spec": {"containers": [{"name": container["name"], "image": image}]}}
    s.nadia.strategic("Pod", s.it.ns, pod["metadata"]["name"], patch, **query)


def forged(s: Scene) -> Object:
    """A Job with all marks of the operator's, that would be a later attempt."""
    own = s.it.admin.read("Job", GATE_NAMESPACE, s.job(s.attempt()))
    template = own["spec"]["template"]
    marks = {
        key: value
        for key, value in template["metadata"]["labels"].items()
        if key.startswith("stagekeeper.dev/")
    }
    marks["stagekeeper.dev/attempt"] = "9"
    spec = copy.deepcopy(template["spec"])
    spec.pop("initContainers", None)
    spec["containers"] = spec["containers"][:1]
    spec["containers"][0]["image"] = s.it.cluster.installation.images.model_server
    spec["containers"][0]["command"] = ["/usr/local/bin/python3", "-c", "print('all fine')"]
    spec["containers"][0].pop("args", None)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"forged-{s.it.ns}"[:60],
            "labels": {**own["metadata"]["labels"], **marks},
            "annotations": own["metadata"].get("annotations", {}),
        },
        "spec": {"template": {"metadata": {"labels": marks}, "spec": spec}},
    }


def forge_a_job(s: Scene, **query: str) -> None:
    s.tenant.create(forged(s), GATE_NAMESPACE, **query)


FORGED_REPORT = MEASURES.replace("time.sleep(20)", "i['attempt']=type(i['attempt'])(2)")


def forge_the_next_attempt(s: Scene, **query: str) -> None:
    """Under its very name, with the gate's own images and all that is written on the first one: a
    program that reports what pleases."""
    own = s.it.admin.read("Job", GATE_NAMESPACE, s.job(1))
    template = own["spec"]["template"]
    template["spec"]["containers"][0]["command"] = python_command(FORGED_REPORT)
    marks = {**_ours(own["metadata"]["labels"]), "stagekeeper.dev/attempt": "2"}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": s.job(2),
            "labels": marks,
            "annotations": own["metadata"]["annotations"],
        },
        "spec": {
            **{key: own["spec"][key] for key in JOB_FIELDS},
            "template": {"metadata": {"labels": marks}, "spec": template["spec"]},
        },
    }
    s.tenant.create(job, GATE_NAMESPACE, **query)


def make_the_job_again(s: Scene, was: Object, **query: str) -> None:
    """As it was: its name, and all that the operator wrote."""
    made = copy.deepcopy(was)
    made["metadata"] = {
        "name": was["metadata"]["name"],
        "labels": _ours(was["metadata"]["labels"]),
        "annotations": was["metadata"]["annotations"],
    }
    made.pop("status", None)
    made["spec"].pop("selector", None)
    template = made["spec"]["template"]
    template["metadata"]["labels"] = _ours(template["metadata"]["labels"])
    s.tenant.create(made, GATE_NAMESPACE, **query)


def _ours(labels: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key.startswith("stagekeeper.dev/")}


def schedule_a_job(s: Scene, **query: str) -> None:
    """The controller of CronJobs makes the Job then, which is the control plane's."""
    job = forged(s)
    made = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": f"cron-{s.it.ns}"[:50], "labels": job["metadata"]["labels"]},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job["spec"]}},
    }
    s.tenant.create(made, GATE_NAMESPACE, **query)


def delete_the_job(s: Scene, **query: str) -> None:
    where = s.job(s.attempt())
    call = f"/apis/batch/v1/namespaces/{GATE_NAMESPACE}/jobs/{where}"
    s.tenant.call("DELETE", call, propagationPolicy="Background", **query)


def delete_the_pod(s: Scene, **query: str) -> None:
    (pod,) = s.it.cluster.gate_pods(s.job(s.attempt()))
    call = f"/api/v1/namespaces/{GATE_NAMESPACE}/pods/{pod['metadata']['name']}"
    s.tenant.call("DELETE", call, gracePeriodSeconds=0, **query)


GATES = ("stagekeeper-gate-namespace",)
IMPOSTOR = Attack(
    "A1 c", "a pod with the labels of a clone",
    ("stagekeeper-label-guard",), "stagekeeper.dev/… are written by Stagekeeper only", "leave them out", pretend_to_be_a_clone,
)  # fmt: skip
SCALED = Attack(
    "A1 c", "a clone scaled to nothing",
    ("stagekeeper-pod-guard",), "is a clone that gates measure", "instead", scale_the_clone,
)  # fmt: skip
IMAGE = Attack(
    "A1 d", "the image of a clone's pod changed",
    ("stagekeeper-pod-guard",), "stay as they were made", "change the pod template of the Deployment", swap_the_clone_s_image,
)  # fmt: skip
CRON = Attack(
    "A10", "a CronJob where gates run",
    GATES, "nothing but gate Jobs runs in the gate namespace", "create the workload in another namespace", schedule_a_job,
)  # fmt: skip
FORGED = Attack(
    "A10", "a Job with the marks of a gate",
    GATES, "only Stagekeeper creates, changes and deletes Jobs", "create a PromotionRequest", forge_a_job,
)  # fmt: skip
NEXT = Attack(
    "A10", "a Job under the name of the next attempt",
    GATES, "only Stagekeeper creates, changes and deletes Jobs", "create a PromotionRequest", forge_the_next_attempt,
)  # fmt: skip
JOB_DELETED = Attack(
    "A10", "the Job of a gate deleted",
    GATES, "only Stagekeeper creates, changes and deletes Jobs", "create a PromotionRequest", delete_the_job,
)  # fmt: skip
POD_DELETED = Attack(
    "A10", "the pod of a gate deleted",
    GATES, "deleted by nobody", "delete the PromotionRequest", delete_the_pod,
)  # fmt: skip
ALL = [IMPOSTOR, SCALED, IMAGE, CRON, FORGED, NEXT, JOB_DELETED, POD_DELETED]


@rows(ALL)
def test_it_is_refused(attack: Attack, scene: Scene) -> None:
    assert_refused(attack, scene)


# Each again with its policy out of the way


def test_a_forged_job_runs_and_is_not_read(scene: Scene) -> None:
    it = scene.it
    out = label_out(REQUEST_UID, scene.uid)
    with without(it.admin, CRON, scene, out):
        schedule_a_job(scene)
        forge_a_job(scene)
    name = forged(scene)["metadata"]["name"]

    def complete() -> bool:
        return bool(it.admin.read("Job", GATE_NAMESPACE, name).get("status", {}).get("succeeded"))

    try:
        wait_for("the forged Job succeeds", complete, 60)
        row = it.gate(scene.request, "accuracy")
        assert (row["verdict"], row["attempt"]) == ("Running", 1), row
        assert row["jobName"] == scene.job(1)
    finally:
        background = {"propagationPolicy": "Background"}
        it.cluster.unguarded.delete("Job", GATE_NAMESPACE, name, **background)
        cron = f"cron-{it.ns}"[:50]
        it.cluster.unguarded.delete("CronJob", GATE_NAMESPACE, cron, **background)


def test_a_deleted_pod_is_counted(scene: Scene) -> None:
    """It is measured again, under a name that says how often."""
    with without(scene.it.admin, POD_DELETED, scene, label_out(REQUEST_UID, scene.uid)):
        delete_the_pod(scene)
    wait_for("the gate is measured again", lambda: scene.attempt() == 2, 60)
    measuring(scene, 2)


def test_a_deleted_job_is_missed_and_not_believed_again(scene: Scene) -> None:
    """Nor when it is made again as it was: the attempt is lost, and the next one says so."""
    it = scene.it
    number = scene.attempt()
    was = it.admin.read("Job", GATE_NAMESPACE, scene.job(number))
    with without(it.admin, JOB_DELETED, scene, label_out(REQUEST_UID, scene.uid)):
        delete_the_job(scene)
        wait_for("it is gone", lambda: gone(scene, was), 30)
        make_the_job_again(scene, was)
    row = wait_for("it is missed", lambda: reason(scene, "JobMissing"), 30)
    assert (row["verdict"], row["attempt"]) == ("Errored", number), row
    assert "was deleted, or made again, by somebody else than Stagekeeper" in row["message"], row


def gone(s: Scene, was: Object) -> bool:
    return s.it.admin.get("Job", GATE_NAMESPACE, was["metadata"]["name"]) is None


def reason(s: Scene, wanted: str) -> Object | None:
    row = s.it.gate(s.request, "accuracy")
    return row if row.get("reason") == wanted else None


def test_a_job_under_the_name_of_the_next_attempt_is_foreign(fresh_scene: Scene) -> None:
    """It ends well and is not believed; the gate is measured again under a third name."""
    s = fresh_scene
    with without(s.it.admin, NEXT, s, label_out(REQUEST_UID, s.uid)):
        forge_the_next_attempt(s)
    row = wait_for("it is known for another", lambda: reason(s, "ForeignJob"), 30)
    assert (row["verdict"], row["attempt"]) == ("Errored", 2), row
    assert "containers[gate].command differs" in row["message"], row
    measuring(s, 3)
    assert s.it.gate(s.request, "accuracy")["verdict"] == "Running"


def test_an_impostor_of_the_clone_is_not_measured(scene: Scene) -> None:
    """The clone's controller adopts it, and has one pod too many then."""
    it = scene.it
    genuine = scene.clone_pod()["metadata"]["uid"]
    with without(it.admin, IMPOSTOR, scene, namespace_out(it)):
        pretend_to_be_a_clone(scene)
    wait_for(
        "the impostor goes", lambda: it.admin.get("Pod", it.ns, "impostor") is None, 30
    )
    assert scene.clone_pod()["metadata"]["uid"] == genuine


def test_an_exchanged_clone_is_not_measured_any_more(scene: Scene) -> None:
    it = scene.it
    with without(it.admin, IMAGE, scene, namespace_out(it)):
        swap_the_clone_s_image(scene)
    status = it.wait_reason(scene.request, "CandidateNotReady", 60)
    assert "it is not what its template makes" in status["message"], status["message"]
    assert "image differs" in status["message"], status["message"]
