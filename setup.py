"""Build the Cython modules: `ext/a/b/_c.pyx` compiles into the package `a.b` as `a.b._c`.

With `SANITIZE=1` they are built to stop at the first read or write out of bounds and the first undefined operation, for
`tests/fuzz`; such a build belongs in a directory of its own, since it runs with libasan loaded before everything else.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

EXT = Path("ext")
DEFINITIONS = sorted(str(path) for path in EXT.rglob("*.pxd"))
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SANITIZED = os.environ.get("SANITIZE") == "1"
COMPILE = ["-O1", "-g1", "-fno-omit-frame-pointer", *SANITIZERS] if SANITIZED else ["-O3"]
LINK = SANITIZERS if SANITIZED else []


def extension(source: Path) -> Extension:
    """The module that `source` compiles into; every `.pxd` is named so that an sdist carries it."""
    name = ".".join(source.relative_to(EXT).with_suffix("").parts)
    return Extension(name, [str(source)], depends=DEFINITIONS, extra_compile_args=COMPILE, extra_link_args=LINK)


setup(
    ext_modules=cythonize(
        [extension(source) for source in sorted(EXT.rglob("*.pyx"))],
        build_dir="build/cython",
        include_path=[str(EXT)],
        nthreads=os.cpu_count() or 1,
        compiler_directives={"language_level": 3, "embedsignature": True},
    ),
)
