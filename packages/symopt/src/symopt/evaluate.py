"""``x.eval()`` through compiled functions, kept per variable and set of inputs."""

from typing import Any

from symcore.errors import MissingInputError
from symcore.graph.traverse import explicit_inputs
from symcore.graph.variable import Variable, evaluator
from symopt.function import function


def evaluate(variable: Variable[Any], values: dict[Any, Any], options: dict[str, Any]) -> Any:
    """Compute a variable for ``{input variable (or its name): value}``; see ``Variable.eval``."""
    by_name = {v.name: v for v in explicit_inputs([variable]) if v.name is not None}
    keys = []
    for key in values:
        if isinstance(key, str) and key not in by_name:
            raise MissingInputError(
                f"no input of {variable} is called {key!r}; there are: {', '.join(by_name) or 'none'}."
            )
        keys.append(by_name[key] if isinstance(key, str) else key)
    cache = variable.__dict__.setdefault("_eval_cache", {})
    key = (tuple(keys), tuple(sorted(options.items(), key=lambda kv: kv[0])))
    compiled = cache.get(key)
    if compiled is None:
        compiled = cache[key] = function(
            keys, variable, **{"on_unused_input": "ignore", "no_default_updates": True, **options}
        )
    return compiled(*values.values())


def install() -> None:
    """Let ``x.eval()`` compile."""
    evaluator.compute = evaluate
