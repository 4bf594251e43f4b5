"""Shared variables: symbolic inputs whose value lives in a container and persists between calls."""

import copy
import os
import threading
import weakref
from typing import Any

from symcore.graph.type import Type
from symcore.graph.variable import TypeT, Variable


class _LostThread:
    """Owner of a value that another thread was updating when this process was forked: that thread is not here."""

    def _is_owned(self) -> bool:
        raise RuntimeError(
            "another thread was updating the value of a shared variable when this process was forked, and may have "
            "left it half written. Give it a value with set_value before it is used here, or fork while no call runs."
        )


_LOST = _LostThread()


class Container:
    """Holds the value of a shared variable, for all functions that use it.

    ``storage = [value, owner]``. ``owner`` is ``None``, or the re-entrant lock of the call that is updating the value
    with the GIL released: whoever wants the value then waits for that lock. Looking at ``storage`` and setting
    ``owner`` happen under the GIL and are atomic, so that a call takes all the containers it updates at once and cannot
    deadlock.
    """

    __slots__ = ("__weakref__", "storage")

    def __init__(self, value: Any):
        self.storage: list[Any] = [value, None]
        _containers.add(self)

    def wait(self) -> None:
        """Return when no call (but one of this very thread) is updating the value."""
        while (owner := self.storage[1]) is not None and not owner._is_owned():
            owner.acquire()
            owner.release()

    @property
    def value(self) -> Any:
        """The value itself, not a copy."""
        self.wait()
        return self.storage[0]

    @value.setter
    def value(self, value: Any) -> None:
        if self.storage[1] is _LOST:
            self.storage[:] = value, None
            return
        self.wait()
        self.storage[0] = value

    def __reduce__(self) -> tuple[Any, ...]:
        return Container, (self.value,)


_containers: "weakref.WeakSet[Container]" = weakref.WeakSet()


def _after_fork() -> None:
    for container in list(_containers):
        owner = container.storage[1]
        if owner is not None and owner is not _LOST and not owner._is_owned():
            container.storage[1] = _LOST  # nobody would ever let its owner go


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def new_owner() -> Any:
    """Return a lock that a call may put into ``storage[1]`` while it holds it."""
    return threading.RLock()


class SharedVariable(Variable[TypeT]):
    """A variable whose value is kept between calls and seen by every function that uses it.

    ``default_update``, if set to an expression, is applied by every function that uses the variable and does not update
    it explicitly.
    """

    default_update: Any = None

    def __init__(
        self,
        type: TypeT,
        value: Any = None,
        name: str | None = None,
        strict: bool = False,
        allow_downcast: bool | None = None,
        container: Container | None = None,
    ):
        super().__init__(type, None, None, name)
        if container is None:
            container = Container(type.filter(value, strict=strict, allow_downcast=allow_downcast))
        self.container = container

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """Return a copy of the value, or with ``borrow=True`` the array itself (updates may or may not show in it)."""
        value = self.container.value
        return value if borrow else copy.deepcopy(value)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Set the value. Raises ``TypeError``, and changes nothing, if it does not fit the type."""
        value = self.type.filter(new_value)
        if value is new_value and not borrow:
            value = copy.deepcopy(value)
        self.container.value = value

    def zero(self, borrow: bool = False) -> None:
        """Set every element to zero, keeping the shape."""
        self.container.value = self.container.value * 0

    def clone(self) -> Any:
        """Return another variable on the same container."""
        copied = type(self)(self.type, name=self.name, container=self.container)
        copied.__dict__.update({k: v for k, v in self.__dict__.items() if k not in copied.__dict__})
        if hasattr(self, "_tag"):
            copied.tag = self.tag
        return copied

    def __str__(self) -> str:
        return self.name if self.name is not None else f"<shared {self.type}>"


Type.shared_class = SharedVariable
