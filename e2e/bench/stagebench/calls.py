"""Everything the operator asked, of the API server and of the audit store, in a stretch of time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stageinstall.places import OPERATOR_USER
from support.world import World

from stagebench.operator_pod import metric

_STORE = "stagekeeper_audit_store_requests_total"
_STORE_SECONDS = "stagekeeper_audit_store_request_duration_seconds_sum"


@dataclass
class Calls:
    """Calls of the operator; its lease and its open watches left out."""

    title: str
    api: Counter[str] = field(default_factory=Counter)
    """By verb and resource."""
    store: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "cause": self.title,
            "api": self.api.total(),
            "byKind": dict(sorted(self.api.items())),
            "store": self.store,
        }


def of_api(it: World, mark: int) -> Counter[str]:
    """The operator's finished calls to the API server since a mark."""
    found: Counter[str] = Counter()
    for call in it.cluster.audit.since(mark):
        if call.user == OPERATOR_USER and call.resource != "leases" and call.verb != "watch":
            found[f"{call.verb} {call.resource}"] += 1
    return found


def store_calls(it: World) -> int:
    """Of the process that leads, since it began."""
    return int(metric(it.cluster, _STORE))


def store_seconds(it: World) -> float:
    """The same in seconds, added up over threads."""
    return metric(it.cluster, _STORE_SECONDS)


def waiting(it: World, seconds: float) -> Calls:
    """What a request that waits for people costs while nothing changes."""
    mark, before = it.cluster.audit.mark(), store_calls(it)
    time.sleep(seconds)
    title = f"{seconds:.0f} s of a waiting request"
    return Calls(title, of_api(it, mark), store_calls(it) - before)


def restarted(it: World, title: str, restart: Callable[[], object], settle: float) -> Calls:
    """What a restart costs until the operator has been quiet for some seconds."""
    mark = it.cluster.audit.mark()
    restart()
    last, until = -1, time.monotonic() + 300
    while time.monotonic() < until:
        now = of_api(it, mark).total() + store_calls(it)
        if now == last:
            break
        last = now
        time.sleep(settle)
    return Calls(title, of_api(it, mark), store_calls(it))
