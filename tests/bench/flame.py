"""A flame graph of the running switch: where its CPU time goes, call by call, kernel included.

    python -m tests.bench.flame [FILE.svg]          docs/flame.svg, without a name; needs perf(1)

The switch runs as in `switch_cpu`, at 8 connections and 64 in flight, while perf samples its stacks by CPU time.
Compiled rules are functions of C, so they stand in the stacks by name. Below the part of ours that called it, Python's
own runtime is one box a library, and the kernel one a system call: the width of a box is its share of all the time.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Final

from tests.bench.programs import BenchError, Programs, cores
from tests.bench.switch_cpu import SHAPES, Bench

SVG: Final = Path("docs/flame.svg")
SECONDS: Final = 6.0
SAMPLES_PER_S: Final = 2_000
STACK_BYTES: Final = 16_384

WIDTH, ROW, LEAST = 1200, 18, 0.002  # pixels, pixels, and the smallest share that is drawn
COLOURS: Final = {"kernel": "#c9b8d9", "python": "#c8d6e5", "ours": "#f3b27a", "other": "#dfe3d0"}

SYMBOL = re.compile(r"\s+[0-9a-f]+ (.+?)(?:\+0x[0-9a-f]+)? \((.*)\)$")
PART = re.compile(r"(\d+)(.*)")
# A system call, as the kernel's function that serves it is called.
CALL = re.compile(r"(?:__\w+_|k)sys_(\w+)")
# What compiled functions are called behind their names' prefix.
OURS = re.compile(r"__pyx_(?:f|pw|pf)_(.*)")

Stack = tuple[str, ...]


def readable(symbol: str) -> str:
    """The Python name of a compiled function, behind its class or, where it has none, its module.

    >>> readable("__pyx_f_6switch_4core_14authorizations_14Authorizations_request")
    'Authorizations.request'
    >>> readable("__pyx_pw_6switch_3net_7effects_6Driver_21received"), readable("epoll_wait")
    ('Driver.received', 'epoll_wait')
    """
    found = OURS.match(symbol)
    if found is None:
        return symbol
    rest, parts = found[1], []
    while (sized := PART.match(rest)) is not None and int(sized[1]) < len(sized[2]) and sized[2][int(sized[1])] == "_":
        size = int(sized[1])
        parts.append(sized[2][:size])
        rest = sized[2][size + 1 :]
    name = re.sub(r"^\d+", "", rest)
    owners = [part for part in parts if part[0].isupper()]
    if not owners:
        owners = [part.strip("_").removesuffix("_c") for part in parts[-1:]]
    return ".".join([*owners, name])


def box(symbol: str, library: str) -> str:
    """What a frame is drawn as; "" where its caller says enough."""
    if library.startswith("[kernel"):
        call = CALL.match(symbol)
        return f"kernel: {call[1]}" if call is not None else ""
    if OURS.match(symbol):
        return readable(symbol)
    name = Path(library).name.partition(".")[0]
    return f"in {name}" if name.startswith("lib") else ""


def stacks(script: Iterable[str]) -> Iterator[Stack]:
    """Stacks from `perf script`, the outermost frame first, neighbours that are drawn alike made one."""
    frames: list[str] = []
    for line in script:
        found = SYMBOL.match(line)
        if found is not None:
            frames.append(box(*found.groups()))
        elif frames:
            yield squeezed(reversed(frames))
            frames = []
    if frames:
        yield squeezed(reversed(frames))


def squeezed(frames: Iterable[str]) -> Stack:
    """Each library once, above what of ours called it: what it calls in between is its own business."""
    drawn: list[str] = []
    for frame in frames:
        if not frame or (drawn and drawn[-1] == frame):
            continue
        if drawn and drawn[-1].startswith("in "):
            drawn.pop()
        if not drawn or drawn[-1] != frame:
            drawn.append(frame)
    return tuple(drawn)


def drawn(counts: Counter[Stack]) -> str:
    """The picture, callers below those they call."""
    total = counts.total()
    boxes: list[tuple[int, float, float, str]] = []
    fill(boxes, sorted(counts.items()), 0, 0.0, total)
    depth = 1 + max(level for level, *_ in boxes)
    height = depth * ROW + ROW
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">']
    for level, start, share, name in boxes:
        x, width, y = start * WIDTH, share * WIDTH, height - (level + 2) * ROW
        colour = COLOURS[kind(name)]
        parts.append(f"<g><title>{escape(name)}: {share:.1%}</title>")
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}" fill="{colour}" stroke="#fff"/>'
        )
        if (letters := int(width / 6.2)) > 3:
            parts.append(f'<text x="{x + 3:.1f}" y="{y + 13}" font-size="11">{escape(name[:letters])}</text>')
        parts.append("</g>")
    legend = f"{total} samples of CPU time; a box is as wide as its share; callers stand below"
    parts.append(f'<text x="3" y="{height - 5}" font-size="11">{legend}</text></svg>')
    return "\n".join(parts)


def kind(name: str) -> str:
    """Whose time it is."""
    if name.startswith("kernel"):
        return "kernel"
    if name.startswith("in libpython"):
        return "python"
    return "other" if name.startswith("in ") else "ours"


def fill(
    boxes: list[tuple[int, float, float, str]], items: list[tuple[Stack, int]], level: int, start: float, total: int
) -> None:
    """The boxes of one level and those above it: stacks that agree up to there stand together."""
    place = 0
    while place < len(items):
        name = items[place][0][level] if level < len(items[place][0]) else ""
        end = place
        while end < len(items) and (items[end][0][level] if level < len(items[end][0]) else "") == name:
            end += 1
        share = sum(count for _, count in items[place:end]) / total
        if name and share >= LEAST:
            boxes.append((level, start, share, name))
            fill(boxes, items[place:end], level + 1, start, total)
        start += share
        place = end


def sampled() -> Counter[Stack]:
    """How often each stack was found. BenchError without perf, or where it may not look."""
    perf = shutil.which("perf")
    if perf is None:
        raise BenchError("perf is not installed (in Debian: linux-perf)")
    with Programs() as programs:
        bench = Bench(programs, cores(), ["switch"])
        data = programs.folder / "perf.data"
        program, _ = bench.subjects["switch"]
        recording = subprocess.Popen(
            [perf, "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES_PER_S), "--call-graph", f"dwarf,{STACK_BYTES}",
             "-o", str(data), "-p", str(program.process.pid)], stderr=subprocess.DEVNULL,
        )  # fmt: skip
        bench.window("switch", SHAPES[0], SECONDS)
        recording.terminate()
        recording.wait()
        script = subprocess.run(
            [perf, "script", "-i", str(data), "-F", "ip,sym,dso"], capture_output=True, text=True, check=False
        )
    if script.returncode:
        raise BenchError(f"perf could not be read: {script.stderr.strip()[-200:]}")
    return Counter(stack for stack in stacks(script.stdout.splitlines()) if stack)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SVG
    target.write_text(drawn(sampled()) + "\n")
    print(f"written to {target}")
