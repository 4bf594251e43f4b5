"""Caller: the plain call runs in C, every other becomes ``_call_general``."""

import gc
import weakref

import numpy as np
import pytest

HAVE_VECTORCALL = 1 << 11


class PythonBase:
    """Stands for the language's function class: attributes, defaults, keywords."""

    def __init__(self, names, defaults=()):
        self.names, self.defaults, self.general = names, defaults, 0

    def _call_general(self, args, kwargs):
        self.general += 1
        values = dict(zip(self.names[len(self.names) - len(self.defaults) :], self.defaults, strict=True))
        values |= dict(zip(self.names, args, strict=False)) | kwargs
        if set(values) != set(self.names) or len(args) > len(self.names):
            raise TypeError(f"need {self.names}")
        result = self.program(*(values[name] for name in self.names))
        return result[0]


@pytest.fixture
def function_class(cvm):
    class CFunction(cvm.Caller, PythonBase):
        pass

    return CFunction


def addition(b, outputs=1):
    x, y = b.input(1), b.input(1)
    slots = [b.array(1) for _ in range(outputs)]
    for slot in slots:
        b.elementwise("add", slot, x, y)
    return b.program(*slots)


def test_plain_and_general_calls(b, cvm, function_class):
    f = function_class(["x", "y"], [np.ones(2)])
    f.program, f.return_kind = addition(b), cvm.RETURN_ONE
    x = np.arange(2.0)
    np.testing.assert_array_equal(f(x, x), 2 * x)
    assert f.general == 0
    np.testing.assert_array_equal(f(x), x + 1)
    np.testing.assert_array_equal(f(x, y=x), 2 * x)
    np.testing.assert_array_equal(f(y=x, x=x), 2 * x)
    assert f.general == 3
    with pytest.raises(TypeError, match="need"):
        f(x, x, x)
    assert function_class.__flags__ & HAVE_VECTORCALL


def test_return_kinds(b, cvm, function_class, new_builder):
    x = np.zeros(2)
    f = function_class([])
    f.program = addition(b, 2)
    assert [a.tolist() for a in f(x, x)] == [[0, 0], [0, 0]]
    with pytest.raises(ValueError, match="one output"):
        f.return_kind = cvm.RETURN_ONE
    f.return_kind = cvm.RETURN_WRAPPED
    type(f)._wrap_outputs = lambda self, values: {"got": len(values)}
    assert f(x, x) == {"got": 2}
    nothing = function_class([])
    empty = new_builder()
    empty.input(1)
    nothing.program = empty.program()
    assert nothing(x) == []
    for wrong in (3, -1):
        with pytest.raises(ValueError, match="return_kind"):
            f.return_kind = wrong
    with pytest.raises(TypeError, match="must be a Program"):
        f.program = 3
    one = function_class([])
    one.return_kind = cvm.RETURN_ONE
    with pytest.raises(ValueError, match="one output"):
        one.program = f.program


def test_a_subclass_with_its_own_call_keeps_it(b, cvm):
    class Counting(cvm.Caller):
        calls = 0

        def __call__(self, *args):
            Counting.calls += 1
            return super().__call__(*args)

    f = Counting()
    f.program, f.return_kind = addition(b), cvm.RETURN_ONE
    np.testing.assert_array_equal(f(np.ones(1), np.ones(1)), [2.0])
    assert Counting.calls == 1 and not Counting.__flags__ & HAVE_VECTORCALL


def test_without_a_program_everything_is_general(cvm):
    class Bare(cvm.Caller):
        def _call_general(self, args, kwargs):
            return args, kwargs

    assert Bare()(1, 2, a=3) == ((1, 2), {"a": 3})
    with pytest.raises(AttributeError, match="_call_general"):
        cvm.Caller()()


def test_cycles_are_collected(b, function_class):
    def make():
        f = function_class([])
        close_circle(b, f)
        return weakref.ref(f)

    reference = make()
    b.inputs.clear()
    gc.collect()
    assert reference() is None


def close_circle(b, f):
    """The program refers to the function through its filter and its error handler."""
    x = b.input(1, filter=lambda v: f)
    out = b.array(1)
    b.elementwise("inc", out, x)
    f.program = b.program(out, on_error=lambda *a: f)


def test_a_filter_may_replace_the_program(new_builder, function_class):
    f = function_class([])

    def filter(value):
        f.program = None
        gc.collect()
        return np.asarray(value, float)

    b = new_builder()
    x, out = b.input(1, filter=filter), b.array(1)
    b.elementwise("inc", out, x)
    f.program = b.program(out)
    del b
    assert f([1.0])[0].tolist() == [2.0]
    assert f.program is None
