"""Descriptions that make no sense are refused when the program is built; none can crash it."""

import contextlib
import random

import numpy as np
import pytest


def f8(c, kind, ndim, extra):
    return (kind, 12, ndim, extra)


def valid(b):
    """The arguments of Program for a small program that has a bit of everything."""
    storage = [np.ones((2, 3)), None]
    x = b.input(2)
    s = b.shared(storage, 2)
    t, out = b.temp(2), b.array(2)
    b.elementwise("add", t, x, s, inplace=[(0, 0)])
    b.elementwise("inc", out, b.subtensor(t, slice(None, None, -1)))
    new = b.update(s, 2, regs=b.dims(s))
    b.full("gemm_float64", [new], [s, b.const(1.0), b.reshape(t, 2, 3), b.const(np.eye(3)), b.const(1.0)])
    held = b.held(1)
    host = b.host(b.reg("CONST", 4))
    b.python(lambda v, n: np.zeros(int(n)), [held], [out, host])
    return [b.slots, b.nodes, b.inputs, b.shareds, b.updates, [out, held]]


def test_the_sample_is_valid(b, cvm):
    program = cvm.Program(*valid(b))
    result, held = program(np.zeros((2, 3)))
    np.testing.assert_array_equal(result, np.full((2, 3), 2.0))
    assert held.shape == (4,)


CASES = [
    ("slots", 0, (99, 12, 1, None), "kind 99"),
    ("slots", 0, (0, 12, 1, (1, 2)), "static lengths"),
    ("slots", 0, (0, 12, -1, ()), "ndim -1"),
    ("slots", 0, (0, 17, 0, ()), "bool or number"),
    ("slots", 0, (0, 12), "kind, typenum"),
    ("slots", 0, None, "kind, typenum"),
    ("inputs", 0, (99, None), "slot 99"),
    ("inputs", 0, (0, 3), "callable"),
    ("inputs", 0, (1, None), "of another kind"),
    ("shared", 0, (1, []), "the list"),
    ("shared", 0, (1, (1, 2)), "the list"),
    ("updates", 0, (9, 4, 0), "index in shared"),
    ("updates", 0, (0, 3, 0), "update 0"),
    ("updates", 0, (0, 0, 5), "mode"),
    ("outputs", 0, 0, "output 0"),
    ("outputs", 0, 99, "slot 99"),
    ("outputs", 0, "x", "int"),
    ("nodes", 0, (1, 2), "need"),
    ("nodes", 0, (99, None, (), (), (), (), (), 0, 1, 0), "unknown kind"),
    ("nodes", 0, (0, 0, (2,), (0, 1), (), (), (), 0, 1, 0), "address"),
    ("nodes", 0, (0, 1, (2,), (0, 1), (((0,), (0,)), (0, 0)), (), (), 0, 1, 0), "one item per operand"),
    ("nodes", 0, (0, 1, (2,), (0,), (((0, 0), (0, 1)), (0, 0)), (), (), 0, 1, 0), "each axis"),
    ("nodes", 0, (0, 1, (2,), (99,), (), (), (), 0, 1, 0), "not a slot"),
    ("nodes", 0, (0, 1, (0,), (1,), (((0, 1), (0, 1)), (0, 0)), (), (), 0, 1, 0), "not the program's"),
    ("nodes", 0, (1, 1, (2,), (0,), (), (), (), 0, 1, 0), "no lengths"),
    ("nodes", 0, (1, 1, (2,), (0,), (77,), (), (), 0, 1, 0), "register 77|no lengths"),
    ("nodes", 0, (0, 1, (2,), (0,), (((0, 1), (0, 1)), (0, 0)), ((99, 0, 0),), (), 0, 1, 0), "unknown opcode"),
    ("nodes", 0, (0, 1, (2,), (0,), (((0, 1), (0, 1)), (0, 0)), ((3, 90, 91, 92),), (), 0, 1, 0), "register 91"),
    ("nodes", 0, (0, 1, (2,), (0,), (((0, 1), (0, 1)), (0, 0)), ((1, 90, 0, 7),), (), 0, 1, 0), "no such axis"),
    ("nodes", 0, (0, 1, (2,), (0,), (((0, 1), (0, 1)), (0, 0)), ((2, 90, 0, 0),), (), 0, 1, 0), "R_VALUE"),
    ("nodes", 0, (0, 1, (2,), (0,), (((0, 1), (0, 1)), (0, 0)), (), ((0, 5),), 0, 1, 0), "inplace"),
    ("nodes", 0, (5, 3, (2,), (0,), None, (), (), 0, 1, 0), "not callable"),
    ("nodes", 0, (5, len, (2,), (0,), None, (), (), 0, 1, 0), "made by a Python node"),
    ("nodes", 0, (5, len, (), (0,), None, ((0, 99, 1),), (), 0, 1, 0), "CODE node"),
    ("nodes", 0, (6, None, (), (0,), None, (), (), 0, 1, 0), "no operands"),
    ("nodes", 0, (2, None, (2,), (0,), (0, 1), (), (), 0, 1, 0), "a view"),
]


@pytest.mark.parametrize("part,index,value,message", CASES)
def test_errors_of_the_description(b, cvm, part, index, value, message):
    arguments = valid(b)
    names = ["slots", "nodes", "inputs", "shared", "updates", "outputs"]
    arguments[names.index(part)][index] = value
    with pytest.raises((TypeError, ValueError), match=message):
        cvm.Program(*arguments)


def test_not_even_sequences(b, cvm):
    for n in range(6):
        arguments = valid(type(b)(b.c, b.k))
        arguments[n] = 3
        with pytest.raises(TypeError):
            cvm.Program(*arguments)
    with pytest.raises(TypeError, match="on_error"):
        cvm.Program([], [], [], [], [], [], 3)
    assert cvm.Program([], [], [], [], [], [])() == []


def mutate(value, rng):
    """One number somewhere inside the tuples replaced by another (never the address of a kernel)."""
    if isinstance(value, list | tuple) and value:
        where = rng.randrange(len(value))
        return type(value)([*value[:where], mutate(value[where], rng), *value[where + 1 :]])
    if isinstance(value, int) and not isinstance(value, bool) and -100 < value < 1000:
        return rng.choice([-2, -1, 0, 1, 2, 3, 5, 7, 11, 12, 31, 63, 99, 2**31, 2**40])
    return value


def test_mutated_descriptions_never_crash(new_builder, cvm):
    """Whatever is accepted must also run, or raise."""
    rng = random.Random(6)
    accepted = 0
    for _ in range(3000):
        arguments = valid(new_builder())
        part = rng.choice([0, 0, 1, 1, 1, 2, 3, 4, 5])
        if part == 3:
            arguments[3] = [(mutate(slot, rng), storage) for slot, storage in arguments[3]]
        else:
            arguments[part] = mutate(arguments[part], rng)
        if not kernels_still_fit(arguments, valid(new_builder())):
            continue
        try:
            program = cvm.Program(*arguments)
        except (TypeError, ValueError, OverflowError):
            continue
        accepted += 1
        for shape in ((2, 3), (3, 3)):
            with contextlib.suppress(TypeError, ValueError, IndexError, MemoryError):
                program(np.ones(shape))
    assert accepted > 100


def kernels_still_fit(arguments, original):
    """A kernel trusts the number, rank and dtype of its operands: the lowering's business, not the machine's."""
    slots = arguments[0]
    for node, model in zip(arguments[1], original[1], strict=True):
        operands = (*node[2], *node[3])
        if model[0] not in (0, 1):
            if node[0] in (0, 1):
                return False
            continue
        if (
            node[0] != model[0]
            or len(operands) != len(model[2]) + len(model[3])
            or (node[0] == 1 and node[4] != model[4])
        ):
            return False
        ranks = (2, 2, 0, 2, 2, 0) if node[0] == 1 else [None] * len(operands)
        for slot, rank in zip(operands, ranks, strict=True):
            if 0 <= slot < len(slots) and (slots[slot][1] != 12 or rank not in (None, slots[slot][2])):
                return False
    return True
