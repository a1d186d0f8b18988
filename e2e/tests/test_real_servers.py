"""A model on servers that people have, each the whole way: gates, review, pin, smoke test, back.

Nothing in the servers knows of Stagekeeper. `mlflow models serve` says nothing about the version it
serves; MLServer is asked for one in each path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from support.real_servers import RealServers, pinned, provide, score_by
from support.waiting import wait_for
from support.world import GATES_SECONDS, Cluster, World

# Slow: the image takes three minutes to build for the first time.
pytestmark = [pytest.mark.story, pytest.mark.slow]
# Servers that take ten seconds to start on an idle machine, twice for each evaluation.
PATIENCE = 2 * GATES_SECONDS


@dataclass
class Story:
    """A model on one kind of server, and what later steps need of earlier ones."""

    world: World
    servers: RealServers
    score: Callable[[World, list[float]], float]

    def auc(self, version: str) -> float:
        return float(self.servers.versions[version]["auc"])

    def stage(self, version: str) -> str:
        name = self.world.request(version, "Staging")
        self.world.wait_phase(name, "Promoted", seconds=PATIENCE)
        return name

    def promote(self, version: str) -> str:
        it = self.world
        self.stage(version)
        name = it.request(version, "Production")
        it.wait_phase(name, "AwaitingApproval", seconds=PATIENCE)
        it.approve(name, "alice")
        it.approve(name, "bob")
        it.wait_phase(name, "Promoted", seconds=PATIENCE)
        return name

    def check_served(self, version: str) -> None:
        """The pins are the version's in both containers, and so is what users are answered."""
        facts = self.servers.versions[version]
        pins = pinned(self.world)
        assert pins["load/MODEL_VERSION"] == version
        assert pins["load/MODEL_URI"] == facts["uri"]
        assert pins["load/MODEL_DIGEST"] == facts["digest"]
        assert [value for name, value in pins.items() if name.endswith("VERSION")] == [version] * 2
        row = facts["first_row"]
        wait_for(
            f"the Service answers as version {version}",
            lambda: abs(self.score(self.world, row["row"]) - row["score"]) < 1e-12,
            30,
            seen=lambda: self.score(self.world, row["row"]),
        )


@pytest.fixture(scope="module")
def servers(cluster: Cluster) -> RealServers:
    assert cluster.ctr, "the image is loaded into the node of e2e/cluster"
    return provide(cluster.installation)


@pytest.fixture(scope="module", params=["mlflow", "mlserver"])
def story(
    request: pytest.FixtureRequest, shared_world: Callable[..., World], servers: RealServers
) -> Iterator[Story]:
    mlflow = request.param == "mlflow"
    edit = servers.mlflow() if mlflow else servers.mlserver()
    yield Story(shared_world(versions=["1", "2", "3"], edit=edit), servers, score_by(mlflow))


def test_the_first_version_passes_the_gates_and_serves(story: Story) -> None:
    it = story.world
    name = story.promote("1")
    accuracy = it.gate(name, "accuracy")
    assert accuracy["verdict"] == "Passed"
    # A rank statistic over probabilities that travelled through JSON is scikit-learn's own.
    assert abs(float(accuracy["observed"]) - story.auc("1")) < 1e-9, accuracy
    story.check_served("1")


def test_a_better_version_replaces_it(story: Story) -> None:
    it = story.world
    name = story.promote("2")
    accuracy = it.gate(name, "accuracy")
    assert abs(float(accuracy["observed"]) - story.auc("2")) < 1e-9, accuracy
    assert abs(float(accuracy["champion"]) - story.auc("1")) < 1e-9, accuracy
    assert it.gate(name, "fairness_by_group")["verdict"] == "Passed"
    assert it.gate(name, "latency")["verdict"] == "Passed"
    assert [each.kind for each in it.target_records(name)] == ["Intent", "Applied"]
    story.check_served("2")


def test_a_worse_version_is_blocked(story: Story) -> None:
    it = story.world
    name = it.request("3", "Staging")
    status = it.wait_phase(name, "Blocked", seconds=PATIENCE)
    assert status["message"] == "Promotion blocked. Failed gates: accuracy"
    assert it.gate(name, "accuracy")["verdict"] == "Failed"
    story.check_served("2")


def test_the_way_back_takes_no_gate(story: Story) -> None:
    it = story.world
    name = it.request(None, "Production", action="Rollback")
    it.wait_phase(name, "Promoted", seconds=PATIENCE)
    assert it.cluster.gate_jobs(it.uid(name)) == []
    story.check_served("1")
