"""Build the native modules, one at a time, so that a build which was interrupted goes on where it was.

`ext/a/b/_c.pyx` compiles into the package `a.b` as `a.b._c`. `switch/native.py` has a table of Python sources that are
compiled too (`COMPILED`), with the types that `ext/a/b/m.pxd` gives to `a/b/m.py`.

    python setup.py build_ext --inplace [--parallel N]

translates and compiles every module whose sources have changed, and remembers each in `build/native` by a digest of all
that it was made from. Once all are there, they are put into the packages by rename, and a stamp (`built.txt`) is
written last beside `switch/native.py` and `hsm_sim/native.py`: those take the compiled modules only where a stamp fits
the sources. `build/progress` tells how far the build is ("17/51").

With `MONETIQUE_NATIVE=0` the packages are installed without native modules. With `SANITIZE=1` the modules of `ext/` are
built to stop at the first read or write out of bounds and the first undefined operation, for `tests/fuzz`; that build
belongs in a directory of its own, since it runs with libasan loaded before everything else.
"""

import hashlib
import multiprocessing
import os
import re
import runpy
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Read by its path: to import the package would be to use its native modules.
_NATIVE: Final = runpy.run_path("switch/native.py")
COMPILED: Final[tuple[str, ...]] = _NATIVE["COMPILED"]
STAMP: Final[str] = _NATIVE["STAMP"]
WHY_NOT_NATIVE: Final = _NATIVE["why_not_native"]
STAMPED: Final = ("switch", "hsm_sim")  # the packages that decide by a stamp whether their native modules are used

EXT: Final = Path("ext")
BUILD: Final = Path("build")
SANITIZED: Final = os.environ.get("SANITIZE") == "1"
WANTED: Final = os.environ.get("MONETIQUE_NATIVE") != "0"

# What Cython puts into every module by itself stands in this one, once: a quarter less C to compile.
UTILITIES: Final = "switch._cyutility"

# Modules of bytes and hashes, which gain from gcc's best. The rest are calls between Python objects: there -O3 takes
# twice as long to compile as -O1, and what it gains is below what `make bench` can tell.
FAST: Final = {
    "hsm_sim.crypto._pinblock_c",
    "switch.cards._number_map_c",
    "switch.iso8583._codec_c",
    "switch.iso8583._compat_c",
    "switch.iso8583._frames_c",
}
SANITIZERS: Final = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
DIRECTIVES: Final = {
    "language_level": 3,
    # The types of compiled Python sources stand in their .pxd alone: an annotation would have to be exact.
    "annotation_typing": False,
    "show_performance_hints": False,
}

_CIMPORT: Final = re.compile(r"^\s*(?:from\s+([\w.]+)\s+)?cimport\s+([^#\n]+)", re.MULTILINE)


def sources() -> dict[str, Path]:
    """The source of every module to compile, by the module's name."""
    own = {".".join(path.relative_to(EXT).with_suffix("").parts): path for path in sorted(EXT.rglob("*.pyx"))}
    if SANITIZED:
        return own
    shared = {name: Path(*name.split(".")).with_suffix(".py") for name in COMPILED}
    return {UTILITIES: Path(*UTILITIES.split(".")).with_suffix(".c"), **own, **shared}


def extension(name: str, source: Path) -> Extension:
    """The module `name`; all definitions are named so that an sdist carries them."""
    if SANITIZED:
        compiling = ["-O1", "-g1", "-fno-omit-frame-pointer", *SANITIZERS]
    else:
        compiling = [
            "-O3" if name in FAST else "-O1",
            "-g0",
            "-fno-plt",
            "-w",
        ]  # a warning about C that Cython wrote helps nobody
    definitions = sorted(map(str, EXT.rglob("*.pxd")))
    linking = SANITIZERS if SANITIZED else []
    return Extension(name, [str(source)], depends=definitions, extra_compile_args=compiling, extra_link_args=linking)


def read_by(name: str, source: Path) -> set[Path]:
    """The files that a module is made from: its source, its own definitions, and those that they cimport."""
    found: set[Path] = set()
    wanted = [source, EXT.joinpath(*name.split(".")).with_suffix(".pxd")]
    while wanted:
        path = wanted.pop()
        if path not in found and path.is_file():
            found.add(path)
            wanted += cimported(path.read_text())
    return found


def cimported(text: str) -> Iterator[Path]:
    """The definitions of ours that a source cimports, whether or not they exist."""
    for package, names in _CIMPORT.findall(text):
        modules = [name.split()[0] for name in names.strip("() ").split(",") if name.strip()]
        for module in [package] if package else modules:
            yield EXT.joinpath(*module.split(".")).with_suffix(".pxd")
        if package:
            yield from (EXT.joinpath(*package.split("."), module).with_suffix(".pxd") for module in modules)


def digest(paths: Iterable[Path], *words: object) -> str:
    """One digest of the contents of files, and of all else that decides what is made from them."""
    sum_ = hashlib.sha256(repr(words).encode())
    for path in sorted(paths):
        sum_.update(f"{path} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return sum_.hexdigest()


class BuildNative(build_ext):
    """Builds what has changed, `--parallel N` modules at a time (by default one for each processor)."""

    changed = False

    def build_extensions(self) -> None:
        """Build each module in a process of its own: Cython itself uses one processor only."""
        self.force = True  # what is up to date is known by its digest, not by its time
        jobs = int(self.parallel or os.cpu_count() or 1)
        total = len(self.extensions)
        global _command
        _command = self
        tell(0, total)
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            for done, changed in enumerate(pool.imap_unordered(_build, range(total)), 1):
                self.changed |= changed
                tell(done, total)

    def build_one(self, index: int) -> bool:
        """Translate and compile one module; False where that was done already."""
        import Cython

        ext = self.extensions[index]
        made = Path(self.get_ext_fullpath(ext.name))
        record = Path(self.build_temp) / "made" / ext.name
        options = (ext.extra_compile_args, DIRECTIVES, sys.version, Cython.__version__)
        recipe = digest(read_by(ext.name, Path(ext.sources[0])), *options)
        if made.is_file() and record.is_file() and record.read_text() == recipe:
            return False
        translate(ext)
        super().build_extension(ext)
        record.parent.mkdir(parents=True, exist_ok=True)
        replace(record, recipe.encode())
        return True

    def copy_extensions_to_source(self) -> None:
        """Put the modules into the packages by rename: a bench that runs keeps those that it has loaded."""
        if not self.changed and all(WHY_NOT_NATIVE(Path(package)) is None for package in STAMPED):
            return
        for package in STAMPED:
            Path(package, STAMP).unlink(missing_ok=True)
        for ext in self.extensions:
            made = Path(self.get_ext_filename(ext.name))
            replace(made, (Path(self.build_lib) / made).read_bytes())

    def run(self) -> None:
        """Build, and stamp what is whole."""
        inplace = self.inplace
        super().run()
        if self.extensions and not SANITIZED:
            self.stamp(Path() if inplace else Path(self.build_lib))

    def stamp(self, root: Path) -> None:
        """Write the stamp of each package: the suffix of its modules, then a line for each module and each source."""
        for package in STAMPED:
            named = {name: source for name, source in sources().items() if name.partition(".")[0] == package}
            built = [Path(self.get_ext_filename(name)) for name in named]
            lines = [sysconfig.get_config_var("EXT_SUFFIX")]
            lines += [f"{(root / path).stat().st_size} {path.as_posix()}" for path in built]
            read = set().union(*(read_by(name, source) for name, source in named.items()))
            lines += [f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.as_posix()}" for path in sorted(read)]
            replace(root / package / STAMP, "\n".join(lines).encode() + b"\n")

    def get_outputs(self) -> list[str]:
        """What was built, for the record of an installation: the stamps belong to it."""
        return [*super().get_outputs(), *(str(Path(self.build_lib, package, STAMP)) for package in STAMPED)]


_command: BuildNative  # of the process that `build_extensions` forks


def _build(index: int) -> bool:
    return _command.build_one(index)


def translate(ext: Extension) -> None:
    """From Cython to C, into `build/cython`; the sources of `ext` are the C file afterwards."""
    from Cython.Build import cythonize

    # The HSM imports nothing of the switch, so it shares no utilities with it.
    shares = not SANITIZED and not ext.name.startswith("hsm_sim.")
    [translated] = cythonize(
        [ext],
        build_dir=str(BUILD / "cython"),
        force=True,
        quiet=True,
        include_path=[str(EXT)],
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=UTILITIES if shares else None,
    )
    ext.sources = translated.sources


def replace(path: Path, content: bytes) -> None:
    """Write a file such that whoever looks sees the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)


def tell(done: int, total: int) -> None:
    """Say how far the build is: to whoever watches it, and on a terminal."""
    if SANITIZED:
        return
    replace(BUILD / "progress", f"{done}/{total}\n".encode())
    if sys.stderr.isatty():
        sys.stderr.write(f"\rbuilding the native modules {done}/{total}" + ("\n" if done == total else ""))
        sys.stderr.flush()


setup(
    cmdclass={"build_ext": BuildNative},
    ext_modules=[extension(name, source) for name, source in sources().items()] if WANTED else [],
)
