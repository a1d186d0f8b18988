"""The command `bench`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stageinstall import InstallError, install, places, remove_namespace
from stageinstall.console import say
from support.audit_log import AuditLog
from support.world import Cluster, World, make_world

from stagebench import artifacts, calls, ended, many, meter, operator_pod, promotions, quiet, report
from stagebench.report import Result

PREFIX = "stagekeeper-bench-"
"""Of the namespaces made here."""
_ROUNDS_SECONDS = 130.0
_STARTS = 3
_WAITING_SECONDS = 60.0
_SETTLE_SECONDS = 5.0


def main() -> int:
    options = _parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        cluster = _cluster()
        _remove_leftovers(cluster)
        result = _measure(cluster, options)
    except (InstallError, AssertionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(report.text(result))
    if options.json:
        options.json.write_text(json.dumps(result.as_json(), indent=2) + "\n")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench",
        description="Measures the operator on the cluster of e2e/cluster: about 5 minutes. "
        "It restarts the operator several times.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--rounds", type=int, default=6, help="promotions that are timed (6)")
    parser.add_argument("--versions", type=int, default=2000, help="ModelVersions (2000)")
    parser.add_argument("--ended", type=int, default=500, help="requests that have ended (500)")
    return parser.parse_args()


def _cluster() -> Cluster:
    """The operator, installed. Errors: InstallError where it cannot be watched from outside."""
    own = places.cluster_state() / "kubeconfig"
    named = os.environ.get("KUBECONFIG")
    if named and Path(named).resolve() != own.resolve():
        raise InstallError("bench reads the API server's audit log and /proc: unset KUBECONFIG")
    return Cluster(install([]), AuditLog(places.cluster_state() / "audit.log"))


def _remove_leftovers(cluster: Cluster) -> None:
    """What a run left that could not clean up."""
    for found in cluster.admin.list("Namespace", None):
        if found["metadata"]["name"].startswith(PREFIX):
            say(f"removing {found['metadata']['name']} of an earlier run")
            remove_namespace(cluster.installation.target, found["metadata"]["name"])
    artifacts.remove_artifacts(cluster.installation.store, PREFIX)


def _measure(cluster: Cluster, options: argparse.Namespace) -> Result:
    began = time.monotonic()
    result = Result(os.getloadavg(), os.cpu_count() or 1, meter.Meter(cluster.admin))
    tag = uuid.uuid4().hex[:6]
    result.meter.read()
    with _world(cluster, f"{PREFIX}{tag}") as it:
        _measure_promotions(it, options.rounds, result)
        _measure_calls(it, options.ended, result)
    result.meter.read()
    _measure_starts(cluster, f"{PREFIX}{tag}-many", options.versions, result)
    result.meter.read()
    result.seconds = time.monotonic() - began
    return result


@contextmanager
def _world(cluster: Cluster, name: str) -> Iterator[World]:
    """A namespace that serves, which goes afterwards."""
    target = cluster.installation.target
    try:
        yield make_world(cluster, name, versions=[], edit=promotions.ROUNDS_POLICY)
    finally:
        say(f"removing {name}")
        remove_namespace(target, name)


def _measure_promotions(it: World, rounds: int, result: Result) -> None:
    say(f"{rounds} promotions to Production, from the last approval to the pin")
    with artifacts.renumbered_versions(it, rounds) as numbers:
        result.latency, finished = promotions.latency_rounds(
            it, numbers, _ROUNDS_SECONDS, result.store_ms, say
        )
        result.meter.read()
        say("one promotion to Staging and to Production with all gates against a champion")
        promotions.demand_all_gates(it)
        result.promotions.append(promotions.counted_staging(it, "2"))
        result.promotions.append(promotions.counted_production(it, "2"))
    result.meter.read()
    say("nothing to do: annotations, and a restart")
    result.quiet.append(quiet.touched(it, finished))
    result.quiet.append(
        quiet.restarted(it, lambda: result.few.append(operator_pod.restart(it.cluster)))
    )


def _measure_calls(it: World, count: int, result: Result) -> None:
    say("a request that waits for people")
    it.admin.create(it.cluster.installation.models.model_version("4", it.ns), it.ns)
    it.stage("4")
    waits = it.await_approval("4")
    promotions.wait_quiet(it)
    result.calls.append(calls.waiting(it, _WAITING_SECONDS))
    it.admin.delete("PromotionRequest", it.ns, waits)
    say(f"{count} requests that have ended, and a restart")
    ended.make_ended(it, "4", count)
    title = f"restart, {count} ended requests"

    def restart() -> None:
        operator_pod.restart(it.cluster)

    result.calls.append(calls.restarted(it, title, restart, _SETTLE_SECONDS))


def _measure_starts(cluster: Cluster, ns: str, versions: int, result: Result) -> None:
    say("starts of the operator with few ModelVersions")
    while len(result.few) < _STARTS:
        result.few.append(operator_pod.restart(cluster))
    say(f"creating {versions} ModelVersions")
    with many.model_versions(cluster, ns, versions):
        result.grown_rss_mib = operator_pod.rss_mib(cluster)
        result.lists = meter.list_model_versions(cluster.admin, ns)
        say(f"starts of the operator with {versions} more ModelVersions")
        for _ in range(_STARTS):
            result.many.append(operator_pod.restart(cluster))
        say(f"removing {ns}")


if __name__ == "__main__":
    sys.exit(main())
