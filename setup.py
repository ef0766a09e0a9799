"""Build the Cython modules: `ext/a/b/_c.pyx` compiles into the package `a.b` as `a.b._c`."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

EXT = Path("ext")
DEFINITIONS = sorted(str(path) for path in EXT.rglob("*.pxd"))


def extension(source: Path) -> Extension:
    """The module that `source` compiles into; every `.pxd` is named so that an sdist carries it."""
    name = ".".join(source.relative_to(EXT).with_suffix("").parts)
    return Extension(name, [str(source)], depends=DEFINITIONS, extra_compile_args=["-O3"])


setup(
    ext_modules=cythonize(
        [extension(source) for source in sorted(EXT.rglob("*.pyx"))],
        build_dir="build/cython",
        include_path=[str(EXT)],
        nthreads=os.cpu_count() or 1,
        compiler_directives={"language_level": 3, "embedsignature": True},
    ),
)
