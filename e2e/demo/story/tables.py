"""Tables for the audience. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any


def gates(status: dict[str, Any]) -> str:
    """The gates of a request: observed value, limit, champion's value, n, and why."""
    rows = [("GATE", "VERDICT", "OBSERVED", "LIMIT", "CHAMPION", "N", "WHY")]
    for gate in status.get("gates", []):
        rows.append(
            (
                gate["name"],
                gate["verdict"],
                _short(gate.get("observed")),
                _short(gate.get("threshold")),
                _short(gate.get("champion")),
                str(gate.get("samples", "-")),
                gate.get("message", ""),
            )
        )
    return columns(rows)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows under each other, every column but the last as wide as its widest cell.

    Only the last column may have cells of several lines.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        first, *more = row[-1].splitlines() or [""]
        lines.append(f"{cells}  {first}".rstrip())
        lines += [f"{'':{len(cells)}}  {line}".rstrip() for line in more]
    return "\n".join(lines)


def _short(value: str | None) -> str:
    """A decimal to four places, milliseconds to one; anything else as it is."""
    if value is None:
        return "-"
    unit = "ms" if value.endswith("ms") else ""
    try:
        number = Decimal(value.removesuffix(unit))
    except InvalidOperation:
        return value
    places = Decimal("0.1") if unit else Decimal("0.0001")
    exact = number.quantize(places)
    return value if exact == number else f"{exact}{unit}"
