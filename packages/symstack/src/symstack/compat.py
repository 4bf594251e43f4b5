"""Old names: how programs written for Theano spell what symstack has, and what to write here.

Most names need no table: what stands under ``theano`` stands under ``symstack`` (``ss``), what stands under
``theano.tensor`` under ``symstack.tensor`` (``T``). ``NAMES`` holds the others.

>>> from symstack import compat
>>> compat.spelling("theano.tensor.dot"), compat.spelling("theano.gof.graph.inputs")
('T.dot', 'ss.graph.inputs')
>>> compat.resolve("theano.sandbox.rng_mrg.MRG_RandomStreams").__name__
'MRG_RandomStreams'
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

__all__ = ["NAMES", "direct", "resolve", "spelling"]

#: Modules of graph tools, whose names are gathered in ``ss.graph``.
_GRAPH = (
    "Apply", "Constant", "Type", "Variable", "ancestors", "clone_get_equiv", "equal_computations", "inputs",
    "io_toposort", "is_same_graph", "variables_and_orphans", "walk",
)  # fmt: skip
_TEST_VALUES = ("debug_assert", "debug_error_message", "get_debug_values", "get_test_value")

#: Old name -> how it is spelled here, where that is not the same path under ``ss`` or ``T``.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        # graphs
        **{f"theano.gof.graph.{name}": f"ss.graph.{name}" for name in _GRAPH},
        **{f"theano.graph.basic.{name}": f"ss.graph.{name}" for name in _GRAPH},
        **{f"theano.gof.op.{name}": f"ss.graph.{name}" for name in _TEST_VALUES},
        **{f"theano.gof.{name}": f"ss.{name}" for name in ("Apply", "Constant", "FunctionGraph", "Op", "Type")},
        "theano.gof.Variable": "ss.Variable",
        "theano.gof": "ss.graph",
        "theano.gof.MissingInputError": "ss.graph.MissingInputError",
        "theano.gof.Op.__call__": "ss.Op.__call__",
        "theano.gof.fg.MissingInputError": "ss.graph.MissingInputError",
        "theano.gof.graph": "ss.graph",
        "theano.gof.local_optimizer": "symopt.rewrite",
        "theano.gof.op.PureOp": "ss.Op",
        "theano.gof.type.Type": "ss.Type",
        "theano.graph.basic": "ss.graph",
        "theano.graph.basic.graph_inputs": "ss.graph.inputs",
        "theano.graph.fg": "ss.graph",
        "theano.graph.fg.MissingInputError": "ss.graph.MissingInputError",
        "theano.graph.op.Op": "ss.Op",
        "theano.graph.op.Op.__call__": "ss.Op.__call__",
        "theano.graph.op.get_test_value": "ss.graph.get_test_value",
        "theano.graph.utils.TestValueError": "ss.graph.TestValueError",
        "theano.scan_module.scan_utils.equal_computations": "ss.graph.equal_computations",
        "theano.tensor.Apply": "ss.Apply",
        "theano.tensor.Constant": "ss.Constant",
        "theano.tensor.Op": "ss.Op",
        "theano.tensor.Variable": "ss.Variable",
        # compiling
        **{f"theano.compile.{name}": f"ss.{name}" for name in ("In", "Mode", "Out")},
        **{f"theano.compile.io.{name}": f"ss.{name}" for name in ("In", "Out")},
        "theano.compile.mode.Mode": "ss.Mode",
        "theano.compile.monitormode.MonitorMode": "ss.MonitorMode",
        "theano.updates.OrderedUpdates": "ss.OrderedUpdates",
        "theano.compile.SharedVariable": "ss.SharedVariable",
        "theano.compile.builders.OpFromGraph": "ss.OpFromGraph",
        "theano.compile.function": "ss.function",
        "theano.compile.get_default_mode": "ss.get_mode",
        "theano.compile.mode.get_default_mode": "ss.get_mode",
        "theano.compile.mode.get_mode": "ss.get_mode",
        "theano.compile.nanguardmode": "symopt.nanguard",
        "theano.compile.nanguardmode.NanGuardMode": "ss.NanGuardMode",
        "theano.compile.ops.as_op": "ss.as_op",
        "theano.compile.profiling.ProfileStats": "symopt.profile.ProfileStats",
        "theano.compile.sharedvalue.SharedVariable": "ss.SharedVariable",
        "theano.compile.view_op": "T.tensor_copy",
        "theano.tests.record.RecordMode": "ss.MonitorMode",
        "theano.ifelse.ifelse": "ss.ifelse",
        "theano.scan.until": "ss.until",
        "theano.scan_module.scan_utils.until": "ss.until",
        # options
        "theano.config.compiledir": "ss.config.cache_dir",
        "theano.config.cxx": "ss.config.compiler",
        "theano.config.gcc__cxxflags": "ss.config.compiler_flags",
        "theano.configparser.change_flags": "ss.config.change_flags",
        # tensors
        "theano.sandbox.linalg.ops.alloc_diag": "T.alloc_diag",
        "theano.sparse.sandbox.sp2.sampling_dot": "T.sparse.sampling_dot",
        "theano.tensor.Rebroadcast": "T.patternbroadcast",
        "theano.tensor.Tensor": "T.TensorType",
        "theano.tensor.basic._allclose": "np.allclose",
        "theano.tensor.subtensor.Subtensor": "symcore.tensor.subtensor.Subtensor",
        "theano.tensor.var.TensorVariable": "T.TensorVariable",
        "theano.tensor.xlogx.xlogx": "T.xlogx",
        "theano.tensor.xlogx.xlogy0": "T.xlogy0",
        # functions of single numbers
        "theano.scalar.all_types": "symcore.tensor.dtypes.DTYPES",
        "theano.scalar.basic.all_types": "symcore.tensor.dtypes.DTYPES",
        "theano.scalar.i0": "T.i0",
        "theano.scalar.i1": "T.i1",
        "theano.scalar.identity": "T.tensor_copy",
        "theano.scalar.sgn": "T.sgn",
        "theano.scalar.upcast": "symcore.tensor.dtypes.upcast",
        "theano.scalar.upgrade_to_float": "symcore.tensor.dtypes.upgrade_to_float",
        # random numbers
        "theano.sandbox.rng_mrg": "symcore.random",
        "theano.sandbox.rng_mrg.MRG_RandomStream": "ss.MRG_RandomStreams",
        "theano.sandbox.rng_mrg.MRG_RandomStreams": "ss.MRG_RandomStreams",
        # neural networks
        "theano.sandbox.softsign.softsign": "T.nnet.softsign",
        "theano.tensor.nnet.bn.batch_normalization": "T.nnet.batch_normalization",
        "theano.tensor.nnet.bn.batch_normalization_test": "T.nnet.batch_normalization_test",
        "theano.tensor.nnet.bn.batch_normalization_train": "T.nnet.batch_normalization_train",
        "theano.tensor.nnet.nnet.softsign": "T.nnet.softsign",
        # tests
        "theano.tests.breakpoint.PdbBreakpoint": "ss.printing.PdbBreakpoint",
        "theano.tests.unittest_tools": "np.testing",
        "theano.tests.unittest_tools.assert_allclose": "np.testing.assert_allclose",
        "theano.tests.unittest_tools.seed_rng": "np.random.default_rng",
        "theano.tests.unittest_tools.verify_grad": "ss.gradient.verify_grad",
        # what NumPy and Python have by now
        "theano._asarray": "np.asarray",
        "theano.compat.OrderedDict": "builtins.dict",
        "theano.compat.python2x.OrderedDict": "builtins.dict",
        "theano.compat.six.b": "builtins.bytes",
        "theano.compat.six.iteritems": "builtins.dict.items",
        "theano.compat.six.iterkeys": "builtins.dict.keys",
        "theano.compat.six.itervalues": "builtins.dict.values",
        "theano.compat.six.moves.cPickle": "pickle",
        "theano.compat.six.moves.cPickle.HIGHEST_PROTOCOL": "pickle.HIGHEST_PROTOCOL",
        "theano.compat.six.moves.cPickle.dump": "pickle.dump",
        "theano.compat.six.moves.cPickle.dumps": "pickle.dumps",
        "theano.compat.six.moves.cPickle.load": "pickle.load",
        "theano.compat.six.moves.cPickle.loads": "pickle.loads",
        "theano.compat.six.moves.cStringIO": "io.StringIO",
        "theano.compat.six.moves.input": "builtins.input",
        "theano.compat.six.moves.reduce": "functools.reduce",
        "theano.compat.six.moves.xrange": "builtins.range",
        "theano.compat.six.moves.zip": "builtins.zip",
        "theano.compat.six.next": "builtins.next",
        "theano.compat.six.string_types": "builtins.str",
        "theano.compat.six.text_type": "builtins.str",
    }
)

_PATHS = (
    ("theano.tensor.basic", "T"),
    ("theano.tensor", "T"),
    ("theano.sparse.basic", "T.sparse"),
    ("theano.sparse", "T.sparse"),
    ("theano", "ss"),
)
_ROOTS = {"ss": "symstack", "T": "symstack.tensor", "np": "numpy", "builtins": "builtins", "pickle": "pickle",
          "io": "io", "functools": "functools", "symcore": "symcore", "symopt": "symopt"}  # fmt: skip


def direct(name: str) -> str:
    """Return the same path under ``ss`` or ``T``, whether it exists or not. ``LookupError`` outside of ``theano``."""
    while name.startswith("theano.theano"):  # some programs go through their own import of the package
        name = name.removeprefix("theano.")
    for old, new in _PATHS:
        if name == old or name.startswith(old + "."):
            return new + name.removeprefix(old)
    raise LookupError(f"old names begin with 'theano', got {name!r}.")


def spelling(name: str) -> str:
    """Return how an old name is spelled here, as text: ``"T.dot"``.

    Raises ``LookupError``, with names that are near, for one that there is nothing for.
    """
    same = direct(name)
    plain = "theano" + same.removeprefix("ss") if same.startswith("ss") else name
    found = NAMES.get(plain, NAMES.get(name, same))
    try:
        _value(found)
    except AttributeError:
        near = difflib.get_close_matches(name, NAMES, n=2, cutoff=0.7)
        hint = f" Near it: {', '.join(near)}." if near else ""
        raise LookupError(f"nothing stands for {name!r}.{hint} See the page 'Names of 2015' of the docs.") from None
    return found


def resolve(name: str) -> Any:
    """Return what an old name stands for here. Raises ``LookupError`` as ``spelling`` does."""
    return _value(spelling(name))


def _value(text: str) -> Any:
    root, *path = text.split(".")
    where = _ROOTS[root]
    value: Any = import_module(where)
    for part in path:
        where = f"{where}.{part}"
        if not hasattr(value, part) and isinstance(value, ModuleType):
            with contextlib.suppress(ModuleNotFoundError):
                import_module(where)
        value = getattr(value, part)
    return value
