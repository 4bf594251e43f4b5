"""Configuration: one table of options for all packages.

Order of precedence: ``SYMSTACK_FLAGS`` (``name=value,name=value``) > ``.symstackrc`` in the home directory > the
defaults of the table. ``config.floatX = "float32"`` sets a value for the process; ``with
config.override(floatX="float32")`` for the present context (thread, task) only. ``function()`` takes
``config.snapshot()`` and passes it down, so that a compilation never sees a value change under its feet.
"""

import configparser
import contextlib
import contextvars
import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from symcore.errors import ConfigError


class Option(NamedTuple):
    """One row of the table: name, default, what it is for, how text becomes a value, allowed values, words that stand
    for values, the least number."""

    name: str
    default: Any
    doc: str
    parse: Callable[[str], Any] = str
    choices: tuple[Any, ...] = ()
    words: Mapping[str, Any] = MappingProxyType({})  # what may be written instead of a value
    least: float | None = None


def _bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off", ""):
        return False
    raise ValueError(f"{text!r} is neither true nor false")


_FLOATS = ("float64", "float32", "float16")

OPTIONS: tuple[Option, ...] = (
    Option("floatX", "float64", "dtype of float variables made without a dtype", choices=_FLOATS),
    Option("cast_policy", "custom", "how Python numbers take a dtype", choices=("custom", "numpy+floatX")),
    Option("int_division", "floatX", "what x / y of two integers gives", choices=("floatX", "int", "raise")),
    Option("mode", "FAST_RUN", "mode of functions made without a mode"),
    Option(
        "linker",
        "auto",
        "'auto' takes the C virtual machine when it is there, 'py' never does",
        choices=("auto", "cvm", "py"),
    ),
    Option("including", "", "names or tags of rules to add to every mode, separated by ':'"),
    Option("excluding", "", "names or tags of rules to leave out of every mode, separated by ':'"),
    Option("nan_safe", False, "leave out every rule that changes results on NaN, infinity or zero", _bool),
    Option("on_unused_input", "raise", "what an input that is not used does", choices=("raise", "warn", "ignore")),
    Option(
        "allow_input_downcast",
        None,
        "let inputs lose precision: None means Python floats only",
        lambda t: None if t.strip().lower() == "none" else _bool(t),
        (None, True, False),
    ),
    Option("device", "cpu", "where shared variables and the work on them live: cpu, cuda, cuda0, cuda? ..."),
    Option("compiler", "", "C compiler to use; empty: look for cc, gcc, clang, zig; 'none': never compile"),
    Option("compiler_flags", "", "flags added to every C compilation, separated by spaces"),
    Option("cache_dir", "", "folder of compiled code; empty: the user's cache folder"),
    Option("cache_size", 1 << 30, "bytes of compiled code to keep", int),
    Option(
        "threads",
        1,
        "threads that one call of functions made from now on may use, in BLAS too; 0 or 'auto': as many as this "
        "process is granted by its affinity and its control group's quota",
        int,
        words={"auto": 0},
        least=0,
    ),
    Option(
        "loop_memory",
        1 << 30,
        "bytes that the loops of a call may remember for gradients; beyond, steps are made twice. 0: any number",
        int,
    ),
    Option(
        "exception_verbosity",
        "low",
        "how much an error at run time tells; looked at when the error is raised",
        choices=("low", "high"),
    ),
    Option(
        "traceback_limit",
        1,
        "calls in the user's code to keep per node, from the innermost out; -1: all. More make graphs slower to build",
        int,
    ),
    Option("profile", False, "time every node of functions made from now on", _bool),
    Option(
        "compute_test_value",
        "off",
        "compute with test values while the graph is built; what a missing one does",
        choices=("off", "ignore", "warn", "raise", "pdb"),
    ),
    Option("print_test_value", False, "debugprint shows test values", _bool),
)
_TABLE = MappingProxyType({option.name: option for option in OPTIONS})


class Quick:
    """The options that are looked at for every node that is built, as plain attributes.

    An attribute is the value for the process, or ``None`` once any context has overridden the option: then ask
    ``config`` itself, which costs a hundred times as much.
    """

    __slots__ = ("compute_test_value", "traceback_limit")
    compute_test_value: str | None
    traceback_limit: int | None

    def __init__(self, values: dict[str, Any]):
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def follow(self, name: str, value: Any) -> None:
        """Take over a value that was set for the process."""
        if name in self.__slots__ and getattr(self, name) is not None:
            setattr(self, name, value)

    def give_up(self, names: Any) -> None:
        """From now on these options differ between contexts. (A context outlives its block: a task may keep it.)"""
        for name in names:
            if name in self.__slots__:
                setattr(self, name, None)


class Snapshot:
    """All options at one moment, as attributes; it cannot be changed and can be hashed."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any]):
        object.__setattr__(self, "_values", MappingProxyType(dict(values)))

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise _unknown(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise ConfigError(f"a snapshot of the configuration cannot be changed; set config.{name} instead.")

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self._values == other._values

    def __reduce__(self) -> tuple[Any, ...]:
        return Snapshot, (dict(self._values),)


class Config:
    """The options of the process, with context-local overrides. See the module's docstring."""

    quick: Quick

    def __init__(self, values: dict[str, Any]):
        self.__dict__["_process"] = values
        self.__dict__["_local"] = contextvars.ContextVar("symstack_config", default=None)
        self.__dict__["quick"] = Quick(values)

    def __getattr__(self, name: str) -> Any:
        local = self._local.get()
        if local is not None and name in local:
            return local[name]
        try:
            return self._process[name]
        except KeyError:
            if name.startswith("__"):
                raise AttributeError(name) from None
            raise _unknown(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        checked = _check(name, value)
        local = self._local.get()
        if local is not None and name in local:
            self._local.set({**local, name: checked})
        else:
            self._process[name] = checked
            self.quick.follow(name, checked)

    @contextlib.contextmanager
    def override(self, **options: Any) -> Iterator["Config"]:
        """Set options inside a ``with`` block, or as a decorator, for the present thread or task alone."""
        checked = {name: _check(name, value) for name, value in options.items()}
        self.quick.give_up(checked)
        token = self._local.set({**(self._local.get() or {}), **checked})
        try:
            yield self
        finally:
            self._local.reset(token)

    def change_flags(
        self, args: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), **options: Any
    ) -> contextlib.AbstractContextManager["Config"]:
        """Do what ``override`` does; the options may also stand in a dictionary, as older programs give them."""
        return self.override(**{**dict(args), **options})

    def snapshot(self) -> Snapshot:
        """Return the values that hold here and now, frozen."""
        return Snapshot({**self._process, **(self._local.get() or {})})

    def __dir__(self) -> list[str]:
        return [*_TABLE, "change_flags", "override", "snapshot"]

    def __repr__(self) -> str:
        lines = []
        for option in OPTIONS:
            lines.append(f"{option.name} = {getattr(self, option.name)!r}\n    {option.doc}")
            if option.choices:
                lines.append(f"    one of {', '.join(map(str, option.choices))}")
        return "\n".join(lines)


def _unknown(name: str) -> ConfigError:
    near = difflib.get_close_matches(name, _TABLE, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ConfigError(f"there is no option {name!r}.{hint} print(config) lists them all.")


def _check(name: str, value: Any) -> Any:
    option = _TABLE.get(name)
    if option is None:
        raise _unknown(name)
    if option.choices:
        if value not in option.choices:
            raise ConfigError(f"option {name} takes one of {', '.join(map(str, option.choices))}; got {value!r}.")
        return value
    if isinstance(value, str):
        value = option.words.get(value, value)
    kind = type(option.default)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        also = "".join(f" or {word!r}" for word in option.words)
        raise ConfigError(f"option {name} takes a {kind.__name__}{also}; got {value!r} ({type(value).__name__}).")
    if option.least is not None and value < option.least:
        raise ConfigError(f"option {name} must be at least {option.least:g}; got {value!r}.")
    return value


def _parse(name: str, text: str, source: str) -> tuple[str, Any]:
    name = name.strip()
    option = _TABLE.get(name)
    if option is None:
        raise ConfigError(f"{source}: {_unknown(name)}")
    try:
        text = text.strip()
        return name, _check(name, text if text in option.words else option.parse(text))
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    except ValueError:
        also = "".join(f" or {word!r}" for word in option.words)
        choices = ", ".join(map(str, option.choices or ()))
        takes = f"one of {choices}" if choices else f"{type(option.default).__name__}{also}"
        raise ConfigError(f"{source}: option {name} takes {takes}; got {text!r}.") from None


def read_flags(text: str) -> dict[str, Any]:
    """Parse ``name=value,name=value``. A name alone means ``name=True``."""
    values = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, equals, value = part.partition("=")
        key, parsed = _parse(name, value if equals else "True", "SYMSTACK_FLAGS")
        values[key] = parsed
    return values


def read_file(path: Path) -> dict[str, Any]:
    """Parse an INI file whose section ``[symstack]`` (or ``[global]``) holds ``name = value`` lines."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # option names keep their case
    parser.read(path, encoding="utf-8")
    values = {}
    for section in parser.sections():
        if section not in ("symstack", "global"):
            raise ConfigError(f"{path}: unknown section [{section}]; write the options under [symstack].")
        for name, text in parser.items(section):
            key, parsed = _parse(name, text, str(path))
            values[key] = parsed
    return values


def _load() -> Config:
    values = {option.name: option.default for option in OPTIONS}
    path = Path(os.environ.get("SYMSTACKRC") or Path.home() / ".symstackrc")
    if path.is_file():
        values.update(read_file(path))
    values.update(read_flags(os.environ.get("SYMSTACK_FLAGS", "")))
    return Config(values)


config = _load()
