"""``pydotprint``: a graph as a picture. The DOT text is written here; a Graphviz program draws it."""

from typing import Any

from symcore.graph.shared import SharedVariable
from symcore.graph.traverse import ancestors, toposort
from symcore.graph.variable import Apply, Constant, Variable
from symcore.printing.render import FORMATS, render
from symcore.printing.subject import Subject, inner_graphs, subject_of
from symcore.tensor.elemwise import Composite, Elemwise

#: Kind of a box -> fill colour (light, readable under black letters).
COLOURS = {
    "input": "#b8e0b8",
    "output": "#a8c8f0",
    "constant": "#e8e8e8",
    "shared": "#a0e0e0",
    "variable": "#ffffff",
    "elementwise": "#f8e0a0",
    "fused": "#f0b878",
    "product": "#d8b8f0",
    "reduction": "#f4c0c0",
    "view": "#f4f4dc",
    "transfer": "#f08080",
    "loop": "#f0a8d8",
    "impure": "#ffd0ff",
    "op": "#ffffff",
}
_KINDS = (  # beginning of the name of an Op class -> kind
    (("Dot", "Gem", "Ger", "BatchedDot", "Conv"), "product"),
    (("Reduce", "Argmax"), "reduction"),
    (("ToGpu", "ToHost"), "transfer"),
    (("Scan", "IfElse", "Blockwise"), "loop"),
)


def dot_text(
    fct: Any,
    compact: bool = True,
    with_ids: bool = False,
    high_contrast: bool = True,
    cond_highlight: bool | None = None,
    colorCodes: dict[str, str] | None = None,
    max_label_size: int = 70,
    scan_graphs: bool = False,
    var_with_name_simple: bool = False,
) -> str:
    """Return a graph in the DOT language; needs no program. The parameters are those of ``pydotprint``."""
    colours = COLOURS | (colorCodes or {})
    writer = _Writer(
        compact, with_ids, high_contrast, bool(cond_highlight), colours, max_label_size, var_with_name_simple
    )
    subject = subject_of(fct)
    lines = [
        "digraph symstack {",
        '  rankdir="TB"; node [fontname="Helvetica", fontsize=11];',
        '  edge [fontname="Helvetica", fontsize=9];',
    ]
    lines += writer.graph(subject, "n")
    pending = inner_graphs(subject.outputs) if scan_graphs else []
    for number, (node, fgraph) in enumerate(pending):
        title = _quote(f"inside {node.op}")
        lines += [
            f"  subgraph cluster_{number} {{",
            f"  label={title};",
            *writer.graph(subject_of(fgraph), f"g{number}_"),
            "  }",
        ]
    return "\n".join([*lines, "}"]) + "\n"


def pydotprint(
    fct: Any,
    outfile: Any = None,
    compact: bool = True,
    format: str | None = None,
    with_ids: bool = False,
    high_contrast: bool = True,
    cond_highlight: bool | None = None,
    colorCodes: dict[str, str] | None = None,
    max_label_size: int = 70,
    scan_graphs: bool = False,
    var_with_name_simple: bool = False,
    print_output_file: bool = True,
    return_image: bool = False,
) -> Any:
    """Draw a graph: ellipses are variables, boxes are nodes, arrows point along the flow of values.

    Parameters
    ----------
    fct
        A compiled function, a ``FunctionGraph``, a variable, a list of variables, or a node.
    outfile
        File to write; by default ``graph.<format>`` in the current folder. An open binary file works too.
    compact
        Draw only nodes, inputs, constants and outputs; with ``False`` every intermediate variable too (bipartite).
    format
        ``png`` (default), ``svg``, ``pdf`` or ``dot``; without it the ending of ``outfile`` decides.
    with_ids
        Write the position in the order of execution (or a running number) on every node.
    high_contrast
        Fill the shapes with colour; otherwise only their borders have it.
    cond_highlight
        Draw the nodes of lazy conditions with a thick border.
    colorCodes
        Kind of shape -> colour, overriding entries of ``printing.dot.COLOURS``.
    max_label_size
        Longer labels are cut in the middle.
    scan_graphs
        Draw the graphs inside Ops as well, each in a frame of its own.
    var_with_name_simple
        Write only the name, not the type, of variables that have a name.
    print_output_file
        Say where the picture was written.
    return_image
        Return the picture (bytes; text for ``dot``) instead of writing it.

    Raises
    ------
    ValueError
        For an unknown format.
    RuntimeError
        When no program is found that can draw the format; the message says how to get one.
    """
    path = str(outfile) if outfile is not None and not hasattr(outfile, "write") else None
    chosen = format or (path.rpartition(".")[2].lower() if path and "." in path else "png")
    if chosen not in FORMATS:
        raise ValueError(f"pydotprint draws {', '.join(FORMATS)}; got the format {chosen!r}.")
    text = dot_text(
        fct,
        compact,
        with_ids,
        high_contrast,
        cond_highlight,
        colorCodes,
        max_label_size,
        scan_graphs,
        var_with_name_simple,
    )
    image: Any = text if chosen == "dot" else render(text, chosen)
    if return_image:
        return image
    data = image.encode() if isinstance(image, str) else image
    if path is None and outfile is not None:
        outfile.write(data)
        return None
    target = path if path is not None else f"graph.{chosen}"
    with open(target, "wb") as file:
        file.write(data)
    if print_output_file:
        print(f"The picture of the graph is in {target}")
    return None


class _Writer:
    """Writes the statements of one graph after another with the same settings."""

    def __init__(
        self,
        compact: bool,
        with_ids: bool,
        filled: bool,
        conditions: bool,
        colours: dict[str, str],
        width: int,
        simple_names: bool,
    ):
        self.compact = compact
        self.with_ids = with_ids
        self.filled = filled
        self.conditions = conditions
        self.colours = colours
        self.width = width
        self.simple_names = simple_names

    def graph(self, subject: Subject, prefix: str) -> list[str]:
        """Return the statements for all nodes, variables and arrows of a graph; ``prefix`` begins its identifiers."""
        order = toposort(subject.outputs)
        names: dict[Any, str] = {}

        def name(item: Any) -> str:
            return names.setdefault(item, f"{prefix}{len(names)}")

        lines = []
        outputs = set(subject.outputs)
        for variable in ancestors(subject.outputs):
            if self._drawn(variable, outputs):
                lines.append(self._variable(name(variable), variable, outputs))
        for position, node in enumerate(order):
            lines.append(self._node(name(node), node, subject, position))
            for k, v in enumerate(node.inputs):
                lines.append(
                    self._arrow(name(self._source(v, outputs)), name(node), v, k if len(node.inputs) > 1 else None)
                )
            for y in node.outputs:
                if y in names:
                    lines.append(self._arrow(name(node), name(y), y, y.index if len(node.outputs) > 1 else None))
        return lines

    def _drawn(self, variable: Variable[Any], outputs: set[Variable[Any]]) -> bool:
        return not self.compact or variable.owner is None or variable in outputs

    def _source(self, variable: Variable[Any], outputs: set[Variable[Any]]) -> Any:
        """Return where an arrow for ``variable`` begins: at its own shape if it has one, else at its node."""
        return variable if self._drawn(variable, outputs) or variable.owner is None else variable.owner

    def _variable(self, name: str, variable: Variable[Any], outputs: set[Variable[Any]]) -> str:
        if variable in outputs:
            kind = "output"
        elif isinstance(variable, Constant):
            kind = "constant"
        elif isinstance(variable, SharedVariable):
            kind = "shared"
        else:
            kind = "input" if variable.owner is None else "variable"
        text = str(variable) if variable.owner is None or variable.name is not None else ""
        if variable.name is None and not isinstance(variable, Constant):
            text = ""
        show_type = not (self.simple_names and variable.name is not None)
        label = "\n".join(filter(None, [text, str(variable.type) if show_type else ""]))
        return f"  {name} [{self._style(label, kind, 'ellipse')}];"

    def _node(self, name: str, node: Apply, subject: Subject, position: int) -> str:
        label = f"{node.op}{subject.inplace(node)}"
        if self.with_ids:
            label += f"\nid={subject.order.get(node, position)}"
        thick = self.conditions and type(node.op).__name__.startswith("IfElse")
        return f"  {name} [{self._style(label, kind_of(node), 'box', thick)}];"

    def _style(self, label: str, kind: str, shape: str, thick: bool = False) -> str:
        colour = self.colours[kind]
        paint = f'style="filled", fillcolor="{colour}"' if self.filled else f'color="{colour}"'
        width = ", penwidth=3" if thick else ""
        return f"label={_quote(_cut(label, self.width))}, shape={shape}, {paint}{width}"

    def _arrow(self, begin: str, end: str, variable: Variable[Any], position: int | None) -> str:
        parts = [] if position is None else [str(position)]
        if self.compact and variable.owner is not None:
            parts.append(str(variable.type))
        return f"  {begin} -> {end}" + (f" [label={_quote(' '.join(parts))}];" if parts else ";")


def kind_of(node: Apply) -> str:
    """Return the kind of a node, which decides its colour."""
    op = node.op
    if not op.pure:
        return "impure"
    if isinstance(op, Elemwise):
        return "fused" if isinstance(op.fn, Composite) else "elementwise"
    name = type(op).__name__
    for beginnings, kind in _KINDS:
        if name.startswith(beginnings):
            return kind
    return "view" if op.view(node) else "op"


def _cut(text: str, width: int) -> str:
    """Cut every line that is too long in the middle."""

    def one(line: str) -> str:
        half = max(1, (width - 3) // 2)
        return line if len(line) <= width else f"{line[:half]}...{line[-half:]}"

    return "\n".join(map(one, text.split("\n")))


def _quote(text: str) -> str:
    """Return a DOT string: backslashes and quotes escaped, line breaks as DOT spells them, no control characters."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{"".join(c for c in safe if c.isprintable())}"'
