"""C for elementwise loops that read rows of tables by an index."""

from typing import Any

import numpy as np

from symcodegen.dispatch import COLLAPSED, Answer, CKernel, Routine, c_impl, refuse
from symcodegen.expr import NoC
from symcodegen.kernels.indexed import AHEAD, indexed_kernel
from symcodegen.ops.elemwise import broadcast_axes, scalar_inputs, work
from symcodegen.ops.reduce import reduced_axes
from symcore.graph.variable import Apply
from symcore.tensor.indexed_map import IndexedMap
from symcore.tensor.type import TensorType


@c_impl.register
def indexed_map_c(op: IndexedMap, node: Apply) -> Answer:
    """Where the rows are, as a table of offsets, and then one loop; see ``kernels.indexed``."""
    mapped = op.mapped(node.inputs)
    types = [v.type for v in mapped.inputs]
    dtypes = [t.dtype for t in types], [y.type.dtype for y in mapped.outputs]
    scalars = [alone and k not in op.tables for k, alone in enumerate(scalar_inputs(types))]
    combined = (op.fn, np.dtype(op.dtype), np.dtype(op.acc_dtype)) if op.fn else None
    try:
        body, functions = indexed_kernel(op.map, *dtypes, scalars, op.tables, combined)
    except NoC as why:
        return refuse(node, f"no C for {why}")
    axes, stretch = _axes(op, node, types)
    kernel = CKernel(
        body,
        functions,
        COLLAPSED,
        axes,
        stretch,
        fallible=op.fn in ("maximum", "minimum"),
        heavy=any(d.kind == "c" for side in dtypes for d in side),
        weight=work(op.map),
        cut=True,
    )

    def emit(b: Any, n: Apply) -> None:
        first = len(types)
        offsets = [_offsets(b, n.inputs[k], n.inputs[first + i]) for i, k in enumerate(op.tables)]
        inputs = [*(b.slot(v) for v in n.inputs[:first]), *offsets]
        outputs = [b.out(y, shaped=False) for y in n.outputs]
        b.kernel(kernel, outputs, inputs, tuple(b.plan.inplace.get(n, {}).items()), str(op))

    return Routine("kernel", emit, fallible=True)


def _axes(op: IndexedMap, node: Apply, types: list[TensorType]) -> tuple[Any, Any]:
    """Return ``axes`` and ``stretch`` of the kernel: of a table the rows' own axes, of offsets those of the index."""
    ndim = max(t.ndim for t in types)
    whole = tuple(range(ndim))
    outputs = [whole] * len(node.outputs)
    if op.fn:
        outputs[0] = reduced_axes(ndim, op.axis)[0]
    axes, stretch = (list(found) for found in broadcast_axes(types, ndim))
    of_offsets, stretched = [], []
    for n, k in enumerate(op.tables):
        rank = node.inputs[len(types) + n].type.ndim
        begin = ndim - types[k].ndim
        behind = begin + rank
        of_offsets.append(tuple(a - begin if begin <= a < behind else -1 for a in whole))
        stretched.append(stretch[k] & (1 << behind) - 1)
        axes[k] = tuple(a - behind + 1 if a >= behind else -1 for a in whole)
        stretch[k] &= ~((1 << behind) - 1)
    return (*outputs, *axes, *of_offsets), (*[0] * len(outputs), *stretch, *stretched)


def _offsets(b: Any, table: Any, index: Any) -> int:
    """Emit what checks an index and finds its rows; return the slot of their offsets, of the shape of the index.

    The memory goes on for some rows more: a loop may look ahead.
    """
    registers, rank = b.registers, index.type.ndim
    lengths = [registers.length(index, axis) for axis in range(rank)]
    ahead = registers.add(lengths[0], registers.of(AHEAD))
    room = b.temp(TensorType("int64", (None,) * rank), (ahead, *lengths[1:]))
    extras = [registers.of(rank), registers.of(table.type.ndim)]
    b.routine("row_offsets", [room], [b.slot(table), b.slot(index)], extras)
    view: int = b.new_view(TensorType("int64", index.type.shape))
    b.subtensor(view, room, [(b.cvm.ITEM_SLICE, -1, lengths[0], -1)])
    return view
