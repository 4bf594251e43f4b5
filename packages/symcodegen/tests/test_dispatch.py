"""Which kernels belong to which Op, and that they are imported when their Op is met."""

import importlib
import subprocess
import sys
import textwrap

import pytest

from symcodegen import dispatch
from symcodegen.dispatch import c_impl
from symcore import tensor as T


def registered():
    """The Ops of each module of ``symcodegen.ops``, as the table has them, from what is registered."""
    found = {}
    for op, function in c_impl._generic.registry.items():
        package, _, home = function.__module__.rpartition(".")
        if package == "symcodegen.ops":
            found.setdefault(home, set()).add(f"{op.__module__}.{op.__qualname__}")
    return found


def test_the_table_says_what_the_modules_register():
    for home in dispatch._HOMES:
        importlib.import_module(f"symcodegen.ops.{home}")
    assert registered() == {
        home: {f"symcore.{op}" for op in ops.split()} for home, ops in dispatch._HOMES.items()
    }


def run(script):
    """Run a script in a new process; returns what it printed."""
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


#: Prints the reason why ``node`` has no C, "C" where it has.
ANSWER = """
import sys
from symcodegen.dispatch import c_impl, reason, refuse
from symcore import tensor as T
from symcore.tensor.join import Join
from symcore.tensor.sorting import Sort

def answer(node):
    return "C" if c_impl(node.op, node) is not None else reason(node)

join = T.join(0, T.dvector(), T.dvector()).owner
"""


def test_kernels_come_with_their_op():
    assert run(ANSWER + """
before = "symcodegen.ops.join" in sys.modules
print(before, answer(join), "symcodegen.ops.join" in sys.modules, "symcodegen.ops.sorting" in sys.modules)
""") == ["False", "C", "True", "False"]


def test_what_somebody_registers_first_stays():
    assert run(ANSWER + """
@c_impl.register
def mine(op: Join, node):
    return refuse(node, "mine")

print(answer(join))
import symcodegen.ops.shapes
print(answer(join), answer(T.dmatrix().T.owner))
""") == ["mine", "mine", "C"]


def test_what_somebody_registers_for_another_op_of_the_module_stays():
    assert run(ANSWER + """
from symcore.tensor.sorting import Argsort

@c_impl.register
def mine(op: Argsort, node):
    return refuse(node, "mine")

print(answer(T.sort(T.dvector()).owner), answer(T.argsort(T.dvector()).owner))
""") == ["C", "mine"]


def test_an_op_that_extends_one_of_ours_has_its_kernels():
    assert run(ANSWER + """
class Mine(Sort):
    pass

sort = T.sort(T.dvector()).owner
print(answer(Mine(0).make_node(*sort.inputs)))
""") == ["C"]


def test_a_package_may_bring_kernels_later(tmp_path):
    (tmp_path / "later_ops.py").write_text(
        "from symcore.op import Op\nclass Mine(Op):\n    pass\nclass Other(Op):\n    pass\n"
    )
    (tmp_path / "later_kernels.py").write_text(
        "from symcodegen.dispatch import c_impl, refuse\nfrom later_ops import Mine\n"
        "@c_impl.register\ndef mine(op: Mine, node):\n    return refuse(node, 'later')\n"
    )
    assert run(ANSWER + f"""
sys.path.insert(0, {str(tmp_path)!r})
c_impl.later("later_kernels", "later_ops.Mine")
from later_ops import Mine, Other
print(c_impl(Other(), join), reason(join).split()[0], "later_kernels" in sys.modules)
print(c_impl(Mine(), join), reason(join), "later_kernels" in sys.modules)
""") == ["None", "Other", "False", "None", "later", "True"]


def test_an_op_that_is_not_ours_has_none():
    class Stranger:
        pass

    node = T.dvector().sum().owner
    node.tag.no_c = ""
    assert c_impl(Stranger(), node) is None
    assert dispatch.reason(node) == "Stranger has no C implementation"


@pytest.mark.default_mode
def test_a_small_function_imports_few_kernels():
    script = """
    import sys
    import numpy as np
    from symcore import tensor as T
    from symopt import function

    x = T.dvector()
    assert function([x], x + 1)(np.zeros(2)).tolist() == [1, 1]
    print(*sys.modules)
    """
    loaded = set(run(script))
    assert "symcodegen.ops.elemwise" in loaded
    assert not loaded & {f"symcodegen.ops.{home}" for home in dispatch._HOMES if home not in ("elemwise", "shapes")}
    assert "symcodegen.loops" not in loaded
