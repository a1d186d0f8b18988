"""Rounds in which nothing is to do: how many there were, and what they wrote."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.world import World

from stagebench.operator_pod import metric
from stagebench.writes import Writes, count

_RECONCILES = "controller_runtime_reconcile_total"
_REST_SECONDS = 3.0


@dataclass
class Quiet:
    """What followed from a cause that demands nothing."""

    title: str
    rounds: int
    """Rounds of the operator at the time, those for other namespaces included."""
    writes: Writes

    def as_json(self) -> dict[str, Any]:
        return {"cause": self.title, "reconciles": self.rounds, **self.writes.as_json()}


def touched(it: World, requests: list[str], times: int = 10) -> Quiet:
    """Changes an annotation of finished requests, of a version and of the target."""
    objects = [("PromotionRequest", name) for name in requests[-2:]]
    objects += [("ServingTarget", it.served.target), ("PromotionPolicy", it.served.model)]
    rounds, mark = metric(it.cluster, _RECONCILES), it.cluster.audit.mark()
    for turn in range(times):
        for kind, name in objects:
            note = {"metadata": {"annotations": {"stagekeeper.dev/bench": str(turn)}}}
            it.admin.merge(kind, it.ns, name, note)
        time.sleep(0.3)
    time.sleep(_REST_SECONDS)
    writes = count(it.cluster.audit.since(mark), it.ns)
    happened = int(metric(it.cluster, _RECONCILES) - rounds)
    return Quiet(f"{times * len(objects)} annotations touched", happened, writes)


def restarted(it: World, restart: Callable[[], object]) -> Quiet:
    """Restarts the operator, which then looks at everything again."""
    mark = it.cluster.audit.mark()
    restart()
    time.sleep(_REST_SECONDS)
    writes = count(it.cluster.audit.since(mark), it.ns)
    return Quiet("operator restarted", int(metric(it.cluster, _RECONCILES)), writes)
