"""The result: a table for people, and JSON for whoever compares runs. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stagebench.calls import Calls
from stagebench.figures import HEADER, Samples, columns
from stagebench.meter import ListTimes, Meter
from stagebench.operator_pod import Start
from stagebench.promotions import Counted, PinLatency
from stagebench.quiet import Quiet


@dataclass
class Result:
    """All that a run measured."""

    load: tuple[float, float, float]
    cpus: int
    meter: Meter
    latency: PinLatency = field(default_factory=PinLatency)
    promotions: list[Counted] = field(default_factory=list)
    quiet: list[Quiet] = field(default_factory=list)
    calls: list[Calls] = field(default_factory=list)
    store_ms: Samples = field(default_factory=lambda: Samples("ms"))
    """The audit store's share of one approval's way to the pin, and of what follows it."""
    few: list[Start] = field(default_factory=list)
    many: list[Start] = field(default_factory=list)
    grown_rss_mib: float = 0.0
    """Of an operator that saw the many arrive one by one."""
    lists: ListTimes | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        lists = self.lists
        return {
            "loadAverageBefore": self.load,
            "cpus": self.cpus,
            "seconds": self.seconds,
            "noise": {"getNamespace": self.meter.get.as_json()},
            "approvalToPin": self.latency.as_json(),
            "promotions": [each.as_json() for each in self.promotions],
            "noOp": [each.as_json() for each in self.quiet],
            "calls": [each.as_json() for each in self.calls],
            "auditStoreShare": self.store_ms.as_json(),
            "starts": [each.as_json() for each in self.few + self.many],
            "rssAfterArrivalMiB": self.grown_rss_mib,
            "listModelVersions": lists
            and {
                "count": lists.count,
                "bytes": lists.bytes,
                "whole": lists.whole.as_json(),
                "paged": lists.paged.as_json(),
            },
        }


def text(result: Result) -> str:
    """What is printed at the end."""
    parts = [
        ["noise meter", HEADER, result.meter.get.row("GET a namespace"), *_lists(result)],
        [
            "approval -> pin, the audit record's PUT included",
            HEADER,
            result.latency.seen.row("Approval sent -> pin in a client's watch"),
            result.latency.audited.row("audit log: Approval written -> PATCH"),
            result.store_ms.row("audit store, all calls of that promotion's end"),
        ],
        ["API writes of one promotion", *_promotions(result.promotions)],
        ["writes when there is nothing to do", *_quiet(result.quiet)],
        ["calls of the operator", *_calls(result.calls)],
        ["operator", HEADER, *_starts(result)],
    ]
    load = " ".join(f"{each:.1f}" for each in result.load)
    parts.append([f"{result.seconds:.0f} s on {result.cpus} CPUs; load before: {load}"])
    return "\n\n".join("\n".join(lines) for lines in parts)


def _lists(result: Result) -> list[str]:
    lists = result.lists
    if not lists:
        return []
    title = f"list {lists.count} ModelVersions"
    return [
        lists.whole.row(f"{title}, {lists.bytes / 1e6:.1f} MB"),
        lists.paged.row(f"{title}, pages of 500"),
    ]


def _promotions(counted: list[Counted]) -> list[str]:
    kinds = sorted({kind for each in counted for kind in each.writes.by_kind})
    rows: dict[str, list[object]] = {
        kind: [each.writes.by_kind.get(kind, 0) for each in counted] for kind in kinds
    }
    rows["total"] = [each.writes.total for each in counted]
    rows["Events, apart"] = [each.writes.events for each in counted]
    rows["refused, such as 409, apart"] = [each.writes.refused.total() for each in counted]
    rows["SubjectAccessReviews meanwhile"] = [each.writes.reviews for each in counted]
    rows["(writes in other namespaces meanwhile)"] = [each.writes.foreign for each in counted]
    rows["seconds from request to Promoted"] = [f"{each.seconds:.1f}" for each in counted]
    return columns([each.title for each in counted], rows)


def _quiet(quiet: list[Quiet]) -> list[str]:
    rows: dict[str, list[object]] = {
        "writes": [each.writes.total for each in quiet],
        "Events": [each.writes.events for each in quiet],
        "rounds, other namespaces included": [each.rounds for each in quiet],
        "SubjectAccessReviews meanwhile": [each.writes.reviews for each in quiet],
    }
    lines = columns([each.title for each in quiet], rows)
    for each in quiet:
        lines += [f"  {n} x {kind}" for kind, n in sorted(each.writes.by_kind.items())]
    return lines


def _calls(calls: list[Calls]) -> list[str]:
    rows: dict[str, list[object]] = {
        "to the API server": [each.api.total() for each in calls],
        "to the audit store": [each.store for each in calls],
    }
    lines = columns([each.title for each in calls], rows)
    for each in calls:
        most = ", ".join(f"{n} x {kind}" for kind, n in each.api.most_common(5))
        lines.append(f"  {each.title}: {most or 'none'}")
    return lines


def _starts(result: Result) -> list[str]:
    lines = []
    for starts in (result.few, result.many):
        if not starts:
            continue
        title = f"with {starts[-1].model_versions} ModelVersions"
        rows = {
            "leading -> working": Samples("ms", [each.synced_ms for each in starts]),
            "old pod deleted -> working": Samples("ms", [each.takeover_ms for each in starts]),
            "RSS": Samples("MiB", [each.rss_mib for each in starts]),
            "peak RSS": Samples("MiB", [each.peak_mib for each in starts]),
        }
        lines += [title, *(samples.row(f"  {name}") for name, samples in rows.items())]
    if result.grown_rss_mib:
        lines.append(f"RSS after they arrived one by one: {result.grown_rss_mib:.1f} MiB")
    return lines
