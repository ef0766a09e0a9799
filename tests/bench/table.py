"""What a benchmark reports: rows, a table for people, `build/bench.json` for programs."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NotRequired, TypedDict

import hsm_sim.native
import switch.native


class Row(TypedDict):
    """One measured quantity: the median of its rounds, and the lowest and highest of them.

    `ratio` is `reference_value / value`: above 1, ours takes less. The last three are there for rows that measure the
    CPU time of a process under load.
    """

    name: str
    unit: str
    value: float
    low: float
    high: float
    reference: str | None
    reference_value: float | None
    ratio: float | None
    share: NotRequired[float]  # of a core, that the process used
    busy_share: NotRequired[float]  # of a core, that a busy loop was given in the same run
    saturated: NotRequired[bool]  # whether `share` is at least 90 % of `busy_share`


def row(
    name: str, unit: str, samples: Sequence[float], reference: str | None = None, reference_value: float | None = None
) -> Row:
    """A row of the median of `samples`.

    >>> row("scan", "us", [0.2, 0.3, 0.1], "another", 0.4)["ratio"]
    2.0
    """
    value = median(samples)
    return Row(
        name=name,
        unit=unit,
        value=value,
        low=min(samples),
        high=max(samples),
        reference=reference,
        reference_value=reference_value,
        ratio=None if reference_value is None else reference_value / value,
    )


def note(row: Row) -> str:
    """What stands at the end of a row: how busy the process was.

    >>> note(row("x", "us", [1.0]) | {"share": 0.5, "busy_share": 0.99, "saturated": False})
    'CPU 50 %, a busy loop 99 %: not saturated'
    """
    if "share" not in row:
        return ""
    text = f"CPU {row['share']:.0%}, a busy loop {row['busy_share']:.0%}".replace("%", " %")
    return text if row["saturated"] else f"{text}: not saturated"


def lines(rows: Sequence[Row]) -> list[str]:
    """The rows as an aligned table with a head."""
    cells = [("", "unit", "value", "low", "high", "ratio", "reference", "")]
    for entry in rows:
        reference = "" if entry["reference"] is None else f"{entry['reference']}: {entry['reference_value']:.2f}"
        ratio = "" if entry["ratio"] is None else f"{entry['ratio']:.3g}"
        figures = (f"{entry['value']:.2f}", f"{entry['low']:.2f}", f"{entry['high']:.2f}", ratio)
        cells.append((entry["name"], entry["unit"], *figures, reference, note(entry)))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = {2, 3, 4, 5}
    return [
        "  ".join(
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def write(rows: Sequence[Row], path: Path) -> None:
    """The rows as a JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n")


def show(rows: Callable[[], Sequence[Row]]) -> None:
    """Measure and print, for a benchmark that runs by itself."""
    demand_native()
    sys.stdout.write("\n".join(lines(rows())) + "\n")


def demand_native() -> None:
    """End with a sentence where Python twins would be measured: their figures would be nobody's."""
    modules = switch.native.loaded() | hsm_sim.native.loaded()
    if twins := [module for module, choice in modules.items() if choice != "native"]:
        why = switch.native.twins_because or "MONETIQUE_NATIVE says so"
        sys.stderr.write(f"bench: {len(twins)} modules would run as Python twins ({why}): run make build, unset it\n")
        raise SystemExit(2)
