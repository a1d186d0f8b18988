"""What the operator wrote, counted by the API server's audit log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from stageinstall.places import GATE_NAMESPACE, OPERATOR_USER
from support.audit_log import Call
from support.waiting import wait_for
from support.world import World, job_name

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_REVIEW = "subjectaccessreviews"
_ATTEMPTS = 3
_QUIET_SECONDS = 3.0


@dataclass
class Writes:
    """Requests of the operator in one stretch of time about one namespace."""

    by_kind: Counter[str] = field(default_factory=Counter)
    """Changes by verb and resource."""
    events: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Writes that were answered with an error, with its code."""
    reviews: int = 0
    """SubjectAccessReviews. They name no namespace: those of other work at the time included."""
    foreign: int = 0
    """Changes in other namespaces, leases left out: other work was going on if there are any."""

    @property
    def total(self) -> int:
        """Changes without Events and reviews."""
        return self.by_kind.total()

    def as_json(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "byKind": dict(sorted(self.by_kind.items())),
            "events": self.events,
            "refused": dict(self.refused),
            "subjectAccessReviews": self.reviews,
            "changesElsewhere": self.foreign,
        }


def count(calls: Iterable[Call], ns: str, jobs: frozenset[str] = frozenset()) -> Writes:
    """The operator's writes in a namespace and to these gate Jobs. Pure."""
    seen = Writes()
    for call in calls:
        if call.user != OPERATOR_USER or call.verb not in _WRITES or "dryRun" in call.query:
            continue
        kind = f"{call.verb} {call.resource}"
        ours = call.namespace == ns or (call.namespace == GATE_NAMESPACE and call.name in jobs)
        if call.resource == _REVIEW:
            seen.reviews += 1
        elif call.resource == "leases":
            continue
        elif not ours:
            seen.foreign += call.changes
        elif not call.changes:
            seen.refused[f"{kind} {call.code}"] += 1
        elif call.resource == "events":
            seen.events += 1
        else:
            seen.by_kind[kind] += 1
    return seen


def of_request(it: World, request: str, mark: int) -> Writes:
    """What a request made the operator write since a mark."""
    found = it.promotion(request)
    gates = [gate["name"] for gate in found.get("status", {}).get("gates", [])]
    attempts = range(1, _ATTEMPTS + 1)
    uid = found["metadata"]["uid"]
    jobs = frozenset(job_name(uid, gate, attempt) for gate in gates for attempt in attempts)
    return count(it.cluster.audit.since(mark), it.ns, jobs)


def wait_quiet(it: World, seconds: float = 60) -> None:
    """Waits until the operator has written nothing in a namespace for some seconds."""

    def quiet() -> bool:
        mark = it.cluster.audit.mark()
        time.sleep(_QUIET_SECONDS)
        seen = count(it.cluster.audit.since(mark, it.ns), it.ns)
        return seen.total + seen.events == 0

    wait_for(f"the operator has no more to write in {it.ns}", quiet, seconds, interval=0)
