"""From a type hint to a function that takes a JSON value of exactly that type, and refuses any other."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import UnionType
from typing import Any, Literal, get_args, get_origin


def reader(hint: Any) -> Callable[[Any], Any]:
    """Turn a type hint into a function that passes a JSON value of that type and refuses any other."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is UnionType:
        some = reader(inner[0])
        return lambda value: None if value is None else some(value)
    if origin is tuple:
        return partial(_items, inner[0], reader(inner[0]))
    if origin is Literal:
        return lambda value: _one_of(inner, value)
    if hint is float:
        return _number
    if hint in (str, int, bool):
        return lambda value: _of(hint, _CALLED[hint], value)
    return (lambda value: _of(dict, "an object", value)) if origin is Mapping else (lambda value: value)


def _items(hint: Any, item: Callable[[Any], Any], value: Any) -> tuple[Any, ...]:
    listed = _of(list, "a list", value)
    sure = hint in _CALLED and {hint}.issuperset(map(type, listed))  # there may be a million of them
    return tuple(listed) if sure else tuple(item(one) for one in listed)


_CALLED = {str: "a text", int: "a whole number", bool: "true or false"}


def _of(kind: type, called: str, value: Any) -> Any:
    if type(value) is not kind:  # not isinstance: JSON's true is no number
        raise TypeError(f"it must be {called}")
    return value


def _one_of(allowed: tuple[str, ...], value: object) -> object:
    if value not in allowed:
        raise ValueError(f"it must be one of {', '.join(allowed)}")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError("it must be a number")
    return float(value)
