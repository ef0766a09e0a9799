"""`monetique control status` for people: each part's links, hops and counters as tables that fit a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from switch.commands.common import print_table
from switch.terminal import width, wrapped

MAX_TEXT_COLUMNS: Final = 100  # lists of counters are read, not scanned: no longer lines even into a pipe
_GAUGES: Final = ("in_flight", "reversals_owed", "advices_owed", "lines_dropped")
_DE39: Final = "de39-"
_PERCENTILES: Final = ("p50", "p90", "p99")
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def print_status(answers: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the answers of the parts to `status`, by name."""
    for number, (name, answer) in enumerate(answers.items()):
        if number:
            print()
        _print_part(name, answer)


def _print_part(name: str, answer: Mapping[str, Any]) -> None:
    gauges = [f"{gauge.replace('_', ' ')} {answer[gauge]}" for gauge in _GAUGES if gauge in answer]
    _print_list(f"{name}:", [f"pid {answer['pid']}", *gauges])
    counters: Mapping[str, int] = answer.get("counters") or {}
    answered = {code.removeprefix(_DE39): count for code, count in counters.items() if code.startswith(_DE39)}
    _print_list("answered by DE 39:", _counts(answered))
    _print_list("counters:", _counts({key: count for key, count in counters.items() if not key.startswith(_DE39)}))
    _print_list("events:", _counts(answer.get("events") or {}))
    _print_rows("links", ("name", "role", "state", "connections"), answer.get("links") or ())
    hops = [
        {"hop": hop, "count": told["count"], **{name: f"{told[name]:.3f}" for name in _PERCENTILES}}
        for hop, told in (answer.get("latency_ms") or {}).items()
        if told["count"]
    ]
    _print_rows("milliseconds since the start", ("hop", "count", *_PERCENTILES), hops)
    exhausted = answer.get("exhausted") or ()
    _print_rows("given up: an issuer never took them", tuple(exhausted[0]) if exhausted else (), exhausted)


def _counts(counts: Mapping[str, int]) -> list[str]:
    return [f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1])]


def _print_list(title: str, items: Sequence[str]) -> None:
    if items:
        text = f"{title} {', '.join(item.replace(' ', _NO_BREAK) for item in items)}"
        lines = wrapped(text, min(width(), MAX_TEXT_COLUMNS), rest="    ")
        print("\n".join(lines).replace(_NO_BREAK, " "))


def _print_rows(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        print(f"\n{title}")
        print_table(columns, [[row[column] for column in columns] for row in rows])
