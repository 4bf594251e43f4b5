"""Builds the C virtual machine, if there is a C compiler; without one the package installs all the same."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy
from setuptools import Extension, setup

CVM = Path("src") / "symcodegen" / "cvm"
BUILD = runpy.run_path(str(CVM / "sources.py"))

setup(
    ext_modules=[
        Extension(
            "symcodegen.cvm._cvm",
            sources=[str(CVM / name) for name in BUILD["UNITS"]],
            depends=[str(CVM / name) for name in BUILD["HEADERS"]] + [str(CVM.parent / "runtime" / "symabi.h")],
            include_dirs=[numpy.get_include()],
            define_macros=[("SYM_SOURCE_DIGEST", f'"{BUILD["digest"]()}"')],
            extra_compile_args=list(BUILD["COMPILE_ARGS"]),
            libraries=[] if sys.platform == "win32" else ["m", "pthread"],
            optional=True,
        )
    ]
)
