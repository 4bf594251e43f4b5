"""``FunctionGraph``: the one mutable structure. Rewriting, planning and linking work on it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from symcore.errors import InconsistentGraphError, MissingInputError
from symcore.graph.clone import Mapped, copy_graph
from symcore.graph.collector import full_collections_wait
from symcore.graph.shared import SharedVariable
from symcore.graph.test_values import paused
from symcore.graph.traverse import toposort
from symcore.graph.variable import Apply, Constant, Variable

#: Who uses a variable: ``(node, input position)``, or ``(None, output position)`` of the graph itself.
Client = tuple[Apply | None, int]


class FunctionGraph:
    """A private copy of a graph, in which equal nodes are one (hash-consing) and variables can be replaced.

    Parameters
    ----------
    inputs, outputs
        Variables of the user's graph.
    clone
        Copy the nodes (default). With ``False`` the given nodes become the graph's own: they must belong to nobody
        else.
    mapping
        Filled with ``{user's variable: variable of this graph}``.

    Raises
    ------
    MissingInputError
        When an output needs a variable that is neither an input, nor shared, nor constant.
    """

    def __init__(
        self,
        inputs: Sequence[Variable[Any]],
        outputs: Sequence[Variable[Any]],
        clone: bool = True,
        mapping: Mapped | None = None,
    ):
        if clone:
            with paused():
                new_inputs, new_outputs, _ = copy_graph(inputs, outputs, mapping)
        else:
            new_inputs, new_outputs = list(inputs), list(outputs)
        self.inputs: list[Variable[Any]] = new_inputs
        self.outputs: list[Variable[Any]] = []
        #: Every variable of the graph with its users, in the order they came.
        self.clients: dict[Variable[Any], dict[Client, None]] = {v: {} for v in new_inputs}
        self._input_set = set(new_inputs)
        #: Equal nodes are one: ``(op, inputs) -> node``; equal constants too.
        self._table: dict[Any, Apply] = {}
        self._constants: dict[Any, Variable[Any]] = {}
        self._nodes: dict[Apply, None] = {}
        #: The rules at work on the graph, for Ops that hold a graph of their own.
        self.rules: Any = None
        #: Called with a node when it enters, or when one of its inputs changes.
        self.on_touch: list[Callable[[Apply], None]] = []
        with full_collections_wait:
            for position, output in enumerate(new_outputs):
                adopted = self._adopt(output)
                self.outputs.append(adopted)
                self.clients[adopted][None, position] = None

    # ------------------------------------------------------------------ looking

    @property
    def nodes(self) -> Iterable[Apply]:
        """The nodes of the graph, in the order they came (not topological)."""
        return self._nodes.keys()

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, item: object) -> bool:
        return item in self._nodes or item in self.clients

    def toposort(self) -> list[Apply]:
        """Return the nodes, each after those it needs."""
        return toposort(self.outputs)

    def users(self, variable: Variable[Any]) -> Iterator[Apply]:
        """Yield the nodes that use a variable, once per use."""
        return (node for node, _ in self.clients[variable] if node is not None)

    def is_output(self, variable: Variable[Any]) -> bool:
        """Tell whether a variable is an output of the graph."""
        return any(node is None for node, _ in self.clients[variable])

    # ------------------------------------------------------------------ changing

    def replace(self, old: Variable[Any], new: Variable[Any], reason: str = "") -> None:
        """Let ``new`` take the place of ``old`` everywhere. ``new`` may be built on variables of this graph.

        Raises ``InconsistentGraphError`` when the type of ``new`` does not fit.
        """
        self.replace_all([(old, new)], reason)

    def replace_all(self, pairs: Iterable[tuple[Variable[Any], Variable[Any]]], reason: str = "") -> None:
        """Do several replacements at once, before nodes that lost their last user are dropped."""
        queue: deque[tuple[Variable[Any], Variable[Any], list[Client] | None]] = deque()
        for old, new in pairs:
            if old is new:
                continue
            if not fits(old.type, new.type):
                raise InconsistentGraphError(
                    f"{reason or 'a replacement'} would put a variable of type {new.type} in the place of {old}, "
                    f"which is of type {old.type}."
                )
            users = list(self.clients[old])
            adopted = self._adopt(new)
            if adopted is old:
                continue
            if adopted.name is None and adopted.owner is not None:  # inputs and constants are the user's
                adopted.name = old.name
            queue.append((old, adopted, users))
        dead: list[Variable[Any]] = []
        while queue:
            old, new, captured = queue.popleft()
            for node, position in list(self.clients[old]) if captured is None else captured:
                self._redirect(node, position, old, new, queue)
            dead += old, new  # the new one, where the old one had no user
        self._drop_unused(dead)

    def _redirect(self, node: Apply | None, position: int, old: Variable[Any], new: Variable[Any], queue: Any) -> None:
        self.clients[old].pop((node, position), None)
        self.clients[new][node, position] = None
        if node is None:
            self.outputs[position] = new
            return
        if self._table.get(key := _key(node)) is node:
            del self._table[key]
        node.inputs[position] = new
        if node.op.pure:
            twin = self._table.setdefault(_key(node), node)
            if twin is not node and _tells_as_much(twin, node):
                queue.extend((a, b, None) for a, b in zip(node.outputs, twin.outputs, strict=True))
                return
        for callback in self.on_touch:
            callback(node)

    def _adopt(self, variable: Variable[Any]) -> Variable[Any]:
        """Bring a variable and all it needs into the graph; return the equal one that is there already, if any."""
        if variable in self.clients:
            return variable
        if variable.owner is None:
            return self._adopt_leaf(variable)
        merged: Mapped = {}
        for node in toposort([variable], self.clients):
            inputs = [merged[v] if v in merged else self._adopt_leaf(v) for v in node.inputs]
            node.inputs[:] = inputs
            twin = self._table.setdefault(_key(node), node) if node.op.pure else node
            if twin is not node and _tells_as_much(twin, node):
                for mine, theirs in zip(node.outputs, twin.outputs, strict=True):
                    merged[mine] = theirs
                    if theirs.name is None:
                        theirs.name = mine.name
                continue
            self._nodes[node] = None
            for output in node.outputs:
                self.clients[output] = {}
            for position, v in enumerate(inputs):
                self.clients[v][node, position] = None
            for callback in self.on_touch:
                callback(node)
        return merged.get(variable, variable)

    def _adopt_leaf(self, variable: Variable[Any]) -> Variable[Any]:
        if variable in self.clients:
            return variable
        if isinstance(variable, Constant):
            variable = self._constants.setdefault((variable.type, variable.signature()), variable)
        elif isinstance(variable, SharedVariable):
            self.inputs.append(variable)
            self._input_set.add(variable)
        else:
            raise MissingInputError(
                f"the graph needs {variable} (of type {variable.type}), which is neither an input, nor shared, nor a "
                "constant. Add it to the inputs, or give it a value with givens."
            )
        self.clients.setdefault(variable, {})
        return variable

    def _drop_unused(self, candidates: list[Variable[Any]]) -> None:
        stack = candidates
        while stack:
            variable = stack.pop()
            node = variable.owner
            if node is None:
                if variable in self.clients and not self.clients[variable] and variable not in self._input_set:
                    del self.clients[variable]
                    if isinstance(variable, Constant):
                        self._constants.pop((variable.type, variable.signature()), None)
                continue
            if node not in self._nodes or any(self.clients[v] for v in node.outputs):
                continue
            del self._nodes[node]
            if self._table.get(key := _key(node)) is node:
                del self._table[key]
            for output in node.outputs:
                del self.clients[output]
            for position, v in enumerate(node.inputs):
                self.clients[v].pop((node, position), None)
                if not self.clients[v]:
                    stack.append(v)

    def clone(self) -> tuple["FunctionGraph", Mapped]:
        """Return a copy, and the mapping from this graph's variables to the copy's."""
        mapping: Mapped = {}
        return FunctionGraph(self.inputs, self.outputs, mapping=mapping), mapping

    def __reduce__(self) -> Any:
        return _restored, (self.inputs, self.outputs)

    def check(self) -> None:
        """Verify the structure's own bookkeeping; for tests and DEBUG mode. Raises ``AssertionError``."""
        order = self.toposort()
        assert set(order) == set(self._nodes), "unreachable or unknown nodes"
        uses: dict[Variable[Any], dict[Client, None]] = {v: {} for v in self.clients}
        for node in order:
            for position, v in enumerate(node.inputs):
                uses[v][node, position] = None
        for position, v in enumerate(self.outputs):
            uses[v][None, position] = None
        assert uses == self.clients, "clients are out of step"

    def __str__(self) -> str:
        return f"FunctionGraph({len(self.inputs)} inputs, {len(self._nodes)} nodes, {len(self.outputs)} outputs)"


def _restored(inputs: list[Variable[Any]], outputs: list[Variable[Any]]) -> FunctionGraph:
    return FunctionGraph(inputs, outputs, clone=False)


def fits(old: Any, new: Any) -> bool:
    """Tell whether a variable of type ``new`` may take the place of one of type ``old``."""
    return old == new or old.is_super(new)


def _tells_as_much(twin: Apply, node: Apply) -> bool:
    """Tell whether the types of a node's equal know all lengths that its own know: users may be typed by them.

    Nodes keep their types when their inputs are replaced by more special ones, so that equal nodes need not agree.
    """
    return all(fits(mine.type, theirs.type) for mine, theirs in zip(node.outputs, twin.outputs, strict=True))


def _key(node: Apply) -> Any:
    return (node.op, *map(id, node.inputs))
