"""``Record``: a class whose annotated attributes are its parameters.

``dataclasses`` compiles new functions for each class, and imports ``inspect``: 20 ms in the first function of a
process. Here all classes share the same few functions.
"""

from typing import Any, ClassVar, TypeVar, dataclass_transform, get_origin

R = TypeVar("R", bound="Record")

_MISSING = object()


@dataclass_transform(frozen_default=True)
class Record:
    """Annotated attributes make the constructor, equality, hash, repr and pickle of a subclass; they are not changed.

    Values on the class are defaults, shared by all. A subclass with a constructor of its own and no annotations has
    instances that equal only themselves.

    The constructor raises ``TypeError`` for parameters that do not exist and for those that are missing.
    """

    _params: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    _by_identity: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        own = [
            name
            for name, note in cls.__dict__.get("__annotations__", {}).items()
            if not name.startswith("_") and not _is_classvar(note)
        ]
        cls._params = tuple(dict.fromkeys((*cls._params, *own)))
        cls._defaults = {**cls._defaults, **{n: cls.__dict__[n] for n in own if n in cls.__dict__}}
        if "__init__" in cls.__dict__ and not own:
            cls._by_identity = True  # a constructor whose parameters we do not know: instances are their own kind

    def __init__(self, *args: Any, **kwargs: Any):
        cls = type(self)
        if len(args) == len(cls._params) and not kwargs:  # as most are made
            self.__dict__.update(zip(cls._params, args, strict=True))
            return
        if len(args) > len(cls._params):
            raise TypeError(f"{cls.__name__} takes {len(cls._params)} parameters, got {len(args)}.")
        values = {**cls._defaults, **dict(zip(cls._params, args, strict=False)), **kwargs}
        for name in cls._params:
            if name not in values:
                raise TypeError(f"{cls.__name__} needs a value for its parameter {name!r}.")
        if len(values) > len(cls._params):
            unknown = sorted(set(values) - set(cls._params))
            raise TypeError(f"{cls.__name__} has no parameter {', '.join(unknown)}; it has {', '.join(cls._params)}.")
        self.__dict__.update(values)

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self._params])

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or self._by_identity:
            return False
        return self._values() == other._values()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        cached: int | None = self.__dict__.get("_hash")
        if cached is None:
            cached = id(self) >> 4 if self._by_identity else hash((type(self), self._values()))
            self.__dict__["_hash"] = cached
        return cached

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("_hash", None)  # str hashes differ between processes
        return state

    def __repr__(self) -> str:
        shown = [
            f"{name}={_show(getattr(self, name))}"
            for name in self._params
            if getattr(self, name, _MISSING) != self._defaults.get(name, _MISSING)
        ]
        return f"{type(self).__name__}{{{', '.join(shown)}}}" if shown else type(self).__name__

    def __str__(self) -> str:
        return repr(self)


def _show(value: Any) -> str:
    """A parameter as it is printed: a function by its name, for its address changes from run to run."""
    return getattr(value, "__qualname__", None) or repr(value)


def _is_classvar(note: Any) -> bool:
    return get_origin(note) is ClassVar or note is ClassVar or (isinstance(note, str) and "ClassVar" in note)


def replace(record: R, **changes: Any) -> R:
    """Return a record like another, with other values for some parameters. Raises ``TypeError`` for unknown names."""
    values = {name: getattr(record, name) for name in record._params}
    return type(record)(**{**values, **changes})
