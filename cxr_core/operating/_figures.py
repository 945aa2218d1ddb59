"""A confusion matrix → every figure with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.evaluate import wilson
from cxr_core.operating._bootstrap import Cells
from cxr_core.schema import Interval


@dataclass(frozen=True)
class Confusion:
    """Films by truth and call. called: those at or above the threshold."""

    tn: int
    fp: int
    fn: int
    tp: int

    @property
    def n(self) -> int:
        return self.tn + self.fp + self.fn + self.tp

    @property
    def ill(self) -> int:
        return self.fn + self.tp

    @property
    def well(self) -> int:
        return self.tn + self.fp

    @property
    def called(self) -> int:
        return self.fp + self.tp


@dataclass(frozen=True)
class PerThousand:
    """What happens to 1,000 patients at a prevalence; each cell in patients."""

    prevalence: float
    tn: Interval
    fp: Interval
    fn: Interval
    tp: Interval


@dataclass(frozen=True)
class FigureRow:
    """One line of a table. percent: shown as a share. meaning: one sentence."""

    key: str
    name: str
    interval: Interval | None
    percent: bool
    method: str
    meaning: str


@dataclass(frozen=True)
class Figures:
    """Everything at one threshold. None: not defined there (PPV where no film is called).

    prevalence: the data's; clinic: the one that `ppv_clinic`, `npv_clinic` and `per_1000` are for,
    None where none was given (then `per_1000` is at the data's). resampled: 'films' or 'patients'.
    """

    threshold: float
    n: int
    confusion: Confusion
    prevalence: float
    clinic: float | None
    sensitivity: Interval
    specificity: Interval
    ppv: Interval | None
    npv: Interval | None
    accuracy: Interval
    balanced_accuracy: Interval
    f1: Interval
    lr_plus: Interval | None
    lr_minus: Interval | None
    ppv_clinic: Interval | None
    npv_clinic: Interval | None
    per_1000: PerThousand
    resampled: str

    def rows(self) -> tuple[FigureRow, ...]:
        """The figures as a table, those at the clinic's prevalence last where one is given."""
        drawn = f"bootstrap over {self.resampled}"
        found = [
            FigureRow(key, name, getattr(self, key), percent, method or drawn, meaning)
            for key, name, percent, method, meaning in _ROWS
        ]
        if self.clinic is not None:
            found += [
                FigureRow(key, f"{name} at {self.clinic:.1%} prevalence", getattr(self, key), True,
                          drawn, f"{meaning} in your clinic.")
                for key, name, meaning in _CLINIC_ROWS
            ]  # fmt: skip
        return tuple(found)


_ROWS = (
    ("sensitivity", "Sensitivity", True, "Wilson", "Share of pneumonias that are called."),
    ("specificity", "Specificity", True, "Wilson", "Share of normal films that are not called."),
    ("ppv", "PPV", True, "Wilson", "Share of called films that have pneumonia, in these data."),
    ("npv", "NPV", True, "Wilson", "Share of films not called that are normal, in these data."),
    ("accuracy", "Accuracy", True, "Wilson", "Share of films called rightly, in these data."),
    ("balanced_accuracy", "Balanced accuracy", True, "", "Mean of sensitivity and specificity."),
    ("f1", "F1", False, "", "Harmonic mean of sensitivity and PPV, in these data."),
    ("lr_plus", "LR+", False, "", "How many times a call multiplies the odds of pneumonia."),
    ("lr_minus", "LR−", False, "", "What the absence of a call multiplies those odds by."),
)  # fmt: skip
_CLINIC_ROWS = (
    ("ppv_clinic", "PPV", "Share of called patients who have pneumonia"),
    ("npv_clinic", "NPV", "Share of patients not called who are well"),
)


def figures(
    threshold: float,
    confusion: Confusion,
    resamples: Cells,
    prevalence: float | None = None,
    resampled: str = "films",
) -> Figures:
    """Figures of `confusion`, whose resamples (B, 4) are tn, fp, fn, tp. prevalence: the clinic's.

    Wilson for proportions, percentiles of the resamples elsewhere. Where a cell is empty no
    resample fills it, and percentiles would be too sure: there the limits are those that Wilson's
    limits of sensitivity and specificity lead to. Raises DataError for a prevalence outside 0..1.
    """
    c = confusion
    share = c.ill / c.n
    if prevalence is not None:
        check_prevalence(prevalence)
    sensitivity, specificity = wilson(c.tp, c.ill), wilson(c.tn, c.well)
    tn, fp, fn, tp = resamples.T
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn_se, drawn_sp = tp / (tp + fn), tn / (tn + fp)
        drawn_f1 = 2 * tp / (2 * tp + fp + fn)
        drawn_plus, drawn_minus = drawn_se / (1 - drawn_sp), (1 - drawn_se) / drawn_sp
    empty = 0 in (c.tn, c.fp, c.fn, c.tp)

    def interval(
        formula: Callable[[float, float], float | None], drawn: NDArray[np.float64]
    ) -> Interval | None:
        value = formula(sensitivity.value, specificity.value)
        if value is None:
            return None
        low, high = _percentiles(drawn)
        if empty:
            ends = [
                end
                for se in (sensitivity.low, sensitivity.high)
                for sp in (specificity.low, specificity.high)
                if (end := formula(se, sp)) is not None
            ]
            low, high = min(low, value, *ends), max(high, value, *ends)
        return Interval(value, min(low, value), max(high, value))

    def f1_of(se: float, sp: float) -> float:
        return 2 * se * share / (se * share + (1 - sp) * (1 - share) + share)

    ppv_clinic = npv_clinic = None
    if prevalence is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn_ppv, drawn_npv = _predictive(drawn_se, drawn_sp, prevalence)
        ppv_clinic = interval(lambda se, sp: _ppv(se, sp, prevalence), drawn_ppv)
        npv_clinic = interval(lambda se, sp: _npv(se, sp, prevalence), drawn_npv)
    balanced = interval(lambda se, sp: (se + sp) / 2, (drawn_se + drawn_sp) / 2)
    f1 = interval(f1_of, drawn_f1)
    assert balanced is not None
    assert f1 is not None
    return Figures(
        threshold=threshold,
        n=c.n,
        confusion=c,
        prevalence=share,
        clinic=prevalence,
        sensitivity=sensitivity,
        specificity=specificity,
        ppv=wilson(c.tp, c.called) if c.called else None,
        npv=wilson(c.tn, c.n - c.called) if c.called < c.n else None,
        accuracy=wilson(c.tp + c.tn, c.n),
        balanced_accuracy=balanced,
        f1=f1,
        lr_plus=interval(_lr_plus, drawn_plus),
        lr_minus=interval(_lr_minus, drawn_minus),
        ppv_clinic=ppv_clinic,
        npv_clinic=npv_clinic,
        per_1000=_per_thousand(
            sensitivity, specificity, share if prevalence is None else prevalence
        ),
        resampled=resampled,
    )


def check_prevalence(prevalence: float) -> None:
    """Raises DataError unless 0 < prevalence < 1."""
    if not 0 < prevalence < 1:
        raise DataError(
            f"Expected a prevalence between 0 and 1; received {prevalence:g}. "
            "Give the share of patients with pneumonia, such as 0.1 for 10 %."
        )


def shown(found: Interval, percent: bool = False) -> str:
    """'96.0 % (94.1 to 97.4)' or '3.10 (2.62 to 3.73)'; ∞ where there is no end."""

    def number(value: float) -> str:
        if math.isinf(value):
            return "∞"
        return f"{100 * value:.1f}" if percent else f"{value:.3f}" if value < 10 else f"{value:.1f}"

    unit = " %" if percent else ""
    return f"{number(found.value)}{unit} ({number(found.low)} to {number(found.high)})"


def _per_thousand(sensitivity: Interval, specificity: Interval, prevalence: float) -> PerThousand:
    ill, well = 1000 * prevalence, 1000 * (1 - prevalence)
    return PerThousand(
        prevalence=prevalence,
        tn=_times(specificity, well),
        fp=_times(_rest(specificity), well),
        fn=_times(_rest(sensitivity), ill),
        tp=_times(sensitivity, ill),
    )


def _times(share: Interval, factor: float) -> Interval:
    return Interval(factor * share.value, factor * share.low, factor * share.high)


def _rest(share: Interval) -> Interval:
    return Interval(1 - share.value, 1 - share.high, 1 - share.low)


def _ppv(se: float, sp: float, prevalence: float) -> float | None:
    called = se * prevalence + (1 - sp) * (1 - prevalence)
    return se * prevalence / called if called > 0 else None


def _npv(se: float, sp: float, prevalence: float) -> float | None:
    passed = (1 - se) * prevalence + sp * (1 - prevalence)
    return sp * (1 - prevalence) / passed if passed > 0 else None


def _predictive(
    se: NDArray[np.float64], sp: NDArray[np.float64], prevalence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    caught, passed = se * prevalence, sp * (1 - prevalence)
    return caught / (caught + (1 - sp) * (1 - prevalence)), passed / (
        passed + (1 - se) * prevalence
    )


def _lr_plus(se: float, sp: float) -> float | None:
    if sp < 1:
        return se / (1 - sp)
    return math.inf if se > 0 else None


def _lr_minus(se: float, sp: float) -> float | None:
    if sp > 0:
        return (1 - se) / sp
    return math.inf if se < 1 else None


def _percentiles(drawn: NDArray[np.float64]) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of those resamples in which the figure is defined."""
    defined = drawn[~np.isnan(drawn)]
    if len(defined) == 0:
        return math.inf, -math.inf
    a, b = int(0.025 * (len(defined) - 1)), math.ceil(0.975 * (len(defined) - 1))
    part = np.partition(defined, (a, b))
    return float(part[a]), float(part[b])
