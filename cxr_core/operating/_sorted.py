"""Sort once, then any threshold by look-up: a slider's step is as quick for a million films."""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import DataError
from cxr_core.evaluate import auc_of_counts
from cxr_core.operating import _curves, _figures
from cxr_core.operating._bootstrap import Resampler
from cxr_core.operating._curves import CalibrationCurve, CostCurve, Curve, DecisionCurve, Histograms
from cxr_core.operating._cuts import Cuts
from cxr_core.operating._figures import Confusion, Figures
from cxr_core.operating._scores import PATIENT, ScoreSet
from cxr_core.schema import Interval


class Sorted:
    """A score set in order, lowest score first. Nothing in it changes: sessions may share it.

    set: the films. order: (n,) positions in the set. cuts: every threshold that matters.
    """

    def __init__(self, scores: ScoreSet) -> None:
        self.set = scores
        self.n, self.ill, self.well = scores.n, scores.ill, scores.well
        self.order = np.argsort(scores.scores, kind="stable")
        self.scores = scores.scores[self.order]
        self.labels = scores.labels[self.order]
        self.cuts = Cuts(self.scores, self.labels)
        self.ill_below = self.cuts.ill_below
        self._making = threading.RLock()

    @cached_property
    def auc(self) -> Interval:
        """DeLong's interval; films are taken as independent."""
        ill = -np.diff(self.cuts.tp)
        return auc_of_counts(ill, np.diff(self.cuts.positions) - ill)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is to be known of the films before any figure of theirs is believed."""
        if self.auc.high >= 0.5:
            return self.set.warnings
        return (
            *self.set.warnings,
            f"The scores rank normal films above pneumonias (AUC {self.auc.value:.3f}): they may "
            "be probabilities of 'normal', or the labels may be the wrong way round.",
        )

    @cached_property
    def brier(self) -> float:
        return float(np.mean((self.scores - self.labels) ** 2))

    @property
    def ece(self) -> float:
        return self.calibration().ece

    @property
    def ap(self) -> float:
        """Average precision, as scikit-learn defines it."""
        return self.precision_recall().area

    @cached_property
    def resampler(self) -> Resampler:
        with self._making:
            return Resampler(self.labels, self.patient_codes)

    @cached_property
    def patient_codes(self) -> NDArray[np.intp] | None:
        """(n,) a number for each film's patient, in sorted order; None where each has one film.

        A film without a patient is a patient of its own.
        """
        if not self.set.patients:
            return None
        import pandas as pd

        names = self.set.columns[PATIENT]
        codes, known = pd.factorize(names)
        alone = np.flatnonzero(names == "")
        codes = np.asarray(codes, dtype=np.intp)
        codes[alone] = len(known) + np.arange(len(alone))
        _, codes = np.unique(codes, return_inverse=True)
        return None if codes.max() + 1 == self.n else codes[self.order]

    def cut(self, threshold: float) -> int:
        """How many films lie below the threshold. Raises DataError where it is outside 0..1."""
        if not 0 <= threshold <= 1:
            raise DataError(
                f"Expected a threshold from 0 to 1; received {threshold:g}. "
                "It is a calibrated probability."
            )
        return self.cuts.below(threshold)

    def confusion(self, threshold: float) -> Confusion:
        return self.confusion_at(self.cut(threshold))

    def confusion_at(self, cut: int) -> Confusion:
        """With the lowest `cut` films not called."""
        fn = int(self.ill_below[cut])
        tn = cut - fn
        return Confusion(tn=tn, fp=self.well - tn, fn=fn, tp=self.ill - fn)

    def figures(self, threshold: float, prevalence: float | None = None) -> Figures:
        """Every figure with its 95 % interval; prevalence: the clinic's."""
        cut = self.cut(threshold)
        who = "patients" if self.resampler.by_patient else "films"
        return _figures.figures(
            threshold, self.confusion_at(cut), self.resampler.cells(cut), prevalence, who
        )

    def nearest(self, threshold: float, k: int = 12) -> NDArray[np.intp]:
        """Positions in the set of the k films nearest the threshold, nearest first."""
        cut = self.cut(threshold)
        near = np.arange(max(0, cut - k), min(self.n, cut + k))
        distance = np.abs(self.scores[near] - threshold)
        return self.order[near[np.argsort(distance, kind="stable")[:k]]]

    def misses(self, threshold: float, k: int | None = 12) -> NDArray[np.intp]:
        """Positions of films of pneumonia not called, the surest miss (lowest score) first."""
        below = np.flatnonzero(self.labels[: self.cut(threshold)] == 1)
        return self.order[below[:k]]

    def alarms(self, threshold: float, k: int | None = 12) -> NDArray[np.intp]:
        """Positions of normal films called, the surest alarm (highest score) first."""
        cut = self.cut(threshold)
        above = cut + np.flatnonzero(self.labels[cut:] == 0)
        return self.order[above[::-1][:k]]

    def histograms(self, bins: int = 50) -> Histograms:
        return _curves.histograms(self.cuts, bins)

    def roc(self) -> Curve:
        return self._roc

    def precision_recall(self) -> Curve:
        return self._precision_recall

    def calibration(self, bins: int = 10) -> CalibrationCurve:
        with self._making:
            if bins not in self._calibrations:
                self._calibrations[bins] = _curves.calibration(self.scores, self.labels, bins)
            return self._calibrations[bins]

    def decision(self, prevalence: float | None = None) -> DecisionCurve:
        """Net benefit over threshold, at the data's prevalence unless another is given."""
        return _curves.decision(self.cuts, self._share(prevalence))

    def cost(self, ratio: float, prevalence: float | None = None) -> CostCurve:
        """Expected cost over threshold, a miss costing `ratio` false alarms."""
        return _curves.cost(self.cuts, ratio, self._share(prevalence))

    def net_benefit(self, threshold: float, prevalence: float | None = None) -> float:
        """Of acting on films from `threshold` on, per patient. Vickers and Elkin 2006."""
        c, share = self.confusion(threshold), self._share(prevalence)
        return _curves.net_benefit(c.tp / c.ill, c.fp / c.well, threshold, share)

    def cost_at(self, threshold: float, ratio: float, prevalence: float | None = None) -> float:
        """Cost of 1,000 patients, in false alarms."""
        c, share = self.confusion(threshold), self._share(prevalence)
        return 1000 * (ratio * share * c.fn / c.ill + (1 - share) * c.fp / c.well)

    def _share(self, prevalence: float | None) -> float:
        if prevalence is None:
            return self.ill / self.n
        _figures.check_prevalence(prevalence)
        return prevalence

    @cached_property
    def _calibrations(self) -> dict[int, CalibrationCurve]:
        return {}

    @cached_property
    def _roc(self) -> Curve:
        return _curves.roc(self.cuts, self.auc.value)

    @cached_property
    def _precision_recall(self) -> Curve:
        return _curves.precision_recall(self.cuts)
