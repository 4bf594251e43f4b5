"""Drawing DOT text with a Graphviz program: ``dot``, or ``graphviz-pure`` from the package of that name."""

import os
import shutil
import subprocess  # noqa: S404 - a fixed program with a list of arguments, the text on its standard input
import sysconfig

FORMATS = ("png", "svg", "pdf", "dot")

#: Seconds that a layout may take; very large graphs have none that one could look at.
TIMEOUT = 120.0


def render(text: str, format: str) -> bytes:
    """Return the picture of DOT ``text`` as ``png``, ``svg`` or ``pdf``.

    Raises ``RuntimeError`` in one line: no program, a format that the one found does not draw, or what it complained
    of.
    """
    programs = find_programs()
    if not programs:
        raise RuntimeError(
            f"drawing {format} needs Graphviz: pip install graphviz-pure (or install the system's graphviz), "
            "or take the text: pydotprint(..., format='dot')."
        )
    complaints = []
    for program in programs:
        try:
            done = subprocess.run(  # noqa: S603
                [program, f"-T{format}"], input=text.encode(), capture_output=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            complaints.append(f"{os.path.basename(program)} took more than {TIMEOUT:g} s")
            continue
        except OSError as error:
            complaints.append(f"{os.path.basename(program)} does not start: {error}")
            continue
        if done.returncode == 0 and done.stdout:
            return done.stdout
        said = done.stderr.decode(errors="replace").strip().splitlines()
        complaints.append(f"{os.path.basename(program)}: {said[0] if said else f'exit status {done.returncode}'}")
    hint = " graphviz-pure draws no pdf: install the system's graphviz for that." if format == "pdf" else ""
    raise RuntimeError(f"the graph could not be drawn as {format}: {'; '.join(complaints)}.{hint}")


def find_programs() -> list[str]:
    """Return the programs that can draw, the best first: Graphviz itself, then the one that a Python package ships."""
    scripts = sysconfig.get_path("scripts")  # the folder of an environment is not always on PATH
    candidates = [shutil.which("dot"), shutil.which("graphviz-pure"), shutil.which("graphviz-pure", path=scripts)]
    return list(dict.fromkeys(filter(None, candidates)))
