"""``Function``: a compiled graph that can be called."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from symcore.config import Snapshot
from symopt.interfaces import Program, Signature
from symopt.plan import MemoryPlan


class Function:
    """What ``function()`` returns. Call it with one value per input, by position or by name.

    Attributes
    ----------
    linked
        The program that runs it.
    fgraph
        The rewritten graph.
    plan
        The memory plan.
    mode, name
        As given to ``function()``.
    compile_times
        Seconds spent in rewriting and linking.
    """

    def __init__(self, program: Program, plan: MemoryPlan, signature: Signature, mode: Any, config: Snapshot):
        self.linked = program
        self.plan = plan
        self.signature = signature
        self.mode = mode
        self.config = config
        self.name = signature.name
        self.trust_input = False
        self.compile_times: dict[str, float] = {}
        self.report: Any = None
        self.recipe: tuple[Any, tuple[Any, ...]] = (None, ())  # how a pickle makes it anew
        self.profile: Any = None

    @property
    def fgraph(self) -> Any:
        """The rewritten graph."""
        return self.plan.fgraph

    @property
    def maker(self) -> Any:
        """The older way to reach the graph: ``f.maker.fgraph``."""
        return SimpleNamespace(fgraph=self.plan.fgraph, mode=self.mode, inputs=self.signature.inputs)

    # ------------------------------------------------------------------ calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call_general(args, kwargs)

    def _call_general(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Bind the arguments, run, and hand the outputs back in the form that was asked for."""
        if kwargs or len(args) != len(self.signature.inputs):
            args = self._bind(args, kwargs)
        return self._wrap_outputs(self.linked(*args))

    def _wrap_outputs(self, outputs: list[Any]) -> Any:
        if self.signature.single:
            return outputs[0]
        if self.signature.keys is not None:
            return dict(zip(self.signature.keys, outputs, strict=True))
        return outputs

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        ins = self.signature.inputs
        if len(args) > len(ins):
            raise TypeError(f"{self} takes {len(ins)} arguments ({self._names()}), got {len(args)}.")
        values: list[Any] = [*args, *[_MISSING] * (len(ins) - len(args))]
        for key, value in kwargs.items():
            position = self._position(key)
            if position < len(args) or values[position] is not _MISSING:
                raise TypeError(f"{self} got two values for its input {key!r}.")
            values[position] = value
        for position, i in enumerate(ins):
            if values[position] is _MISSING:
                if not i.has_default:
                    raise TypeError(
                        f"{self} needs a value for its input {position} ({i.name or i.variable}); it takes "
                        f"{len(ins)} arguments ({self._names()})."
                    )
                values[position] = i.value
        return tuple(values)

    def _position(self, key: str) -> int:
        found = [k for k, i in enumerate(self.signature.inputs) if i.name == key]
        if len(found) != 1:
            why = "has no input" if not found else "has several inputs"
            raise TypeError(f"{self} {why} called {key!r}; its inputs are: {self._names()}.")
        return found[0]

    def _names(self) -> str:
        return ", ".join(str(i.name or i.variable) for i in self.signature.inputs) or "none"

    def __str__(self) -> str:
        return f"function {self.name}" if self.name else "function"

    __repr__ = __str__

    # ------------------------------------------------------------------ looking

    def get_shared(self) -> list[Any]:
        """Return the shared variables that the function reads or updates."""
        found = list(self.fgraph.inputs[len(self.signature.inputs) :])
        return found + [u.shared for u in self.plan.updates if u.shared not in found]

    def placement(self) -> list[tuple[Any, str, str]]:
        """Return, per node in the order of execution, ``(node, where it runs, how or why)``."""
        return self.linked.placement()

    def explain(self) -> str:
        """Return a table: where each node runs, what is in place, what fell back to Python and why."""
        rows = []
        for k, (node, where, how) in enumerate(self.placement()):
            inplace = self.plan.describe(node)
            rows.append(
                f"{k:4d}  {where:<7} {node.op}{' ' + inplace if inplace else ''}" + (f"  ({how})" if how else "")
            )
        for update in self.plan.updates:
            rows.append(
                f"      update {update.shared}: "
                + ("written in place" if update.direct else "second buffer, swapped in")
            )
        return "\n".join(rows)

    def profile_on(self) -> None:
        """Time every node from now on, where the program can."""
        if hasattr(self.linked, "profile"):
            self.linked.profile = True
        self.profile = self.linked

    # ------------------------------------------------------------------ copying

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild, arguments = self.recipe
        return rebuild, (*arguments, self.name)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Function":
        return self


_MISSING = object()
