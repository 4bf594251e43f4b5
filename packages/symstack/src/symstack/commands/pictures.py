"""The pictures of the demonstration: its learning curve, and the graph that the compiler made of a training step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["draw_graph", "draw_learning_curve"]


def draw_learning_curve(costs: Sequence[float], accuracies: Sequence[float], folder: Path) -> str:
    """Draw cost and test accuracy over epochs into ``learning_curve.png``; returns a line that says what was done."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return "learning curve      not drawn: matplotlib is not installed: pip install 'symstack[demo]'"
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)  # no window system is looked for
    left = figure.add_subplot()
    epochs = range(1, len(costs) + 1)
    left.plot(epochs, costs, color="tab:blue", marker=".")
    left.set(xlabel="epoch", ylabel="mean training cost (nats per image)", yscale="log")
    left.yaxis.label.set_color("tab:blue")
    right = left.twinx()
    right.plot(epochs, [100 * accuracy for accuracy in accuracies], color="tab:red", marker=".")
    right.set_ylabel("test accuracy (%)", color="tab:red")
    left.set_title(f"Digits: {100 * accuracies[-1]:.1f} % after {len(costs)} epochs")
    path = folder / "learning_curve.png"
    figure.savefig(path, dpi=120)
    return f"learning curve      {path}"


def draw_graph(function: Any, folder: Path) -> str:
    """Draw the optimised graph into ``graph.png``, or ``graph.dot`` where nothing can render it; returns a line."""
    from symstack import printing

    path = folder / "graph.png"
    try:
        printing.pydotprint(function, outfile=str(path), format="png", print_output_file=False)
    except (ImportError, OSError, RuntimeError) as error:
        path = folder / "graph.dot"
        path.write_text(printing.dot_text(function), encoding="utf-8")
        return f"optimised graph     {path} (as text: {error})"
    return f"optimised graph     {path}"
