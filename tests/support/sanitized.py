"""Native modules built to stop at the first byte out of bounds, and a process that runs with them.

`build()` compiles `ext/` with gcc's address and undefined-behaviour sanitizers into `build/sanitized`, never over the
modules in use. `command()` and `environment()` start Python with them: libasan must be loaded before everything else,
and Python must take its memory from malloc, whose blocks libasan fences. In that process `use()` puts the modules in
the place of the others, before the first import of any.
"""

import importlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
BUILT: Final = ROOT / "build" / "sanitized"
MODULES: Final = sorted(
    ".".join(path.relative_to(ROOT / "ext").with_suffix("").parts) for path in (ROOT / "ext").rglob("*.pyx")
)

# What the instrumented code calls when a read is out of bounds, or an operation undefined.
MARKS: Final = (b"__asan_report_", b"__ubsan_handle_")


@cache
def libasan() -> Path | None:
    """gcc's address sanitizer, or None where the machine has none (it is a package of its own in some systems)."""
    paths = []
    for name in ("libasan.so", "libubsan.so"):
        asked = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=False)
        paths.append(Path(asked.stdout.strip()))
    return paths[0].resolve() if all(path.is_absolute() for path in paths) else None


def build() -> None:
    """Compile what has changed. Raises CalledProcessError, with what the compiler said in `build/sanitized/log`."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "log").open("wb") as log:
        subprocess.run(
            [
                sys.executable, "setup.py", "build_ext", "--parallel", str(os.cpu_count() or 1),
                "--build-lib", str(BUILT / "lib"), "--build-temp", str(BUILT / "temp"),
            ],
            cwd=ROOT, env=os.environ | {"SANITIZE": "1"}, stdout=log, stderr=subprocess.STDOUT, check=True,
        )  # fmt: skip


def environment() -> dict[str, str]:
    """What a process that runs with the modules needs around it."""
    return os.environ | {
        "LD_PRELOAD": str(libasan()),
        "PYTHONMALLOC": "malloc",
        "PYTHONHASHSEED": "0",
        "MONETIQUE_NATIVE": "1",
        # Python itself leaves memory to the end of the process.
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def use() -> None:
    """Import every native module from `build/sanitized` from now on, and make sure that it is the one."""
    for name in MODULES:
        package = importlib.import_module(name.rpartition(".")[0])
        package.__path__.insert(0, str(BUILT / "lib" / Path(*package.__name__.split("."))))
        module = importlib.import_module(name)
        path = Path(str(module.__file__))
        assert path.is_relative_to(BUILT), f"{name} came from {path}"
        assert all(mark in path.read_bytes() for mark in MARKS), f"{path} was built without sanitizers"


if __name__ == "__main__":
    if libasan():
        build()
    else:
        print("the native modules are not built with sanitizers: gcc has no libasan or no libubsan here")
