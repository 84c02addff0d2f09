"""A lean dataclass is in every way what the standard library would have made."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import field, replace

import msgspec
import pytest

from session_tui import model
from session_tui.model import SessionKey, Usage
from session_tui.model.lean import dataclass


@dataclass(frozen=True, slots=True)
class Pot:
    name: str
    litres: int = 1
    lids: list[str] = field(default_factory=list, compare=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kettle(Pot):
    whistles: bool = False
    secret: str = field(default="", repr=False)


VALUES = [value for value in vars(model).values() if dataclasses.is_dataclass(value) and isinstance(value, type)]


def test_it_is_made_printed_and_compared() -> None:
    pot, same, other = Pot("soup", lids=["tin"]), Pot(name="soup"), Pot("soup", 2)

    assert "Pot(name='soup', litres=1, lids=['tin'])" == repr(pot)
    assert (True, False) == (pot == same, pot == other)
    assert NotImplemented is Pot.__eq__(pot, "soup")
    assert len({pot, same, other}) == 2
    assert Pot("a").lids is not Pot("a").lids


def test_a_standard_heir_has_the_fields_of_both() -> None:
    kettle = Kettle(name="red", litres=2, whistles=True, secret="x")

    assert "Kettle(name='red', litres=2, lids=[], whistles=True)" == repr(kettle)
    assert kettle != Kettle(name="red", litres=2, whistles=False, secret="x")
    assert ("name", "litres", "lids") == Kettle.__match_args__


@pytest.mark.parametrize("change", [lambda pot: setattr(pot, "name", "x"), lambda pot: delattr(pot, "name")])
def test_it_cannot_be_changed(change: Callable[[Pot], None]) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        change(Pot("soup"))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        Pot()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword"):
        Pot("soup", colour="red")  # type: ignore[call-arg]


def test_copies_are_equal() -> None:
    key = SessionKey("store", "id", "/root")

    assert key == pickle.loads(pickle.dumps(key)) == copy.copy(key) == copy.deepcopy(key)
    assert SessionKey("store", "id", "/other") == replace(key, root="/other")
    assert Usage(1, 2) == msgspec.convert(msgspec.to_builtins(Usage(1, 2)), Usage)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_values_are_what_the_standard_library_makes_of_them(value: type) -> None:
    fields = [(each.name, each.type, each) for each in map(copy.copy, dataclasses.fields(value))]
    for _, _, each in fields:
        each.kw_only = bool(each.kw_only)
    standard = dataclasses.make_dataclass(value.__name__, fields, frozen=True, slots=True)
    arguments = {each.name: each.name for each in dataclasses.fields(value)}

    made, expected = value(**arguments), standard(**arguments)

    assert inspect.signature(standard) == inspect.signature(value)
    assert repr(expected) == repr(made)
    assert dataclasses.asdict(expected) == dataclasses.asdict(made)
    assert made == value(**arguments)
    assert not hasattr(made, "__dict__")
