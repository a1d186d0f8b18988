"""The runbook for when Stagekeeper cannot act, command by command, while its operator is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stageinstall import places
from stageinstall.places import OPERATOR_NAMESPACE

from support.api import refused
from support.document import commands_of, shell
from support.policies import QUICK
from support.serving import condition, records
from support.waiting import wait_for
from support.world import ROLLOUT_SECONDS, Cluster, World

LOOK, STOP, PIN, START, RECORD = commands_of(places.ROOT / "docs" / "runbooks.md", "Break glass")


def serving_pods(it: World) -> list[str]:
    label = f"app.kubernetes.io/name={it.served.deployment}"
    found = it.admin.list("Pod", it.ns, labelSelector=label)
    kept = [each["metadata"] for each in found if "deletionTimestamp" not in each["metadata"]]
    return sorted(each["uid"] for each in kept)


@pytest.fixture()
def running_again(cluster: Cluster) -> Iterator[None]:
    """Whatever becomes of the test, the next one finds an operator."""
    yield
    shell(START, places.ROOT, cluster.installation.target)


@pytest.mark.usefixtures("running_again")
def test_the_runbook_takes_a_version_back_and_the_records_say_so(
    world: Callable[..., World], tmp_path: Path
) -> None:
    it = world(versions=["1", "2"], edit=QUICK)

    def run(step: str) -> str:
        here = step.replace("--namespace credit ", f"--namespace {it.ns} ")
        digest = it.pin_of("1")["MODEL_DIGEST"]
        return shell(here.replace("sha256:…", digest), tmp_path, it.cluster.installation.target)

    it.promote("1")
    it.promote("2")
    before = [line for line in run(LOOK).splitlines() if "s3://models/credit-risk/1/" in line]
    assert len(before) == 1 and it.pin_of("1")["MODEL_DIGEST"] in before[0], "step 1 shows the pins"
    run(STOP)
    wait_for("the operator is gone", lambda: not it.cluster.operator_pods(), 60)

    with refused(403) as answer:  # the same by who runs the namespace
        pins = [{"name": key, "value": value} for key, value in it.pin_of("1").items()]
        template = {"spec": {"containers": [{"name": "server", "env": pins}]}}
        change = {"spec": {"template": template}}
        it.cluster.user("nadia").strategic("Deployment", it.ns, it.served.deployment, change)
    assert "stagekeeper-pin-guard" in answer.message
    asks = f"kubectl auth can-i impersonate serviceaccounts --as nadia -n {OPERATOR_NAMESPACE} || true"
    assert run(asks).strip() == "no"

    run(PIN)
    assert it.pins() == it.pin_of("1")
    it.wait_serving("1")

    run(START)
    wait_for("a Drift is recorded", lambda: records(it, "Drift"), 60, seen=lambda: condition(it))
    assert "break-glass" in condition(it)["message"], condition(it)
    assert condition(it, "Ready")["status"] == "False"
    pods = serving_pods(it)
    request = run(RECORD).split()[0].partition("/")[2]
    it.wait_phase(request, "Promoted", seconds=ROLLOUT_SECONDS)
    wait_for("the drift has ended", lambda: records(it, "DriftEnded"), 60)
    assert condition(it, "Ready")["status"] == "True"
    assert serving_pods(it) == pods, "nothing restarts"
    it.cluster.ledgers.check(it.ns, "target", it.served.target)
