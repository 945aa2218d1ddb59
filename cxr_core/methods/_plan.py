"""What a job is asked to do: which films, which method, which settings, under which name."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from cxr_core.errors import ConfigError
from cxr_core.methods._rows import method, with_backbone
from cxr_core.methods._settings import Settings

_T = TypeVar("_T")


@dataclass(frozen=True)
class DataChoice:
    """Films and how they are parted.

    source: a folder of class folders or of TFRecords, an .npz or a .csv. classes: names in order,
    the first the negative one; none for all that are found. split: by 'patient', or the folders'
    'own'. validation: share of the films held out. A folder's own test films are never trained on.
    """

    source: str
    classes: tuple[str, ...] = ()
    split: Literal["patient", "own"] = "patient"
    validation: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """One fine-tuning job. name, version: of the model; '' for the method's name, the next one."""

    data: DataChoice
    method: str
    settings: Settings
    name: str = ""
    version: str = ""


def model_name(plan: Plan) -> str:
    """The name that the finished model is stored by."""
    if plan.name:
        return plan.name
    said = plan.settings.members or plan.method.startswith(plan.settings.backbone)
    return (
        f"pneumonia-{plan.method}" if said else f"pneumonia-{plan.settings.backbone}-{plan.method}"
    )


def as_config(plan: Plan) -> dict[str, Any]:
    """Plain JSON values, without loss."""
    return _plain(asdict(plan))  # type: ignore[no-any-return]


def from_config(config: Mapping[str, Any]) -> Plan:
    """The plan of a job's configuration.

    What is left out of its settings is the method's default for the backbone that they name.

    Raises ConfigError for a key or a value that no plan has.
    """
    given = dict(config)
    if not isinstance(given.get("method"), str):
        raise ConfigError("Expected a configuration with a method; found none. Name one.")
    defaults = method(given["method"]).defaults
    if not isinstance(given.get("data"), Mapping):
        raise ConfigError("Expected a configuration with data; found none. Name a source of films.")
    settings = given.pop("settings", {})
    if isinstance(settings, Mapping) and isinstance(settings.get("backbone"), str):
        defaults = with_backbone(defaults, settings["backbone"])
    data = given.pop("data")
    if "source" not in data:
        raise ConfigError("Expected a source of films in the data; found none. Name one.")
    plan = Plan(_built(DataChoice(data["source"]), data), given["method"], defaults)
    return replace(_built(plan, given), settings=_built(defaults, settings))


def _built(base: _T, given: Mapping[str, Any]) -> _T:
    """`base` with what is given, checked against the types of its fields."""
    hints = get_type_hints(type(base))
    known = {f.name for f in fields(base)}  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise ConfigError(
                f"Expected settings out of {', '.join(sorted(known))}; received {name!r}. "
                "Leave it out."
            )
    values = {k: _value(hints[k], v, k, getattr(base, k)) for k, v in given.items()}
    return replace(base, **values)  # type: ignore[type-var]


def _value(kind: Any, value: Any, name: str, base: Any) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None and types.NoneType in args:
            return None
        return _value(next(a for a in args if a is not types.NoneType), value, name, base)
    if isinstance(kind, type) and is_dataclass(kind):
        if isinstance(value, Mapping):
            return _built(base, value)
        kind = 'settings such as {"rotate": 5}'
    elif origin is Literal:
        if value in args:
            return value
        kind = " or ".join(map(str, args))
    elif origin is tuple:
        if isinstance(value, (list, tuple)):
            return tuple(_value(args[0], v, name, None) for v in value)
        kind = "a list such as [1, 2]" if args[0] is float else 'a list such as ["a", "b"]'
    elif kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    expected = words.get(kind, getattr(kind, "__name__", kind))
    raise ConfigError(
        f"Expected {expected} for {name}; received {str(value)[:60]!r}. Change that setting."
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value
