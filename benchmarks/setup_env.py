"""``setup``: the environment of the peers, and symstack from this tree in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.process import ENVIRONMENT, HERE, ROOT, environment_python
from benchmarks.session import say

REQUIREMENTS = HERE / "requirements-peers.txt"
# Lowest first: each package finds its siblings in the same command, never in an index.
PACKAGES = ("symcore", "symopt", "symcodegen", "symgpu", "symnnet", "symscan", "symstack")


def setup(fresh: bool, pip_arguments: list[str]) -> int:
    """Create or update ``benchmarks/.env``. A peer that cannot be installed is left out. Returns 1 if symstack fails.

    ``pip_arguments`` go to pip, for instance ``--extra-index-url`` with an index of CPU builds of torch.
    """
    if fresh and ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    if not environment_python().exists():
        say(f"creating {ENVIRONMENT}")
        venv.create(ENVIRONMENT, with_pip=True)
    wanted = requirements(REQUIREMENTS.read_text())
    if not _pip(*wanted, *pip_arguments):
        say("the peers cannot all be installed together; one by one:")
        for requirement in wanted:
            if not _pip(requirement, *pip_arguments):
                say(f"left out: {requirement} cannot be installed")
    return install_ours(pip_arguments)


def install_ours(pip_arguments: list[str]) -> int:
    """Install the packages of this tree, editable."""
    present = [ROOT / "packages" / name for name in PACKAGES if (ROOT / "packages" / name / "pyproject.toml").exists()]
    editable = [part for path in present for part in ("-e", str(path))]
    if not _pip(*editable, *pip_arguments):
        say("symstack cannot be installed from packages/: it is left out")
        return 1
    return 0


def requirements(text: str) -> list[str]:
    """The requirement lines of a requirements file, without comments."""
    return [line for line in (raw.split("#")[0].strip() for raw in text.splitlines()) if line]


def _pip(*arguments: str) -> bool:
    python: Path = environment_python()
    say(f"{python.name} -m pip install {' '.join(arguments)}")
    # Bytecode is made now, whatever the caller's environment says: imports are measured with it.
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--compile", *arguments]
    return subprocess.run(command, stdout=sys.stderr).returncode == 0
