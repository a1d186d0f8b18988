"""Gates that measure right, and gates that misbehave: the latter never end in Passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from stageinstall.places import GATE_NAMESPACE

from support.api import Object
from support.policies import (
    ACCURACY,
    SLOW_LATENCY,
    both,
    deployment,
    gate_class,
    one_gate,
    python_command,
    stages,
)
from support.waiting import wait_for
from support.world import GATES_SECONDS, Cluster, World, job_name

# Every test here asks for Staging only.
PRODUCTION = [ACCURACY]
SMALL = deployment(replicas=1)


# What is measured


@pytest.mark.slow
def test_every_version_is_measured_as_scikit_learn_does(world: Callable[..., World]) -> None:
    """The accuracy gate's AUC and the fairness gate's largest gap equal an independent oracle's."""
    generous = one_gate(ACCURACY, accuracy={"minAbsolute": "0.5", "minImprovement": "0"})
    fairness = {
        "name": "fairness",
        "type": "Fairness",
        "enforcement": "Blocking",
        "fairness": {
            "maxDisparity": "0.9",
            "minPositivesPerGroup": 30,
            "minNegativesPerGroup": 30,
        },
    }
    it = world(edit=both(stages([generous, fairness], PRODUCTION), SMALL))
    manifest = it.cluster.installation.models.manifest["versions"]
    requests = {version: it.request(version, "Staging") for version in sorted(manifest)}
    for version, request in requests.items():
        it.wait_phase(request, "Promoted", seconds=GATES_SECONDS * len(requests))
        accuracy, fair = it.gate(request, "accuracy"), it.gate(request, "fairness")
        assert abs(float(accuracy["observed"]) - manifest[version]["auc"]) < 1e-9, version
        assert abs(float(fair["observed"]) - manifest[version]["largest_gap"]) < 1e-9, version
        assert accuracy["samples"] == it.cluster.installation.models.manifest["evaluation"]["rows"]


def test_one_evaluation_at_a_time(world: Callable[..., World]) -> None:
    it = world(versions=["1", "2"], edit=both(stages([SLOW_LATENCY], PRODUCTION), SMALL))
    first = it.request("1", "Staging")
    it.wait_reason(first, "GatesRunning")
    second = it.request("2", "Staging")
    status = it.wait_reason(second, "CandidateBusy", 30)
    assert status["phase"] == "Pending"
    it.wait_phase(first, "Promoted")
    it.wait_phase(second, "Promoted")


def test_clones_have_an_account_and_labels_of_their_own(world: Callable[..., World]) -> None:
    def quarantine(made: Object) -> None:
        if made["kind"] == "ServingTarget":
            made["spec"]["clone"] = {
                "serviceAccountName": "quarantined",
                "labels": {"zone": "quarantine"},
                "resources": [{"container": "server", "requests": {"cpu": "0.050"}}],
            }

    it = world(versions=["1"], edit=both(stages([SLOW_LATENCY], PRODUCTION), both(SMALL, quarantine)))
    it.admin.create(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "quarantined"},
            "automountServiceAccountToken": False,
        },
        it.ns,
    )
    request = it.request("1", "Staging")
    it.wait_reason(request, "GatesRunning", 60)
    (pod,) = it.admin.list("Pod", it.ns, labelSelector="stagekeeper.dev/clone=candidate")
    assert pod["spec"]["serviceAccountName"] == "quarantined"
    assert pod["metadata"]["labels"]["zone"] == "quarantine"
    server = next(each for each in pod["spec"]["containers"] if each["name"] == "server")
    assert server["resources"]["requests"]["cpu"] == "50m"
    assert not [m for m in server["volumeMounts"] if "serviceaccount" in m["mountPath"]]
    it.wait_phase(request, "Promoted")


# A gate's pod dies


def test_a_killed_gate_pod_is_measured_anew(world: Callable[..., World]) -> None:
    it = world(versions=["1"], edit=both(stages([SLOW_LATENCY], PRODUCTION), SMALL))
    request = it.request("1", "Staging")
    uid = it.uid(request)
    pod = wait_for("the gate measures", lambda: running_pod(it, job_name(uid, "latency", 1)), 90)
    kill(it, pod)
    it.wait_phase(request, "Promoted")
    gate = it.gate(request, "latency")
    assert gate["attempt"] == 2, gate
    assert gate["jobName"] == job_name(uid, "latency", 2)
    (record,) = [each for each in it.model_records(request) if each.kind == "GateResult"]
    (evidence,) = record.predicate["body"]["gates"]
    assert (evidence["verdict"], evidence["attempt"]) == ("Passed", 2)
    assert evidence["podUid"] != pod["metadata"]["uid"]


def test_a_gate_that_always_dies_is_errored(world: Callable[..., World]) -> None:
    it = world(versions=["1"], edit=both(stages([SLOW_LATENCY], PRODUCTION), SMALL))
    request = it.request("1", "Staging")
    uid = it.uid(request)
    for attempt in (1, 2, 3):
        name = job_name(uid, "latency", attempt)
        pod = wait_for(f"attempt {attempt} measures", lambda: running_pod(it, name), 90)  # noqa: B023
        kill(it, pod)
    status = it.wait_phase(request, "Blocked")
    gate = it.gate(request, "latency")
    assert (gate["verdict"], gate["attempt"]) == ("Errored", 3), gate
    assert status["message"] == "Promotion blocked. Failed gates: latency"


def kill(it: World, pod: Object) -> None:
    """As the control plane may when a node goes; everybody else is refused."""
    collector = it.cluster.controller("pod-garbage-collector")
    collector.delete("Pod", GATE_NAMESPACE, pod["metadata"]["name"], gracePeriodSeconds=0)


def running_pod(it: World, job: str) -> Object | None:
    """The pod of a Job, once its gate container runs."""
    for pod in it.cluster.gate_pods(job):
        for each in pod.get("status", {}).get("containerStatuses", []):
            if "running" in each.get("state", {}):
                return pod
    return None


# A gate says what it should not

READ_INPUT = """
import json,os
i=json.loads(os.environ['STAGEKEEPER_GATE_INPUT'])
r={'schema':1,'requestUid':i['requestUid'],'gate':i['gate'],'attempt':i['attempt'],
'nonce':i['nonce'],'dataset':i['dataset']['digest'],'artifact':i['artifact']['digest'],
'outcome':'Measured','code':'','message':'',
'accuracy':{'auc':'0.99','rows':'5000','positives':'167','golden':'0=0.5'}}
def say(t):
 open('/dev/termination-log','w').write(t)
"""


@dataclass(frozen=True)
class Case:
    """What a gate does at its end, and what the operator must make of it."""

    name: str
    script: str
    verdict: str
    reason: str
    limits: tuple[tuple[str, str], ...] = (("memory", "128Mi"),)
    attempts: int = 1


PASSING = Case("tells the truth", "say(json.dumps(r))", "Passed", "Passed")
BAD = [
    Case("garbage", "say('all fine, trust me')", "Errored", "NotJson"),
    Case("nothing", "", "Errored", "NoReport"),
    Case(
        "another attempt's nonce",
        "r['nonce']='0'*32;say(json.dumps(r))",
        "Errored",
        "NonceMismatch",
    ),
    Case("another attempt", "r['attempt']=2;say(json.dumps(r))", "Errored", "WrongAttempt"),
    Case("another request", "r['requestUid']='x';say(json.dumps(r))", "Errored", "WrongRequest"),
    Case(
        "another artifact",
        "r['artifact']='sha256:'+'0'*64;say(json.dumps(r))",
        "Errored",
        "WrongArtifact",
    ),
    Case("its own verdict", "r['outcome']='Passed';say(json.dumps(r))", "Errored", "BadValue"),
    Case("more than fits", "r['message']='x'*5000;say(json.dumps(r))", "Errored", "Truncated"),
    Case(
        "a good report and fails",
        "say(json.dumps(r));raise SystemExit(3)",
        "Errored",
        "ContainerFailed",
    ),
    Case(
        "takes too much memory", "say(json.dumps(r));x=bytearray(10**9)", "Errored", "OutOfMemory"
    ),
]
SLOW = {"another attempt", "another request", "another artifact", "nothing", "more than fits"}


@pytest.fixture()
def made_class(cluster: Cluster) -> Iterator[Callable[..., str]]:
    """Makes GateClasses of this test."""
    names = []

    def make(suffix: str, **spec: Any) -> str:
        name = f"e2e-{suffix}"
        base = cluster.admin.read("GateClass", None, "stagekeeper-accuracy")
        cluster.admin.delete("GateClass", None, name)
        cluster.admin.create(gate_class(base, name, **spec))
        names.append(name)
        return name

    yield make
    for name in names:
        cluster.admin.delete("GateClass", None, name)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.name in SLOW else [])
        for case in [PASSING, *BAD]
    ],
)
def test_a_report_counts_only_as_this_attempt_s_own(
    world: Callable[..., World], made_class: Callable[..., str], cluster: Cluster, case: Case
) -> None:
    """The first case is the control: the same script with nothing wrong is believed."""
    script = READ_INPUT + case.script
    suffix = "".join(c if c.isalnum() else "-" for c in case.name)
    name = made_class(
        suffix,
        image=cluster.installation.images.model_server,
        command=python_command(script),
        maxAttempts=case.attempts,
        resources={"requests": {"cpu": "50m"}, "limits": dict(case.limits)},
    )
    gate = one_gate(ACCURACY, gateClassName=name)
    it = world(versions=["1"], edit=both(stages([gate], PRODUCTION), SMALL))
    request = it.request("1", "Staging")
    wanted = "Promoted" if case.verdict == "Passed" else "Blocked"
    status = it.wait_phase(request, wanted)
    row = it.gate(request, "accuracy")
    assert (row["verdict"], row["reason"]) == (case.verdict, case.reason), row
    evidence, end = it.model_records(request)
    assert (evidence.kind, end.kind) == ("GateResult", "Concluded")
    if wanted == "Blocked":
        assert status["message"] == "Promotion blocked. Failed gates: accuracy"
        assert end.code == "GatesFailed"
        assert evidence.predicate["body"]["gates"][0]["verdict"] == "Errored"
    else:
        assert end.code == "Staged"


# A clone that users could reach


def test_a_clone_that_a_service_selects_is_removed(world: Callable[..., World]) -> None:
    it = world(versions=["1"], edit=both(stages([ACCURACY], PRODUCTION), SMALL))
    stray = "everything-that-is-a-candidate"
    # Admission refuses such a Service to everybody: it may be older than the policies.
    it.cluster.unguarded.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": stray},
            "spec": {
                "selector": {"stagekeeper.dev/clone": "candidate"},
                "ports": [{"port": 8080}],
            },
        },
        it.ns,
    )
    request = it.request("1", "Staging")
    status = it.wait_reason(request, "CandidateWouldReceiveTraffic", 60)
    assert f"Service {stray} selects" in status["message"], status["message"]
    assert status["summary"]["waitingFor"] == f"Service {stray}"
    wait_for("the clone is removed", lambda: not it.clones(), 30, seen=it.clones)
    assert ready_endpoints(it, stray) == []
    it.admin.delete("Service", it.ns, stray)
    it.wait_phase(request, "Promoted", seconds=GATES_SECONDS + 60)


def test_a_service_that_begins_to_select_a_clone_ends_it(world: Callable[..., World]) -> None:
    it = world(versions=["1"], edit=both(stages([SLOW_LATENCY], PRODUCTION), SMALL))
    request = it.request("1", "Staging")
    uid = it.uid(request)
    wait_for("the gate measures", lambda: running_pod(it, job_name(uid, "latency", 1)), 90)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "late"},
        "spec": {"selector": {"stagekeeper.dev/clone": "candidate"}, "ports": [{"port": 8080}]},
    }
    it.cluster.unguarded.create(service, it.ns)
    status = it.wait_reason(request, "CandidateWouldReceiveTraffic", 20)
    assert "Service late selects" in status["message"], status["message"]
    wait_for("the clone is removed", lambda: not it.clones(), 30, seen=it.clones)
    it.admin.delete("Service", it.ns, "late")
    it.wait_phase(request, "Promoted", seconds=GATES_SECONDS + 60)
    assert it.gate(request, "latency")["verdict"] == "Passed"


def ready_endpoints(it: World, service: str) -> list[str]:
    slices = it.admin.list(
        "EndpointSlice", it.ns, labelSelector=f"kubernetes.io/service-name={service}"
    )
    return [
        address
        for each in slices
        for endpoint in each.get("endpoints") or []
        if endpoint.get("conditions", {}).get("ready")
        for address in endpoint["addresses"]
    ]
