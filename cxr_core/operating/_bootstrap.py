"""Resampled confusion matrices at any threshold, in about a millisecond however many films.

Films drawn independently: the four cells of a resample are multinomial, so they are drawn as such
(exact, and the films are never touched). Where several films may be of one patient, patients are
drawn instead: by weights made once where they are few, and else from the normal distribution with
the covariance that resampling patients has, which is kept for every threshold at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
# Above these, a patient-by-resample table would take longer than a slider may.
MOST_FILMS = 50_000
MOST_PATIENTS = 1_000
FEWER = 1_000

Cells = NDArray[np.float64]


class Resampler:
    """cells(cut): (resamples, 4) counts of tn, fp, fn, tp with the lowest `cut` films not called.

    ill_sorted: (n,) 0 or 1, lowest score first. patients_sorted: a number from 0 on for
    each film's patient, or None.
    """

    def __init__(
        self, ill_sorted: NDArray[np.int8], patients_sorted: NDArray[np.intp] | None = None
    ) -> None:
        self._ill = ill_sorted
        self._ill_below = np.concatenate([[0], np.cumsum(ill_sorted, dtype=np.int64)])
        self.by_patient = patients_sorted is not None
        self._weights: NDArray[np.float32] | None = None
        self._sums: NDArray[np.float64] | None = None
        if patients_sorted is None:
            return
        self._codes = patients_sorted
        self._patients = int(patients_sorted.max()) + 1
        if len(ill_sorted) <= MOST_FILMS and self._patients <= MOST_PATIENTS:
            self._weights = _patient_weights(self._patients)
        else:
            self._sums, self._totals = _running_sums(ill_sorted, self._codes, self._patients)

    def cells(self, cut: int) -> Cells:
        # The same seed at each step: a slider at rest must not flicker.
        rng = np.random.default_rng(0)
        if self._weights is not None:
            return self._by_weights(cut)
        if self._sums is not None:
            return self._by_covariance(cut, rng)
        n = len(self._ill)
        counts = self._counts(cut)
        drawn: Cells = rng.multinomial(n, counts / n, size=RESAMPLES).astype(np.float64)
        return drawn

    def _counts(self, cut: int) -> Cells:
        n, ill = len(self._ill), int(self._ill_below[-1])
        fn = int(self._ill_below[cut])
        tn = cut - fn
        return np.array([tn, n - ill - tn, fn, ill - fn], dtype=np.float64)

    def _by_weights(self, cut: int) -> Cells:
        assert self._weights is not None
        # 0 tn, 1 fp, 2 fn, 3 tp of each patient.
        cell = 2 * self._ill.astype(np.intp)
        cell[cut:] += 1
        table = np.bincount(4 * self._codes + cell, minlength=4 * self._patients)
        drawn: NDArray[np.float32] = self._weights @ table.reshape(-1, 4).astype(np.float32)
        return drawn.astype(np.float64)

    def _by_covariance(self, cut: int, rng: np.random.Generator) -> Cells:
        assert self._sums is not None
        tn, _, fn, _ = self._counts(cut)
        n, ill = len(self._ill), float(self._ill_below[-1])
        ff, tt, ft, fi, fw, ti, tw = self._sums[:, cut]
        ii, ww, iw = self._totals
        second = np.array([[ff, ft, fi, fw], [ft, tt, ti, tw], [fi, ti, ii, iw], [fw, tw, iw, ww]])
        mean = np.array([fn, tn, ill, n - ill])
        covariance = second - np.outer(mean, mean) / self._patients
        values, vectors = np.linalg.eigh(covariance)
        factor = vectors * np.sqrt(np.clip(values, 0, None))
        drawn = mean + rng.standard_normal((RESAMPLES, 4)) @ factor.T
        missed, passed, sick, sound = drawn.T
        cells: Cells = np.stack([passed, sound - passed, missed, sick - missed], axis=1)
        return np.maximum(cells, 0)


def _patient_weights(patients: int) -> NDArray[np.float32]:
    """(resamples, patients): how often each resample drew each patient."""
    rng = np.random.default_rng(0)
    weights = np.empty((FEWER, patients), dtype=np.float32)
    for row in weights:
        row[:] = np.bincount(rng.integers(patients, size=patients), minlength=patients)
    return weights


def _running_sums(
    ill: NDArray[np.int8], codes: NDArray[np.intp], patients: int
) -> tuple[NDArray[np.float64], tuple[float, float, float]]:
    """Sums over patients of products of their counts, for every cut: (7, n + 1), and constants.

    With f, t a patient's ill and well films below the cut, and i, w all of them: f², t², ft, fi,
    fw, ti, tw; constants i², w², iw. One more film below the cut changes one patient's terms.
    """
    sick = ill.astype(np.float64)
    sound = 1 - sick
    all_sick = np.bincount(codes, weights=sick, minlength=patients)
    all_sound = np.bincount(codes, weights=sound, minlength=patients)
    order = np.argsort(codes, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=patients))[:-1]])
    before_sick, before_sound = np.empty_like(sick), np.empty_like(sick)
    for before, marks in ((before_sick, sick), (before_sound, sound)):
        run = np.concatenate([[0.0], np.cumsum(marks[order])])
        before[order] = run[:-1] - run[start[codes[order]]]
    steps = (
        sick * (2 * before_sick + 1),
        sound * (2 * before_sound + 1),
        sick * before_sound + sound * before_sick,
        sick * all_sick[codes],
        sick * all_sound[codes],
        sound * all_sick[codes],
        sound * all_sound[codes],
    )
    sums = np.zeros((len(steps), len(ill) + 1))
    for row, step in zip(sums, steps, strict=True):
        np.cumsum(step, out=row[1:])
    constants = (all_sick @ all_sick, all_sound @ all_sound, all_sick @ all_sound)
    return sums, (float(constants[0]), float(constants[1]), float(constants[2]))
