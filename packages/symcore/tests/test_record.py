"""Records: constructor, equality, hash, repr and pickle from annotated attributes."""

import pickle
import subprocess
import sys
from typing import ClassVar

import pytest

from symcore.record import Record, replace


class Point(Record):
    kind: ClassVar[str] = "a place"

    x: int
    y: int = 2


class Named(Point):
    name: str = "origin"


class Checked(Record):
    rows: tuple[int, ...] = (0,)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.rows:
            raise ValueError("at least one row")


class Unique(Record):
    _by_identity = True

    x: int


class Own(Record):
    def __init__(self, x):
        self.x = x


def test_values_by_position_by_name_and_by_default():
    p = Point(1)
    assert (p.x, p.y, p.kind) == (1, 2, "a place") and (Point(1, 3).y, Point(y=4, x=0).y) == (3, 4)
    n = Named(1, 2, "end")
    assert (n.x, n.y, n.name) == (1, 2, "end") and Named(1).name == "origin"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Point(), "needs a value for its parameter 'x'"),
        (lambda: Point(1, 2, 3), "takes 2 parameters, got 3"),
        (lambda: Point(1, z=3), "no parameter z; it has x, y"),
        (lambda: replace(Point(1), z=3), "no parameter z; it has x, y"),
    ],
)
def test_wrong_parameters(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_equality_and_hash_are_those_of_the_values():
    assert Point(1) == Point(1, 2) != Point(2) and hash(Point(1)) == hash(Point(1, 2))
    assert Point(1) != Named(1) and Point(1) != (1, 2)
    assert len({Point(1), Point(1, 2), Point(2)}) == 2


def test_instances_that_equal_only_themselves():
    for cls in (Unique, Own):
        a, b = cls(1), cls(1)
        assert a == a and a != b and len({a, b}) == 2


def test_a_constructor_that_checks_keeps_equality():
    assert Checked() == Checked((0,)) and Checked((1,)).rows == (1,)
    with pytest.raises(ValueError, match="one row"):
        Checked(())


def test_text():
    assert repr(Point(1)) == "Point{x=1}" and repr(Named(1, 5)) == "Named{x=1, y=5}" and str(Checked()) == "Checked"
    assert repr(Point(len)) == "Point{x=len}"


def test_replace_changes_what_is_named():
    n = Named(1, name="end")
    assert replace(n, x=7) == Named(7, 2, "end") and n.x == 1
    with pytest.raises(ValueError, match="one row"):
        replace(Checked(), rows=())


def test_pickle_leaves_the_hash_behind():
    p = Named(1, name="end")
    hash(p)
    q = pickle.loads(pickle.dumps(p))
    assert q == p and "_hash" not in q.__dict__


def test_the_first_function_of_a_process_needs_no_dataclasses():
    code = (
        "import sys, symcore.record\n"
        "before = 'inspect' in sys.modules\n"
        "import symcodegen.dispatch, symcodegen.toolchain, symcodegen.cache\n"
        "print(before or 'dataclasses' not in sys.modules)\n"
    )
    pytest.importorskip("symcodegen")
    made = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    assert made.stdout.strip() == "True"
