"""Samples and how they are summed up and shown. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH = 46
HEADER = f"{'':{WIDTH}} {'n':>4} {'min':>9} {'median':>9} {'p99':>9} {'max':>9}"


@dataclass
class Samples:
    """Measurements of one thing."""

    unit: str
    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.values.append(value)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def p99(self) -> float:
        """By nearest rank: of fewer than a hundred samples the greatest."""
        return sorted(self.values)[math.ceil(0.99 * len(self.values)) - 1]

    def row(self, title: str) -> str:
        """One line under HEADER."""
        name = f"{title} [{self.unit}]"
        if not self.values:
            return f"{name:{WIDTH}} {0:>4} {'-':>9} {'-':>9} {'-':>9} {'-':>9}"
        shown = (min(self.values), self.median, self.p99, max(self.values))
        return f"{name:{WIDTH}} {len(self.values):>4} " + " ".join(f"{v:>9.1f}" for v in shown)

    def as_json(self) -> dict[str, Any]:
        if not self.values:
            return {"unit": self.unit, "n": 0}
        return {
            "unit": self.unit,
            "n": len(self.values),
            "min": min(self.values),
            "median": self.median,
            "p99": self.p99,
            "max": max(self.values),
            "samples": self.values,
        }


def columns(titles: Sequence[str], rows: Mapping[str, Sequence[object]]) -> list[str]:
    """A table whose first column names the rows."""
    wide = [max(len(title), 8) for title in titles]
    lines = [" ".join([f"{'':{WIDTH}}", *(f"{t:>{w}}" for t, w in zip(titles, wide, strict=True))])]
    for name, cells in rows.items():
        shown = [f"{cell!s:>{w}}" for cell, w in zip(cells, wide, strict=True)]
        lines.append(" ".join([f"{name:{WIDTH}}", *shown]))
    return lines
