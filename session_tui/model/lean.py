"""`dataclass` as in the standard library, except that methods are made when they are first called.

The standard one compiles six methods a class, about a millisecond each time the program starts, whether or not
anything calls them; with dozens of classes that would be most of the time until the first rows are on screen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        cls: type | None = None, /, *, frozen: bool, slots: bool, kw_only: bool = False
    ) -> type | Callable[[type], type]:
        """As `dataclasses.dataclass`, for frozen classes with slots that inherit from no other such class."""
        assert frozen and slots
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, slots=slots, kw_only=kw_only)
        own = {name for name in _MADE if name in vars(cls)}
        made = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=True, kw_only=kw_only)
        for name in _MADE.keys() - own:
            setattr(made, name, _later(made, name))
        for name, method in _SHARED.items():
            setattr(made, name, method)
        parameters = made.__dataclass_params__
        parameters.init = parameters.repr = parameters.eq = parameters.frozen = True
        return made


_NOTHING: dict[str, Any] = {"init": False, "repr": False, "eq": False}
# The options that make the standard library write each method as it does for a frozen class.
_MADE: dict[str, dict[str, Any]] = {
    "__init__": {**_NOTHING, "init": True, "frozen": True},
    "__repr__": {**_NOTHING, "repr": True},
    "__eq__": {**_NOTHING, "eq": True},
    "__hash__": {**_NOTHING, "eq": True, "unsafe_hash": True},
}


def _later(cls: type, name: str) -> Callable[..., object]:
    """What stands for a method of ``cls`` until its first call, which puts the real one in its place."""

    def method(self: object, /, *args: object, **named: object) -> object:
        real = _made(cls, name)
        setattr(cls, name, real)
        return real(self, *args, **named)

    method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
    return method


def _made(cls: type, name: str) -> Callable[..., object]:
    fields: dict[str, dataclasses.Field[object]] = getattr(cls, _FIELDS)
    copies = [(each.name, each.type, _copy(each)) for each in fields.values()]
    twin = dataclasses.make_dataclass(cls.__name__, copies, **_MADE[name])
    real: Callable[..., object] = vars(twin)[name]
    real.__qualname__ = f"{cls.__qualname__}.{name}"
    return real


def _copy(field: dataclasses.Field[object]) -> object:
    """A field as it was declared, for another class."""
    copy: dataclasses.Field[object] = dataclasses.field(
        repr=field.repr, hash=field.hash, compare=field.compare, kw_only=bool(field.kw_only)
    )
    copy.default, copy.default_factory = field.default, field.default_factory
    return copy


# ── what is the same for every class ──────────────────────────────────────────────────────────────────


def _set(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: object) -> list[object]:
    return [getattr(self, name) for name in getattr(self, _FIELDS)]


def _restore(self: object, state: list[object]) -> None:
    for name, value in zip(getattr(self, _FIELDS), state, strict=True):
        object.__setattr__(self, name, value)


_FIELDS = "__dataclass_fields__"
_SHARED: dict[str, Callable[..., object]] = {
    "__setattr__": _set,
    "__delattr__": _delete,
    "__getstate__": _state,
    "__setstate__": _restore,
}
