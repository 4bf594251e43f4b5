"""Sphinx settings. Build with ``nox -s docs``; the examples are run by tests/test_examples.py."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

import tables  # noqa: E402 - it stands beside this file, which Sphinx does not put on the path

project = "symstack"
author = "the symstack developers"
copyright = "2026, the symstack developers"  # noqa: A001 - the name that Sphinx asks for
extensions = ["myst_parser", "autoapi.extension", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "requirements.txt"]
html_theme = "furo"
html_title = "symstack"
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Attributes are described once, where the class says what they are.
napoleon_use_ivar = True

autoapi_dirs = [str(folder) for folder in sorted(ROOT.glob("packages/*/src"))]
autoapi_root = "api"
autoapi_options = ["members", "show-inheritance", "show-module-summary"]
# Not "*/_*.py": that would hide every __init__.py as well.
autoapi_ignore = ["*/_[!_]*.py", "*/__main__.py"]
autoapi_member_order = "groupwise"
autoapi_keep_files = False
autoapi_python_class_content = "both"
# A name that a package hands on from a module of its own is documented at both places.
suppress_warnings = ["autoapi.python_import_resolution", "ref.python", "myst.xref_missing"]


def write_pages(app: object) -> None:
    """Pages that are made: tables of what the code declares, and copies of the design pages, which live in designs/."""
    tables.write_all(HERE / "generated")
    for page in sorted((ROOT / "designs").glob("*.md")):
        target = HERE / "designs" / page.name
        if not target.exists() or target.read_bytes() != page.read_bytes():
            shutil.copyfile(page, target)


def setup(app: object) -> None:
    app.connect("builder-inited", write_pages)
