"""A model's card: what it was made from, how it was judged and what nobody has measured.

`card.json` ↔ frozen dataclasses, without loss. A fact that is not known is None here and the words
'not measured' in the file, so that whoever opens the file sees the gap.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from cxr_core.errors import ModelError
from cxr_core.schema import Interval, OperatingPoint

Json: TypeAlias = Any
Facts: TypeAlias = Mapping[str, Json]
NOT_MEASURED = "not measured"

_T = TypeVar("_T")


@dataclass(frozen=True)
class DataFacts:
    """The films that a model was trained and validated on. Hashes are sha256."""

    name: str | None = None
    source: str | None = None
    licence: str | None = None
    n_train: int | None = None
    n_validation: int | None = None
    patients_train: int | None = None
    patients_validation: int | None = None
    data_sha256: str | None = None
    split_sha256: str | None = None
    split_seed: int | None = None
    extra: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Calibration:
    """Calibrated probability of pneumonia = sigmoid(scale · logit + offset)."""

    method: Literal["platt", "temperature"]
    scale: float
    offset: float


@dataclass(frozen=True)
class ValidationFigures:
    """Figures on the validation films at the locked threshold, with 95 % intervals.

    confusion: ((tn, fp), (fn, tp)).
    """

    n: int | None = None
    auc: Interval | None = None
    accuracy: Interval | None = None
    sensitivity: Interval | None = None
    specificity: Interval | None = None
    brier: float | None = None
    ece: float | None = None
    confusion: tuple[tuple[int, int], tuple[int, int]] | None = None
    extra: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class ModelCard:
    """All that is stated of one model version.

    recipe, versions, preprocessing, other: plain JSON values by name. cam_layer: the layer of
    `model.keras` whose activations the heatmap weighs. not_measured: sentences. extra: keys of
    the file that this version of the program does not know, kept as they are.
    """

    name: str
    version: str
    preprocessing: Facts
    calibration: Calibration
    operating_point: OperatingPoint
    cam_layer: str
    backbone: str | None = None
    created: str | None = None
    intended_use: str | None = None
    not_measured: tuple[str, ...] = ()
    data: DataFacts = DataFacts()
    recipe: Facts = field(default_factory=dict)
    versions: Facts = field(default_factory=dict)
    validation: ValidationFigures = ValidationFigures()
    other: Facts = field(default_factory=dict)
    extra: Facts = field(default_factory=dict)


def dumps(card: ModelCard) -> str:
    """The text of `card.json`. Raises ModelError for a value that JSON cannot hold (NaN, say)."""
    try:
        return json.dumps(_plain(card), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"Expected card values that JSON can hold; received {error}. "
            "Give None for a figure that was not measured."
        ) from error


def loads(text: str | bytes, where: str = "card.json") -> ModelCard:
    """Read the text of a `card.json`; `where` names it in errors. Raises ModelError."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"Expected a model card in JSON in {where}; received text that is not ({error}). "
            "Copy the model's folder again from where it came from."
        ) from error
    card = _build(ModelCard, value, where)
    _check(card, where)
    return card


def shown(value: object) -> str:
    """A fact in words: 'not measured' for None, '0.975 (0.966 to 0.983)' for an interval."""
    if value is None:
        return NOT_MEASURED
    if isinstance(value, Interval):
        return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def point(value: Json, where: str) -> OperatingPoint:
    """An operating point from plain JSON; `where` names its place in errors. Raises ModelError."""
    found = _build(OperatingPoint, value, where)
    inside = 0 < found.threshold < 1 and 0 <= found.refer_low <= found.refer_high <= 1
    if not inside:
        raise _unlike(
            where,
            "a threshold between 0 and 1 and refer_low <= refer_high from 0 to 1",
            f"{found.threshold}, {found.refer_low}, {found.refer_high}",
        )
    return found


def figures(value: Json, where: str) -> ValidationFigures:
    """Figures from plain JSON; `where` names their place in errors. Raises ModelError."""
    return _build(ValidationFigures, value, where)


def plain(value: Any) -> Json:
    """A dataclass of this module or of `schema` as JSON values; None is 'not measured'."""
    return _plain(value)


def _check(card: ModelCard, where: str) -> None:
    point(_plain(card.operating_point), f"operating_point of {where}")
    calibration = card.calibration
    if not (math.isfinite(calibration.offset) and 0 < calibration.scale < math.inf):
        raise _unlike(
            f"calibration of {where}",
            "a scale above 0 and a finite offset",
            f"{calibration.scale}, {calibration.offset}",
        )


def _plain(value: Any) -> Json:
    if is_dataclass(value) and not isinstance(value, type):
        result: dict[str, Json] = {}
        for f in fields(value):
            item = getattr(value, f.name)
            if f.name != "extra":
                result[f.name] = NOT_MEASURED if item is None else _plain(item)
        return result | {k: _plain(v) for k, v in getattr(value, "extra", {}).items()}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value


def _build(kind: type[_T], value: Json, where: str) -> _T:
    if not isinstance(value, dict):
        raise _unlike(where, "an object", value)
    hints = get_type_hints(kind)
    given = dict(value)
    built: dict[str, Any] = {}
    for f in fields(kind):  # type: ignore[arg-type]
        if f.name == "extra":
            continue
        item = given.pop(f.name, None)
        absent = item is None or item == NOT_MEASURED
        if not absent:
            built[f.name] = _value(hints[f.name], item, f"{f.name} in {where}")
        elif f.default is MISSING and f.default_factory is MISSING:
            raise _unlike(where, f"a value for {f.name!r}", "none")
    if "extra" in hints:
        built["extra"] = given
    elif given:
        raise _unlike(where, "only " + ", ".join(f.name for f in fields(kind)), sorted(given))  # type: ignore[arg-type]
    return kind(**built)


def _value(kind: Any, value: Json, where: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _value(next(a for a in args if a is not types.NoneType), value, where)
    if is_dataclass(kind) and isinstance(kind, type):
        return _build(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list) or (args[-1] is not ... and len(value) != len(args)):
            raise _unlike(where, "a list" if args[-1] is ... else f"a list of {len(args)}", value)
        kinds = [args[0]] * len(value) if args[-1] is ... else args
        return tuple(_value(k, v, where) for k, v in zip(kinds, value, strict=True))
    if origin is Literal:
        if value not in args:
            raise _unlike(where, " or ".join(map(repr, args)), value)
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    # What remains is a plain type, or a mapping of plain JSON.
    plain: type = kind if isinstance(kind, type) and origin is None else dict
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        name = {str: "text", int: "a whole number", float: "a number", dict: "an object"}
        raise _unlike(where, name.get(plain, plain.__name__), value)
    return value


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not a number that a card may hold")


def _unlike(where: str, expected: str, received: object) -> ModelError:
    words = received if isinstance(received, str) else json.dumps(received, ensure_ascii=False)
    return ModelError(
        f"Expected {expected} in {where}; received {words[:80]}. "
        "Correct the card, or copy the model's folder again from where it came from."
    )
