"""Build the Cython modules: `ext/a/b/_c.pyx` compiles into the package `a.b` as `a.b._c`. Sources in Python that are
compiled too, with the types that `ext/a/b/m.pxd` gives to `a/b/m.py`, are those of the table in `switch/native.py`.

With `SANITIZE=1` they are built to stop at the first read or write out of bounds and the first undefined operation, for
`tests/fuzz`; such a build belongs in a directory of its own, since it runs with libasan loaded before everything else.
"""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

sys.path.insert(0, str(Path(__file__).parent))
from switch.native import COMPILED

EXT = Path("ext")
BUILD = Path("build/cython")
DEFINITIONS = sorted(str(path) for path in EXT.rglob("*.pxd"))
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SANITIZED = os.environ.get("SANITIZE") == "1"
COMPILE = ["-O1", "-g1", "-fno-omit-frame-pointer", *SANITIZERS] if SANITIZED else ["-O3", "-g0", "-fno-plt"]
LINK = SANITIZERS if SANITIZED else []


def sources() -> list[tuple[str, Path]]:
    """Module and source of everything to compile."""
    own = [(".".join(path.relative_to(EXT).with_suffix("").parts), path) for path in sorted(EXT.rglob("*.pyx"))]
    shared = [] if SANITIZED else [(name, Path(*name.split(".")).with_suffix(".py")) for name in COMPILED]
    return own + shared


def extension(name: str, source: Path) -> Extension:
    """The module `name`; every `.pxd` is named so that an sdist carries it."""
    return Extension(name, [str(source)], depends=DEFINITIONS, extra_compile_args=COMPILE, extra_link_args=LINK)


def stale() -> bool:
    """Has a `.pxd` changed since the last C was written? Cython does not follow those of sources in Python."""
    written = [path.stat().st_mtime for path in BUILD.rglob("*.c")]
    return bool(written) and max(Path(path).stat().st_mtime for path in DEFINITIONS) > min(written)


setup(
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=cythonize(
        [extension(name, source) for name, source in sources()],
        build_dir=str(BUILD),
        force=stale(),
        include_path=[str(EXT)],
        nthreads=os.cpu_count() or 1,
        # The types of compiled Python sources stand in their .pxd alone: an annotation would have to be exact.
        compiler_directives={"language_level": 3, "embedsignature": True, "annotation_typing": False},
    ),
)
